// Modules: registered kernels, checked against what nvcc built.
#ifndef CLESSIDRA_EMULATOR_MODULE_H
#define CLESSIDRA_EMULATOR_MODULE_H

#include <map>
#include <memory>
#include <string>

#include "clessidra/emulator/runtime.h"
#include "driver.h"
#include "fatbinary.h"

struct CUfunc_st {
  const clessidra::emulator::KernelDescription* kernel;
  bool checked;  // against a cubin; without one there are no facts
  clessidra::emulator::KernelFacts facts;
  uint32_t maximum_dynamic_shared;
  CUmodule module;
};

struct CUmod_st {
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
};

namespace clessidra::emulator {

// Without an opt-in a block has no more shared memory than this, static and dynamic together.
constexpr uint32_t kSharedBytes = 48 << 10;
constexpr uint32_t kRegisters = 64 << 10;  // of a multiprocessor, and of a block
constexpr uint32_t kMultiprocessorThreads = 2048;
constexpr uint32_t kMultiprocessorShared = 228 << 10;
constexpr uint32_t kMultiprocessorBlocks = 32;
constexpr uint32_t kArchitecture = 90;

// Null when the image and the registered kernels do not fit together; *error says why.
std::unique_ptr<CUmod_st> load_module(const void* image, std::string* error);

// The registered variable of this name: null when there is none.
const VariableDescription* find_variable(const char* name);
// Whether these bytes are in a registered variable.
bool in_variable(const void* address, size_t bytes);

// The registers that a block of this many threads occupies.
uint32_t registers_of(const KernelFacts& facts, uint32_t threads);
// How many blocks of this size a multiprocessor holds at a time.
int resident_blocks(const CUfunc_st& function, uint32_t threads, size_t dynamic_shared);

}  // namespace clessidra::emulator

#endif
