// Memory for data that kernels go through.
#ifndef CLESSIDRA_CPU_MEMORY_H
#define CLESSIDRA_CPU_MEMORY_H

#include <cstddef>

namespace clessidra {

// Aligned to a cache line; from 2 MiB on in huge pages where the system has them, since a matrix's
// rows otherwise lie in more pages than the processor keeps translations for. Null if there is none.
// To be given back with std::free.
void* allocate(size_t bytes);

}  // namespace clessidra

#endif
