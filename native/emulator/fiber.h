// Stacks and the switch between them: what a CUDA thread is made of here.
#ifndef CLESSIDRA_EMULATOR_FIBER_H
#define CLESSIDRA_EMULATOR_FIBER_H

#include <cstddef>
#include <vector>

extern "C" {

// Saves the running stack's position in *from and goes on where `to` was saved.
void clessidra_emulator_switch(void** from, void* to);
// Where a switch to a saved position arrives: with the stack pointer set to that position, jumping
// here is a switch. For a signal handler, which can set registers but not call.
void clessidra_emulator_arrive(void);

}  // extern "C"

namespace clessidra::emulator {

// A position from which the first switch enters body, which must never return. top: the end of the
// stack, aligned to 16 bytes.
void* enter_at(char* top, void (*body)());

// Stacks of one size, each with a page below it that faults, kept for the next use.
class StackPool {
 public:
  static constexpr size_t kBytes = size_t{128} << 10;

  StackPool() = default;
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // The end of a free stack.
  char* take();
  void give_back(char* top) { free_.push_back(top); }
  // Whether the address is in the page below one of the stacks.
  bool is_guard(const void* address) const;

 private:
  void grow();

  std::vector<char*> slabs_;
  std::vector<char*> free_;
};

}  // namespace clessidra::emulator

#endif
