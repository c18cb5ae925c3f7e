#include "memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace clessidra {

void* allocate(size_t bytes) {
  constexpr size_t kCacheLine = 64;
  constexpr size_t kHugePage = size_t{2} << 20;
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t alignment = bytes >= kHugePage ? kHugePage : kCacheLine;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  // Refused where the kernel has no huge pages, which is as good.
  if (memory != nullptr && alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
  return memory;
}

}  // namespace clessidra
