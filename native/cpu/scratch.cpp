#include "scratch.h"

#include <cstdint>
#include <mutex>
#include <new>
#include <unordered_set>

#include "memory.h"
#include "thread_pool.h"

namespace clessidra {

namespace {

struct Block {
  float* memory = nullptr;
  size_t floats = 0;

  void free() {
    release(memory, floats * sizeof(float));
    memory = nullptr;
    floats = 0;
  }
};

struct ThreadScratch;

struct Threads {
  std::mutex mutex;
  std::unordered_set<ThreadScratch*> scratch;
};

// Never destroyed: threads may end after static objects do.
Threads& all_threads() {
  static Threads& threads = *new Threads;
  return threads;
}

struct ThreadScratch {
  std::mutex& in_use = computing();
  Block blocks[2];

  ThreadScratch() {
    Threads& all = all_threads();
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.scratch.insert(this);
  }

  ~ThreadScratch() {
    {
      Threads& all = all_threads();
      const std::lock_guard<std::mutex> lock(all.mutex);
      all.scratch.erase(this);
    }
    free();
  }

  void free() {
    for (Block& block : blocks) block.free();
  }
};

}  // namespace

float* thread_scratch(Scratch kind, size_t floats) {
  static thread_local ThreadScratch scratch;
  Block& block = scratch.blocks[static_cast<int>(kind)];
  if (block.floats < floats) {
    block.free();
    if (floats > SIZE_MAX / sizeof(float)) throw std::bad_alloc();
    block.memory = static_cast<float*>(allocate(floats * sizeof(float)));
    if (block.memory == nullptr) throw std::bad_alloc();
    block.floats = floats;
  }
  return block.memory;
}

void trim_scratch() {
  Threads& all = all_threads();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (ThreadScratch* const scratch : all.scratch) {
    const std::unique_lock<std::mutex> idle(scratch->in_use, std::try_to_lock);
    if (idle) scratch->free();
  }
}

}  // namespace clessidra
