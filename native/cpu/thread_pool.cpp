#include "thread_pool.h"

#include <immintrin.h>

#include <chrono>
#include <utility>

namespace clessidra {

namespace {

// How long a worker looks for the next job before it sleeps: longer than the gap between two
// kernels of a step, far shorter than what another thread of the host would notice.
constexpr auto kSpin = std::chrono::microseconds(100);

// How often the caller looks whether the last worker is done before it gives its processor away:
// where there are more threads than processors, that worker may be waiting for it.
constexpr int kTurns = 10000;

}  // namespace

std::mutex& computing() {
  static thread_local std::mutex mutex;
  return mutex;
}

ThreadPool::ThreadPool(int threads) : shares_(std::make_unique<Share[]>(threads)) {
  workers_.reserve(threads - 1);
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stop_ = true;
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take_tasks(int thread) {
  const int threads = this->threads();
  try {
    for (int i = 0; i < threads; ++i) {
      Share& share = shares_[(thread + i) % threads];
      if (share.next.load(std::memory_order_relaxed) >= share.end) continue;
      for (int64_t task; (task = share.next.fetch_add(1)) < share.end;) function_(context_, task);
    }
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

void ThreadPool::run(int64_t tasks, Function function, const void* context) {
  std::unique_lock<std::mutex> lock(owner_, std::defer_lock);
  if (tasks <= 1 || workers_.empty() || !lock.try_lock()) {
    for (int64_t task = 0; task < tasks; ++task) function(context, task);
    return;
  }
  function_ = function;
  context_ = context;
  for (int i = 0; i < threads(); ++i) {
    shares_[i].next = tasks * i / threads();
    shares_[i].end = tasks * (i + 1) / threads();
  }
  open_ = true;
  generation_.fetch_add(1);
  if (sleeping_ > 0) generation_.notify_all();
  take_tasks(0);
  // A worker joins by raising active_ and then reading open_; after this line none can join, so a
  // late worker costs nothing: only those at work are waited for.
  open_ = false;
  for (int turn = 0; active_ > 0; ++turn) {
    if (turn < kTurns) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
  }
  if (failed_) {
    failed_ = false;
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void ThreadPool::work(int thread) {
  uint32_t seen = 0;
  while (true) {
    const auto deadline = std::chrono::steady_clock::now() + kSpin;
    for (int turn = 0; generation_ == seen; ++turn) {
      _mm_pause();
      if (turn % 64 == 63 && std::chrono::steady_clock::now() > deadline) {
        sleeping_.fetch_add(1);
        generation_.wait(seen);
        sleeping_.fetch_sub(1);
      }
    }
    if (stop_) return;
    seen = generation_;
    active_.fetch_add(1);
    if (open_) {
      const std::lock_guard<std::mutex> lock(computing());
      take_tasks(thread);
    }
    active_.fetch_sub(1);
  }
}

}  // namespace clessidra
