#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

namespace clessidra {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;

size_t alignment_of(size_t bytes) { return bytes >= kHugePage ? kHugePage : kPage; }

size_t rounded_up(size_t bytes, size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

size_t mapped_bytes(size_t bytes) {
  return rounded_up(std::max<size_t>(bytes, 1), alignment_of(bytes));
}

}  // namespace

void* allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t mapped = mapped_bytes(bytes);
  const size_t alignment = alignment_of(bytes);
  // The system aligns to a page only: room for more, of which the ends are given back.
  const size_t room = mapped + alignment - kPage;
  void* const start =
      mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  const uintptr_t first = reinterpret_cast<uintptr_t>(start);
  const size_t before = rounded_up(first, alignment) - first;
  char* const memory = static_cast<char*>(start) + before;
  if (before > 0) munmap(start, before);
  if (room > before + mapped) munmap(memory + mapped, room - before - mapped);
  // Refused where the kernel has no huge pages, which is as good.
  if (alignment == kHugePage) madvise(memory, mapped, MADV_HUGEPAGE);
  return memory;
}

void release(void* memory, size_t bytes) {
  if (memory != nullptr) munmap(memory, mapped_bytes(bytes));
}

}  // namespace clessidra
