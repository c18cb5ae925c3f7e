// Writes cubins as small as the driver's checks need them, so that every check can be tried also
// where there is no nvcc.
#ifndef CLESSIDRA_TEST_EMULATOR_CUBIN_H
#define CLESSIDRA_TEST_EMULATOR_CUBIN_H

#include <cstdint>
#include <string>
#include <vector>

struct KernelOfCubin {
  std::string name;
  std::vector<uint32_t> parameters;  // sizes; each is aligned to its size, at most to 8
  uint32_t maximum_threads = 0;
  uint32_t static_shared = 0;
  uint32_t registers = 0;
};

std::string make_cubin(uint32_t architecture, const std::vector<KernelOfCubin>& kernels);
std::string make_fatbin(const std::vector<std::string>& cubins, uint64_t flags = 0);

#endif
