// The engine's own threads. A job is a number of tasks, of which each thread has a share: the same
// part of every job, so that it finds in its caches what it left there. A thread that is through with
// its own takes tasks from the shares of others, so results must not depend on who takes which.
#ifndef CLESSIDRA_CPU_THREAD_POOL_H
#define CLESSIDRA_CPU_THREAD_POOL_H

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace clessidra {

// Held by this thread while it computes, in a pool or on its own: who gets another thread's mutex can
// be sure that what that one keeps from job to job is not in use.
std::mutex& computing();

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(task) for every task in [0, tasks), and returns when all are done. What a task throws
  // is thrown here, once no thread is at work any more; other tasks may then have been left out.
  template <class Body>
  void for_each(int64_t tasks, const Body& body) {
    run(tasks, [](const void* context, int64_t task) { (*static_cast<const Body*>(context))(task); },
        &body);
  }

  // Calls body(begin, end) for pieces of [0, count) whose bounds are multiples of grain.
  template <class Body>
  void for_ranges(int64_t count, int64_t grain, const Body& body) {
    for_each((count + grain - 1) / grain, [&](int64_t task) {
      const int64_t begin = task * grain;
      body(begin, begin + grain < count ? begin + grain : count);
    });
  }

 private:
  using Function = void (*)(const void* context, int64_t task);

  // A thread's tasks that nobody has taken yet; a cache line of its own.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  void run(int64_t tasks, Function function, const void* context);
  void work(int thread);
  void stop();
  void take_tasks(int thread);

  std::mutex owner_;
  std::vector<std::thread> workers_;
  Function function_ = nullptr;
  const void* context_ = nullptr;
  std::unique_ptr<Share[]> shares_;
  std::atomic<bool> open_{false};
  std::atomic<int32_t> active_{0};
  std::atomic<uint32_t> generation_{0};
  std::atomic<int32_t> sleeping_{0};
  std::atomic<bool> stop_{false};
  // Of a job, the first to be thrown.
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

}  // namespace clessidra

#endif
