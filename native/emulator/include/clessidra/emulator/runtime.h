// What compiled kernels and the emulated driver say to each other. Kernels see it through cuda.h.
#ifndef CLESSIDRA_EMULATOR_RUNTIME_H
#define CLESSIDRA_EMULATOR_RUNTIME_H

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace clessidra::emulator {

struct Index {
  unsigned x, y, z;
};

struct Coordinates {
  Index thread;
  Index block;
  Index block_size;
  Index grid_size;
  char* dynamic_shared;
};

struct Parameter {
  uint32_t size;
  uint32_t alignment;
};

// A __global__ function as its registration tells it.
struct KernelDescription {
  const char* name;
  // Calls the function for the running thread; parameters[i] points to the i-th argument.
  void (*invoke)(void* const* parameters);
  // The address of a variable in the library's thread-local memory, where __shared__ lives.
  void* (*touch_shared)();
  const Parameter* parameters;
  uint32_t parameter_count;
};

// A __device__ or __constant__ variable.
struct VariableDescription {
  const char* name;
  void* address;
  size_t bytes;
};

enum class Barrier : uint32_t { kSync, kCount, kAnd, kOr };

enum class Collective : uint32_t {
  kSync,
  kBallot,
  kShuffle,
  kMatchAny,
  kMatchAll,
  kSum,
  kMinimum,
  kMaximum,
  kMinimumSigned,
  kMaximumSigned,
  kAnd,
  kOr,
  kXor
};

}  // namespace clessidra::emulator

// Also in a kernel library that hides its own symbols.
#pragma GCC visibility push(default)
extern "C" {

extern __thread clessidra::emulator::Coordinates clessidra_emulator_coordinates
    __attribute__((tls_model("initial-exec")));

void clessidra_emulator_register_kernel(const clessidra::emulator::KernelDescription* kernel);
void clessidra_emulator_unregister_kernel(const clessidra::emulator::KernelDescription* kernel);
void clessidra_emulator_register_variable(const clessidra::emulator::VariableDescription* variable);
void clessidra_emulator_unregister_variable(
    const clessidra::emulator::VariableDescription* variable);

// What follows is called by a running CUDA thread only.
int clessidra_emulator_barrier(clessidra::emulator::Barrier kind, int predicate,
                               std::source_location where);
uint64_t clessidra_emulator_collective(clessidra::emulator::Collective kind, uint32_t mask,
                                       uint64_t value, uint32_t source_lane,
                                       std::source_location where);
uint32_t clessidra_emulator_active_lanes(void);
// Lets other threads of the block run: where a thread may be waiting for what they write.
void clessidra_emulator_yield(void);
[[noreturn]] void clessidra_emulator_trap(const char* why, std::source_location where);

}  // extern "C"
#pragma GCC visibility pop

#endif
