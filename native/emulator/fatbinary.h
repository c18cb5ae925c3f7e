// Reads what nvcc built, as far as launches depend on it.
#ifndef CLESSIDRA_EMULATOR_FATBINARY_H
#define CLESSIDRA_EMULATOR_FATBINARY_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace clessidra::emulator {

// One kernel of a cubin.
struct KernelFacts {
  struct Parameter {
    uint32_t offset;
    uint32_t size;
  };
  std::vector<Parameter> parameters;
  uint32_t parameter_bytes = 0;
  uint32_t static_shared = 0;
  uint32_t maximum_threads = 0;  // of __launch_bounds__; 0 without
  uint32_t registers = 0;
};

struct Cubin {
  uint32_t architecture;  // 90 for sm_90 and sm_90a
  std::map<std::string, KernelFacts> kernels;
};

// All cubins of a fatbin, or the one that the image itself is. What is wrong goes to *error, which
// stays as it was when nothing is.
std::vector<Cubin> read_cubins(const void* image, std::string* error);

}  // namespace clessidra::emulator

#endif
