// Memory for data that kernels go through.
#ifndef CLESSIDRA_CPU_MEMORY_H
#define CLESSIDRA_CPU_MEMORY_H

#include <cstddef>

namespace clessidra {

// Whole pages of the system's, which get back there as soon as they are released, whichever threads
// did either; from 2 MiB on huge ones where the system has them, since a matrix's rows otherwise lie
// in more pages than the processor keeps translations for. Null if there is none.
void* allocate(size_t bytes);

// Gives back memory of so many bytes; null is none.
void release(void* memory, size_t bytes);

}  // namespace clessidra

#endif
