#include "kernel_table.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

#define CLESSIDRA_ENTRY(name)                                      \
  [](ThreadPool& threads, const void* arguments) {                 \
    name(threads, *static_cast<const clessidra_##name*>(arguments)); \
  },

const KernelFunction kernel_table[] = {CLESSIDRA_KERNELS(CLESSIDRA_ENTRY)};

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
