#include "scratch.h"

#include <cstdlib>
#include <new>

#include "memory.h"

namespace clessidra {

namespace {

struct Block {
  float* memory = nullptr;
  size_t floats = 0;

  ~Block() { std::free(memory); }
};

}  // namespace

float* thread_scratch(Scratch kind, size_t floats) {
  static thread_local Block blocks[2];
  Block& block = blocks[static_cast<int>(kind)];
  if (block.floats < floats) {
    std::free(block.memory);
    block.floats = floats;
    block.memory = static_cast<float*>(allocate(floats * sizeof(float)));
    if (block.memory == nullptr) throw std::bad_alloc();
  }
  return block.memory;
}

}  // namespace clessidra
