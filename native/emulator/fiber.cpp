#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace clessidra::emulator {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kSlabStacks = 32;
constexpr size_t kStride = StackPool::kBytes + kPage;

// Without this the hot ends of all stacks would fall into the same few sets of the cache.
constexpr size_t kColors = 12;
constexpr size_t kColorBytes = 320;

}  // namespace

// The registers that a function keeps by the System V ABI; all others are the caller's to save.
asm(R"(
  .text
  .globl clessidra_emulator_switch
  .hidden clessidra_emulator_switch
  .type clessidra_emulator_switch, @function
clessidra_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  .globl clessidra_emulator_arrive
  .hidden clessidra_emulator_arrive
  .type clessidra_emulator_arrive, @function
clessidra_emulator_arrive:
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx  # most go where the last one went, which a return would not be predicted to do
  .size clessidra_emulator_switch, . - clessidra_emulator_switch
)");

void* enter_at(char* top, void (*body)()) {
  void** position = reinterpret_cast<void**>(top);
  *--position = nullptr;  // where body would return to; it also aligns the stack as a call does
  *--position = reinterpret_cast<void*>(body);
  for (int i = 0; i < 6; ++i) *--position = nullptr;
  return position;
}

StackPool::~StackPool() {
  for (char* slab : slabs_) munmap(slab, kSlabStacks * kStride);
}

char* StackPool::take() {
  if (free_.empty()) grow();
  char* const top = free_.back();
  free_.pop_back();
  return top;
}

bool StackPool::is_guard(const void* address) const {
  const char* const p = static_cast<const char*>(address);
  for (const char* slab : slabs_) {
    if (p >= slab && p < slab + kSlabStacks * kStride) {
      return static_cast<size_t>(p - slab) % kStride < kPage;
    }
  }
  return false;
}

void StackPool::grow() {
  void* const memory = mmap(nullptr, kSlabStacks * kStride, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  char* const slab = static_cast<char*>(memory);
  slabs_.push_back(slab);
  for (size_t i = 0; i < kSlabStacks; ++i) {
    mprotect(slab + i * kStride, kPage, PROT_NONE);
    const size_t color = (slabs_.size() * kSlabStacks + i) % kColors * kColorBytes;
    free_.push_back(slab + (i + 1) * kStride - color);
  }
}

}  // namespace clessidra::emulator
