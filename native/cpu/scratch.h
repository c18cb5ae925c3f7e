// Working memory of a kernel, owned by the thread that asks and kept for the next kernel.
#ifndef CLESSIDRA_CPU_SCRATCH_H
#define CLESSIDRA_CPU_SCRATCH_H

#include <cstddef>

namespace clessidra {

enum class Scratch { kShared, kPrivate };

// At least `floats` floats, aligned to 64 bytes; valid until this thread asks again for the same
// kind, or its computing() is free. kShared is for what a caller prepares for all threads, kPrivate
// for one task's own use. Throws std::bad_alloc where there is none.
float* thread_scratch(Scratch kind, size_t floats);

// Frees what threads that are not computing have kept.
void trim_scratch();

}  // namespace clessidra

#endif
