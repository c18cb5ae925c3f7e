// Runs a grid: its blocks on the host's threads, the threads of a block as fibers.
#ifndef CLESSIDRA_EMULATOR_GRID_H
#define CLESSIDRA_EMULATOR_GRID_H

#include <cstddef>
#include <memory>
#include <vector>

#include "clessidra/emulator/runtime.h"
#include "driver.h"

namespace clessidra::emulator {

constexpr uint32_t kWarp = 32;
constexpr uint32_t kMaximumThreads = 1024;
constexpr uint32_t kMaximumSharedBytes = 227 << 10;

// What uninitialised memory holds: a NaN as a float and as a double, and a very large integer.
constexpr uint32_t kPoison = 0x7ffbadadu;
void poison(void* memory, size_t bytes);

// A copy of a launch's arguments, which the caller may change as soon as the launch returned.
class Arguments {
 public:
  Arguments(const KernelDescription& kernel, void* const* parameters);

  void* const* pointers() const { return pointers_.data(); }

 private:
  std::unique_ptr<char[]> bytes_;
  std::vector<void*> pointers_;
};

struct Grid {
  const KernelDescription* kernel;
  Index blocks;
  Index block_size;
  bool has_static_shared;  // or may have
  uint32_t dynamic_shared;
  Arguments arguments;
};

// Runs the whole grid, in an order made from the seed. A broken rule ends it: it has been reported
// when this returns another result than CUDA_SUCCESS.
CUresult run_grid(const Grid& grid, uint64_t seed);

// Lets faults of running kernels be reported and end their grid only; all other faults go to
// whoever was responsible before.
void install_fault_handler();

}  // namespace clessidra::emulator

#endif
