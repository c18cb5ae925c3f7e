// Every kernel as a function of the threads and its struct, once for each instruction set.
#ifndef CLESSIDRA_CPU_KERNEL_TABLE_H
#define CLESSIDRA_CPU_KERNEL_TABLE_H

#include "../thread_pool.h"
#include "clessidra/kernels.h"

namespace clessidra {

// Elements that are worth another thread.
constexpr int64_t kGrain = 4 * 1024;

// The fewest rows of `columns` elements that are worth another thread.
inline __attribute__((always_inline)) int64_t grain_rows(int64_t columns) {
  return columns < kGrain ? kGrain / (columns > 0 ? columns : 1) : 1;
}

// Multiply-adds of one iteration of run_multiply_adds.
constexpr int kPeakMultiplyAdds = 192;

using KernelFunction = void (*)(ThreadPool& threads, const void* arguments);

#define CLESSIDRA_DECLARE_KERNEL(name) \
  void name(ThreadPool& threads, const clessidra_##name& arguments);
#define CLESSIDRA_DECLARE_TABLE(isa)              \
  namespace isa {                                 \
  CLESSIDRA_KERNELS(CLESSIDRA_DECLARE_KERNEL)     \
  extern const KernelFunction kernel_table[];     \
  double run_multiply_adds(int64_t iterations);   \
  }
CLESSIDRA_DECLARE_TABLE(portable)
CLESSIDRA_DECLARE_TABLE(avx2)
CLESSIDRA_DECLARE_TABLE(avx512)

}  // namespace clessidra

#endif
