// Every kernel as a function of the threads and its struct, once for each instruction set.
#ifndef CLESSIDRA_CPU_KERNEL_TABLE_H
#define CLESSIDRA_CPU_KERNEL_TABLE_H

#include "../thread_pool.h"
#include "clessidra/kernels.h"

namespace clessidra {

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
