// The argument of the kernel that measures the limit all others are held to.
#ifndef CLESSIDRA_CUDA_PEAK_CUH
#define CLESSIDRA_CUDA_PEAK_CUH

#include <stdint.h>

struct clessidra_peak {
  float* results;      // one float a thread
  int64_t iterations;  // of CLESSIDRA_PEAK_MULTIPLY_ADDS in each thread
};

#define CLESSIDRA_PEAK_MULTIPLY_ADDS 128

#endif
