// What the test's kernels take.
#ifndef CLESSIDRA_TEST_EMULATOR_ARGUMENTS_H
#define CLESSIDRA_TEST_EMULATOR_ARGUMENTS_H

struct arguments {
  float* to;
  const float* from;
  unsigned long long count;
  int choice;
};

#endif
