#include "grid.h"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <numeric>
#include <string>
#include <utility>

#include "../cpu/thread_pool.h"
#include "fiber.h"
#include "memory.h"
#include "random.h"
#include "report.h"
#include "settings.h"

__thread clessidra::emulator::Coordinates clessidra_emulator_coordinates;

namespace clessidra::emulator {

namespace {

// One grid while it runs, seen by all the host's threads that run its blocks.
struct Run {
  const Grid& grid;
  uint64_t seed;
  Order order;
  uint32_t threads;  // of a block
  uint64_t blocks;
  // Blocks are taken in the order (first + i * stride) mod blocks.
  uint64_t first;
  uint64_t stride;
  std::atomic<uint64_t> next{0};
  std::atomic<int> result{CUDA_SUCCESS};
};

enum class State : uint8_t { kFresh, kReady, kAtBarrier, kAtCollective, kReturned };

struct Thread {
  void* position;  // of its stack, while it does not run
  char* stack;     // null until it first runs
  State state;
  Collective collective;
  uint32_t mask;
  uint32_t source_lane;
  uint64_t value;
  std::source_location where;
};

struct Warp {
  uint32_t lanes;     // those that the block has
  uint32_t waiting;   // at a collective
  uint32_t returned;
};

bool same_place(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string describe(const std::source_location& where) {
  return format("%s:%u", where.file_name(), where.line());
}

std::string describe(const Index& index) {
  return format("(%u,%u,%u)", index.x, index.y, index.z);
}

// The threads that can go on, at most kMaximumThreads, taken first in first out or at random.
class ReadyQueue {
 public:
  bool empty() const { return head_ == tail_; }
  void clear() { head_ = tail_ = 0; }
  void push(uint32_t thread) {
    threads_[tail_++ % kMaximumThreads] = static_cast<uint16_t>(thread);
  }
  uint32_t pop() { return threads_[head_++ % kMaximumThreads]; }
  uint32_t pop(Random& random) {
    std::swap(threads_[head_ % kMaximumThreads],
              threads_[(head_ + random.below(tail_ - head_)) % kMaximumThreads]);
    return pop();
  }

 private:
  uint32_t head_ = 0;
  uint32_t tail_ = 0;
  uint16_t threads_[kMaximumThreads];
};

constexpr const char* kCollectiveNames[] = {
    "__syncwarp",        "__ballot_sync",     "__shfl_sync",       "__match_any_sync",
    "__match_all_sync",  "__reduce_add_sync", "__reduce_min_sync", "__reduce_max_sync",
    "__reduce_min_sync", "__reduce_max_sync", "__reduce_and_sync", "__reduce_or_sync",
    "__reduce_xor_sync"};

// What one of the host's threads needs to run blocks.
class Worker {
 public:
  Worker();
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run_blocks(Run& run);

  // For the running CUDA thread.
  int wait_at_barrier(Barrier kind, int predicate, const std::source_location& where);
  uint64_t wait_at_collective(Collective kind, uint32_t mask, uint64_t value, uint32_t source_lane,
                              const std::source_location& where);
  uint32_t active_lanes() const { return 1u << (current_ % kWarp); }
  void yield();
  [[noreturn]] void fail(CUresult result, const std::string& text);

  // For the signal handler: the position at which to go on.
  void* take_fault(const siginfo_t& information, const void* instruction);

 private:
  void find_shared();
  void poison_shared();
  bool run_block(uint64_t number);
  void resume(uint32_t thread);
  static void run_threads();
  void return_from_kernel();
  void suspend();
  void set_current(uint32_t thread);
  void make_ready(uint32_t thread);
  uint32_t take_ready();
  bool has_ready() const { return !ahead_.empty() || !ready_.empty(); }
  void release_barrier();
  void check_group(uint32_t warp, const Thread& arrived, uint32_t lane);
  void release_collective(uint32_t warp, uint32_t lanes);
  void give_back_stacks();
  std::string place_of(uint32_t thread) const;
  Index index_of(uint32_t thread) const;
  void write_report(CUresult result, const std::string& text);
  void report_fault();
  void report_deadlock();

  Run* run_ = nullptr;
  StackPool stacks_;
  char* signal_stack_ = nullptr;
  char* dynamic_shared_ = nullptr;
  char* shared_ = nullptr;
  size_t shared_bytes_ = 0;
  void* scheduler_ = nullptr;
  Random random_{0};
  ReadyQueue ready_;
  // Threads of the warp that runs ahead of all others, when one does.
  ReadyQueue ahead_;
  uint32_t warp_ahead_ = 0;
  uint32_t current_ = 0;
  uint32_t next_ = 0;
  bool has_next_ = false;
  bool failed_ = false;
  uint32_t returned_ = 0;
  uint32_t last_returned_ = 0;
  uint32_t at_barrier_ = 0;
  uint32_t first_at_barrier_ = 0;
  uint32_t predicates_ = 0;
  int barrier_result_ = 0;
  uint32_t idle_turns_ = 0;
  int signal_ = 0;
  bool has_fault_address_ = false;
  const void* fault_address_ = nullptr;
  const void* fault_instruction_ = nullptr;
  Thread threads_[kMaximumThreads];
  Warp warps_[kMaximumThreads / kWarp];
};

__thread Worker* current_worker __attribute__((tls_model("initial-exec")));

// So many turns given away by a block's threads, while none of them got further: they wait for
// something that does not come.
constexpr uint32_t kPatience = 1u << 26;

constexpr size_t kSignalStackBytes = size_t{64} << 10;
constexpr size_t kPage = 4096;
constexpr size_t kDynamicBytes = (kMaximumSharedBytes + kPage - 1) / kPage * kPage;

char* map_memory(size_t bytes) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(memory);
}

Worker::Worker() {
  signal_stack_ = map_memory(kSignalStackBytes);
  // What is read or written behind its end faults.
  dynamic_shared_ = map_memory(kDynamicBytes + kPage);
  mprotect(dynamic_shared_ + kDynamicBytes, kPage, PROT_NONE);
}

Worker::~Worker() {
  munmap(signal_stack_, kSignalStackBytes);
  munmap(dynamic_shared_, kDynamicBytes + kPage);
}

void Worker::run_blocks(Run& run) {
  run_ = &run;
  failed_ = false;
  shared_bytes_ = 0;
  if (run.grid.has_static_shared) find_shared();
  stack_t signal_stack = {};
  signal_stack.ss_sp = signal_stack_;
  signal_stack.ss_size = kSignalStackBytes;
  stack_t before = {};
  sigaltstack(&signal_stack, &before);
  Coordinates& at = clessidra_emulator_coordinates;
  const Grid& grid = run.grid;
  at.block_size = grid.block_size;
  at.grid_size = grid.blocks;
  at.dynamic_shared = dynamic_shared_ + kDynamicBytes - (grid.dynamic_shared + 15) / 16 * 16;
  for (uint32_t warp = 0; warp * kWarp < run.threads; ++warp) {
    const uint32_t lanes = std::min(kWarp, run.threads - warp * kWarp);
    warps_[warp].lanes = lanes == kWarp ? ~0u : (1u << lanes) - 1;
  }
  current_worker = this;
  for (uint64_t i; run.result == CUDA_SUCCESS && (i = run.next.fetch_add(1)) < run.blocks;) {
    const uint64_t number =
        static_cast<uint64_t>((run.first + static_cast<unsigned __int128>(i) * run.stride) %
                              run.blocks);
    if (!run_block(number)) break;
  }
  current_worker = nullptr;
  sigaltstack(&before, nullptr);
}

// The part of this thread's copy of the kernel library's thread-local memory that has no initial
// values: __shared__ variables never have any.
void Worker::find_shared() {
  struct Search {
    char* anchor;
    char* begin;
    size_t bytes;
  } search = {static_cast<char*>(run_->grid.kernel->touch_shared()), nullptr, 0};
  dl_iterate_phdr(
      [](dl_phdr_info* library, size_t, void* data) {
        auto& search = *static_cast<Search*>(data);
        char* const begin = static_cast<char*>(library->dlpi_tls_data);
        if (begin == nullptr) return 0;
        for (int i = 0; i < library->dlpi_phnum; ++i) {
          const auto& segment = library->dlpi_phdr[i];
          if (segment.p_type == PT_TLS && search.anchor >= begin &&
              search.anchor < begin + segment.p_memsz) {
            search.begin = begin + segment.p_filesz;
            search.bytes = segment.p_memsz - segment.p_filesz;
            return 1;
          }
        }
        return 0;
      },
      &search);
  shared_ = search.begin;
  shared_bytes_ = search.bytes;
}

void Worker::poison_shared() {
  poison(shared_, shared_bytes_);
  if (run_->grid.dynamic_shared > 0) {
    char* const begin = clessidra_emulator_coordinates.dynamic_shared;
    poison(begin, static_cast<size_t>(dynamic_shared_ + kDynamicBytes - begin));
  }
}

bool Worker::run_block(uint64_t number) {
  Coordinates& at = clessidra_emulator_coordinates;
  const Index& blocks = run_->grid.blocks;
  at.block = {static_cast<unsigned>(number % blocks.x),
              static_cast<unsigned>(number / blocks.x % blocks.y),
              static_cast<unsigned>(number / blocks.x / blocks.y)};
  poison_shared();
  random_ = Random(run_->seed ^ (number * 0x2545f4914f6cdd1du));
  const uint32_t count = run_->threads;
  returned_ = at_barrier_ = predicates_ = idle_turns_ = 0;
  warp_ahead_ = random_.below((count + kWarp - 1) / kWarp);
  for (uint32_t warp = 0; warp * kWarp < count; ++warp) {
    warps_[warp].waiting = warps_[warp].returned = 0;
  }
  ready_.clear();
  ahead_.clear();
  const bool backwards = run_->order == Order::kReverse || run_->order == Order::kLastBlockFirst;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t thread = backwards ? count - 1 - i : i;
    threads_[thread].stack = nullptr;
    threads_[thread].state = State::kFresh;
    make_ready(thread);
  }
  while (has_ready() && !failed_) {
    uint32_t thread = take_ready();
    do {
      has_next_ = false;
      resume(thread);
      thread = next_;
    } while (has_next_ && !failed_);
    if (signal_ != 0) report_fault();
  }
  if (!failed_ && returned_ < count) report_deadlock();
  if (failed_) give_back_stacks();
  return !failed_;
}

void Worker::give_back_stacks() {
  for (uint32_t thread = 0; thread < run_->threads; ++thread) {
    if (threads_[thread].stack != nullptr) stacks_.give_back(threads_[thread].stack);
    threads_[thread].stack = nullptr;
  }
}

void Worker::set_current(uint32_t thread) {
  current_ = thread;
  clessidra_emulator_coordinates.thread = index_of(thread);
}

Index Worker::index_of(uint32_t thread) const {
  const Index& size = run_->grid.block_size;
  if (size.y == 1 && size.z == 1) return {thread, 0, 0};
  return {thread % size.x, thread / size.x % size.y, thread / size.x / size.y};
}

void Worker::resume(uint32_t number) {
  Thread& thread = threads_[number];
  set_current(number);
  if (thread.stack == nullptr) {
    thread.stack = stacks_.take();
    thread.position = enter_at(thread.stack, run_threads);
  }
  thread.state = State::kReady;
  clessidra_emulator_switch(&scheduler_, thread.position);
}

// What a stack runs: one thread, and then others that have not begun, without a switch.
void Worker::run_threads() {
  Worker& worker = *current_worker;
  const KernelDescription& kernel = *worker.run_->grid.kernel;
  void* const* const arguments = worker.run_->grid.arguments.pointers();
  while (true) {
    kernel.invoke(arguments);
    worker.return_from_kernel();
    Thread& returned = worker.threads_[worker.current_];
    char* const stack = std::exchange(returned.stack, nullptr);
    if (worker.has_ready()) {
      worker.next_ = worker.take_ready();
      Thread& next = worker.threads_[worker.next_];
      if (next.stack == nullptr) {
        next.stack = stack;
        next.state = State::kReady;
        worker.set_current(worker.next_);
        continue;
      }
      worker.has_next_ = true;
    }
    // It is taken again after the switch at the earliest.
    worker.stacks_.give_back(stack);
    worker.suspend();
  }
}

void Worker::suspend() { clessidra_emulator_switch(&threads_[current_].position, scheduler_); }

void Worker::make_ready(uint32_t thread) {
  const bool ahead = run_->order == Order::kOneWarpAhead && thread / kWarp == warp_ahead_;
  (ahead ? ahead_ : ready_).push(thread);
}

uint32_t Worker::take_ready() {
  if (!ahead_.empty()) return ahead_.pop();
  return run_->order == Order::kRandom ? ready_.pop(random_) : ready_.pop();
}

void Worker::yield() {
  if (++idle_turns_ > kPatience) {
    fail(CUDA_ERROR_LAUNCH_FAILED,
         "livelock: the block's threads only wait for each other, or for another block");
  }
  threads_[current_].state = State::kReady;
  // Behind all others, also for the warp that runs ahead: it may be waiting for one of them.
  ready_.push(current_);
  suspend();
}

void Worker::return_from_kernel() {
  Thread& thread = threads_[current_];
  const uint32_t lane = current_ % kWarp;
  Warp& warp = warps_[current_ / kWarp];
  thread.state = State::kReturned;
  last_returned_ = current_;
  ++returned_;
  idle_turns_ = 0;
  warp.returned |= 1u << lane;
  if (at_barrier_ > 0) {
    fail(CUDA_ERROR_LAUNCH_FAILED,
         "it returned from the kernel while " + place_of(first_at_barrier_) +
             " waits for it at the block's barrier");
  }
  for (uint32_t waiting = warp.waiting; waiting != 0; waiting &= waiting - 1) {
    const uint32_t other = current_ - lane + static_cast<uint32_t>(__builtin_ctz(waiting));
    if (threads_[other].mask >> lane & 1) {
      fail(CUDA_ERROR_LAUNCH_FAILED,
           format("it returned from the kernel while %s, with mask 0x%08x, which names lane %u",
                  place_of(other).c_str(), threads_[other].mask, lane));
    }
  }
}

// ---- Barriers

int Worker::wait_at_barrier(Barrier kind, int predicate, const std::source_location& where) {
  Thread& thread = threads_[current_];
  thread.where = where;
  if (returned_ > 0) {
    fail(CUDA_ERROR_LAUNCH_FAILED,
         "it waits at the block's barrier at " + describe(where) + " but thread " +
             describe(index_of(last_returned_)) + " has returned from the kernel");
  }
  if (at_barrier_ == 0) {
    first_at_barrier_ = current_;
  } else if (!same_place(threads_[first_at_barrier_].where, where)) {
    fail(CUDA_ERROR_LAUNCH_FAILED,
         "divergent barrier: it waits at " + describe(where) + " but " +
             place_of(first_at_barrier_));
  }
  predicates_ += predicate != 0;
  thread.state = State::kAtBarrier;
  if (++at_barrier_ == run_->threads) {
    barrier_result_ = static_cast<int>(
        kind == Barrier::kAnd ? predicates_ == run_->threads
                              : (kind == Barrier::kOr ? predicates_ > 0 : predicates_));
    release_barrier();
  }
  suspend();
  // No other barrier can have ended before this thread arrives there.
  return barrier_result_;
}

void Worker::release_barrier() {
  const bool backwards = run_->order == Order::kReverse || run_->order == Order::kLastBlockFirst;
  const uint32_t count = run_->threads;
  at_barrier_ = predicates_ = idle_turns_ = 0;
  for (uint32_t i = 0; i < count; ++i) make_ready(backwards ? count - 1 - i : i);
}

// ---- Warp collectives

uint64_t Worker::wait_at_collective(Collective kind, uint32_t mask, uint64_t value,
                                    uint32_t source_lane, const std::source_location& where) {
  Thread& thread = threads_[current_];
  const uint32_t lane = current_ % kWarp;
  const uint32_t number = current_ / kWarp;
  Warp& warp = warps_[number];
  thread.collective = kind;
  thread.mask = mask;
  thread.value = value;
  thread.source_lane = source_lane;
  thread.where = where;
  const char* const name = kCollectiveNames[static_cast<size_t>(kind)];
  if ((mask >> lane & 1) == 0) {
    fail(CUDA_ERROR_LAUNCH_FAILED,
         format("%s at %s: the mask 0x%08x does not name lane %u, which calls", name,
                describe(where).c_str(), mask, lane));
  }
  if ((mask & warp.returned) != 0) {
    fail(CUDA_ERROR_LAUNCH_FAILED,
         format("%s at %s: the mask 0x%08x names lane %d, which has returned from the kernel", name,
                describe(where).c_str(), mask, __builtin_ctz(mask & warp.returned)));
  }
  check_group(number, thread, lane);
  warp.waiting |= 1u << lane;
  thread.state = State::kAtCollective;
  // Lanes that the block does not have are as good as arrived.
  if ((warp.waiting & mask) == (warp.lanes & mask)) release_collective(number, warp.lanes & mask);
  suspend();
  return thread.value;
}

// Two lanes that each wait for the other must do so in the same call, with the same mask. (A lane
// may be named by the mask of one that waits further on.)
void Worker::check_group(uint32_t warp, const Thread& arrived, uint32_t lane) {
  for (uint32_t waiting = warps_[warp].waiting; waiting != 0; waiting &= waiting - 1) {
    const uint32_t other_lane = static_cast<uint32_t>(__builtin_ctz(waiting));
    const Thread& other = threads_[warp * kWarp + other_lane];
    if ((arrived.mask >> other_lane & 1) == 0 || (other.mask >> lane & 1) == 0) continue;
    if (other.mask == arrived.mask && other.collective == arrived.collective &&
        same_place(other.where, arrived.where)) {
      // All that wait with this mask agree with each other; only other masks are left to compare.
      waiting &= ~arrived.mask | (1u << other_lane);
      continue;
    }
    fail(CUDA_ERROR_LAUNCH_FAILED,
         format("divergent warp: lane %u calls %s with mask 0x%08x at %s, but %s with mask 0x%08x",
                lane, kCollectiveNames[static_cast<size_t>(arrived.collective)], arrived.mask,
                describe(arrived.where).c_str(), place_of(warp * kWarp + other_lane).c_str(),
                other.mask));
  }
}

void Worker::release_collective(uint32_t warp, uint32_t lanes) {
  Thread* const threads = threads_ + warp * kWarp;
  const Collective kind = threads[__builtin_ctz(lanes)].collective;
  uint64_t values[kWarp];
  const auto for_lanes = [lanes](const auto& body) {
    for (uint32_t left = lanes; left != 0; left &= left - 1) body(__builtin_ctz(left));
  };
  for_lanes([&](int lane) { values[lane] = threads[lane].value; });
  const auto give_all = [&](uint64_t result) {
    for_lanes([&](int lane) { threads[lane].value = result; });
  };
  const auto fold = [&](const auto& combine) {
    uint64_t result = values[__builtin_ctz(lanes)];
    for (uint32_t left = lanes & (lanes - 1); left != 0; left &= left - 1) {
      result = static_cast<uint32_t>(combine(result, values[__builtin_ctz(left)]));
    }
    give_all(result);
  };
  const auto matching = [&](uint64_t value) {
    uint32_t same = 0;
    for_lanes([&](int lane) { same |= static_cast<uint32_t>(values[lane] == value) << lane; });
    return same;
  };
  const auto as_signed = [](uint64_t value) { return static_cast<int32_t>(value); };
  switch (kind) {
    case Collective::kSync:
      break;
    case Collective::kBallot:
      give_all(matching(1));
      break;
    case Collective::kShuffle:
      for_lanes([&](int lane) {
        const uint32_t source = threads[lane].source_lane;
        // The value of a lane that takes no part is undefined.
        constexpr uint64_t kUndefined = uint64_t{kPoison} << 32 | kPoison;
        threads[lane].value = lanes >> source & 1 ? values[source] : kUndefined;
      });
      break;
    case Collective::kMatchAny:
      for_lanes([&](int lane) { threads[lane].value = matching(values[lane]); });
      break;
    case Collective::kMatchAll: {
      const uint32_t same = matching(values[__builtin_ctz(lanes)]);
      give_all(same == lanes ? same : 0);
      break;
    }
    case Collective::kSum:
      fold([](uint64_t a, uint64_t b) { return a + b; });
      break;
    case Collective::kMinimum:
      fold([](uint64_t a, uint64_t b) { return std::min(a, b); });
      break;
    case Collective::kMaximum:
      fold([](uint64_t a, uint64_t b) { return std::max(a, b); });
      break;
    case Collective::kMinimumSigned:
      fold([&](uint64_t a, uint64_t b) { return std::min(as_signed(a), as_signed(b)); });
      break;
    case Collective::kMaximumSigned:
      fold([&](uint64_t a, uint64_t b) { return std::max(as_signed(a), as_signed(b)); });
      break;
    case Collective::kAnd:
      fold([](uint64_t a, uint64_t b) { return a & b; });
      break;
    case Collective::kOr:
      fold([](uint64_t a, uint64_t b) { return a | b; });
      break;
    case Collective::kXor:
      fold([](uint64_t a, uint64_t b) { return a ^ b; });
      break;
  }
  warps_[warp].waiting &= ~lanes;
  idle_turns_ = 0;
  for_lanes([&](int lane) { make_ready(warp * kWarp + static_cast<uint32_t>(lane)); });
}

// ---- Faults

std::string Worker::place_of(uint32_t number) const {
  const Thread& thread = threads_[number];
  const std::string name = "thread " + describe(index_of(number));
  switch (thread.state) {
    case State::kAtBarrier:
      return name + " waits at the barrier at " + describe(thread.where);
    case State::kAtCollective:
      return name + " waits in " + kCollectiveNames[static_cast<size_t>(thread.collective)] +
             " at " + describe(thread.where);
    case State::kReturned:
      return name + " has returned";
    case State::kFresh:
    case State::kReady:
      break;
  }
  return name;
}

void Worker::write_report(CUresult result, const std::string& text) {
  failed_ = true;
  int none = CUDA_SUCCESS;
  if (!run_->result.compare_exchange_strong(none, result)) return;
  const Grid& grid = run_->grid;
  report(format("kernel %s, grid %s of %s, block %s, thread %s: %s (order %d, seed %llu)",
                grid.kernel->name, describe(grid.blocks).c_str(),
                describe(grid.block_size).c_str(),
                describe(clessidra_emulator_coordinates.block).c_str(),
                describe(index_of(current_)).c_str(), text.c_str(), static_cast<int>(run_->order),
                static_cast<unsigned long long>(settings().seed)));
}

void Worker::fail(CUresult result, const std::string& text) {
  write_report(result, text);
  suspend();
  __builtin_unreachable();  // a failed block's threads are never run again
}

void Worker::report_deadlock() {
  std::string text = "deadlock: no thread can go on";
  uint32_t told = 0;
  for (uint32_t thread = 0; thread < run_->threads && told < 8; ++thread) {
    if (threads_[thread].state == State::kReturned) continue;
    const bool repeated =
        thread > 0 && threads_[thread - 1].state == threads_[thread].state &&
        same_place(threads_[thread - 1].where, threads_[thread].where);
    if (repeated) continue;
    text += "; " + place_of(thread);
    if (told++ == 0) current_ = thread;
  }
  write_report(CUDA_ERROR_LAUNCH_FAILED, text);
}

void* Worker::take_fault(const siginfo_t& information, const void* instruction) {
  signal_ = information.si_signo;
  // The processor tells no address that is misaligned for its instruction or that none can be.
  has_fault_address_ = information.si_code != SI_KERNEL;
  fault_address_ = information.si_addr;
  fault_instruction_ = instruction;
  failed_ = true;
  return scheduler_;
}

void Worker::report_fault() {
  const int signal = std::exchange(signal_, 0);
  std::string place;
  Dl_info library = {};
  if (dladdr(fault_instruction_, &library) != 0 && library.dli_fname != nullptr) {
    const char* const slash = std::strrchr(library.dli_fname, '/');
    place = format(", at %s+0x%zx", slash != nullptr ? slash + 1 : library.dli_fname,
                   static_cast<size_t>(static_cast<const char*>(fault_instruction_) -
                                       static_cast<const char*>(library.dli_fbase)));
  }
  if (signal == SIGFPE) {
    write_report(CUDA_ERROR_LAUNCH_FAILED, "an integer was divided by zero" + place);
  } else if (signal == SIGILL) {
    write_report(CUDA_ERROR_LAUNCH_FAILED, "illegal instruction" + place);
  } else if (!has_fault_address_) {
    write_report(CUDA_ERROR_ILLEGAL_ADDRESS,
                 "access to a misaligned address or to one that cannot be, such as poison" + place);
  } else if (stacks_.is_guard(fault_address_)) {
    write_report(CUDA_ERROR_LAUNCH_FAILED,
                 format("its stack of %zu KiB is used up%s", StackPool::kBytes >> 10,
                        place.c_str()));
  } else {
    write_report(CUDA_ERROR_ILLEGAL_ADDRESS,
                 format("illegal access to %p%s: %s", fault_address_, place.c_str(),
                        device_memory().describe(fault_address_).c_str()));
  }
}

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction actions_before[NSIG];

void handle_fault(int signal, siginfo_t* information, void* data) {
  if (current_worker != nullptr) {
    auto& registers = static_cast<ucontext_t*>(data)->uc_mcontext.gregs;
    void* const position = current_worker->take_fault(
        *information, reinterpret_cast<const void*>(registers[REG_RIP]));
    registers[REG_RSP] = reinterpret_cast<greg_t>(position);
    registers[REG_RIP] = reinterpret_cast<greg_t>(&clessidra_emulator_arrive);
    return;
  }
  const struct sigaction& before = actions_before[signal];
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, information, data);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else {
    // The instruction runs again and faults, now with the default effect.
    sigaction(signal, &before, nullptr);
  }
}

// ---- The host's threads

std::mutex workers_mutex;
std::vector<std::unique_ptr<Worker>> free_workers;

std::unique_ptr<Worker> take_worker() {
  {
    const std::lock_guard<std::mutex> lock(workers_mutex);
    if (!free_workers.empty()) {
      std::unique_ptr<Worker> worker = std::move(free_workers.back());
      free_workers.pop_back();
      return worker;
    }
  }
  return std::make_unique<Worker>();
}

void give_back(std::unique_ptr<Worker> worker) {
  const std::lock_guard<std::mutex> lock(workers_mutex);
  free_workers.push_back(std::move(worker));
}

// A number without a common divisor with count: its multiples visit every block once.
uint64_t random_stride(uint64_t count, Random& random) {
  uint64_t stride = 1 + random.next() % count;
  while (std::gcd(stride, count) != 1) stride = stride % count + 1;
  return stride;
}

}  // namespace

void poison(void* memory, size_t bytes) {
  uint32_t* const words = static_cast<uint32_t*>(memory);
  std::fill_n(words, bytes / sizeof kPoison, kPoison);
  std::memcpy(words + bytes / sizeof kPoison, &kPoison, bytes % sizeof kPoison);
}

Arguments::Arguments(const KernelDescription& kernel, void* const* parameters) {
  constexpr size_t kAlignment = 16;
  size_t bytes = 0;
  for (uint32_t i = 0; i < kernel.parameter_count; ++i) {
    bytes += (kernel.parameters[i].size + kAlignment - 1) / kAlignment * kAlignment;
  }
  bytes_ = std::make_unique<char[]>(bytes);
  char* p = bytes_.get();
  for (uint32_t i = 0; i < kernel.parameter_count; ++i) {
    const uint32_t size = kernel.parameters[i].size;
    std::memcpy(p, parameters[i], size);
    pointers_.push_back(p);
    p += (size + kAlignment - 1) / kAlignment * kAlignment;
  }
}

CUresult run_grid(const Grid& grid, uint64_t seed) {
  static ThreadPool pool(settings().threads);
  Random random(seed);
  const uint64_t blocks = uint64_t{grid.blocks.x} * grid.blocks.y * grid.blocks.z;
  Run run = {grid, seed, settings().order,
             grid.block_size.x * grid.block_size.y * grid.block_size.z, blocks, 0, 1};
  if (run.order == Order::kRandom || run.order == Order::kOneWarpAhead) {
    run.first = random.next() % blocks;
    run.stride = random_stride(blocks, random);
  } else if (run.order != Order::kForward) {
    run.first = blocks - 1;
    run.stride = blocks - 1;
  }
  const int64_t runners = static_cast<int64_t>(std::min<uint64_t>(blocks, pool.threads()));
  pool.for_each(runners, [&run](int64_t) {
    std::unique_ptr<Worker> worker = take_worker();
    worker->run_blocks(run);
    give_back(std::move(worker));
  });
  return static_cast<CUresult>(run.result.load());
}

void install_fault_handler() {
  struct sigaction action = {};
  action.sa_sigaction = handle_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) sigaction(signal, &action, &actions_before[signal]);
}

}  // namespace clessidra::emulator

// ---- What a running CUDA thread calls

using clessidra::emulator::current_worker;

int clessidra_emulator_barrier(clessidra::emulator::Barrier kind, int predicate,
                               std::source_location where) {
  return current_worker->wait_at_barrier(kind, predicate, where);
}

uint64_t clessidra_emulator_collective(clessidra::emulator::Collective kind, uint32_t mask,
                                       uint64_t value, uint32_t source_lane,
                                       std::source_location where) {
  return current_worker->wait_at_collective(kind, mask, value, source_lane, where);
}

uint32_t clessidra_emulator_active_lanes(void) { return current_worker->active_lanes(); }

void clessidra_emulator_yield(void) { current_worker->yield(); }

void clessidra_emulator_trap(const char* why, std::source_location where) {
  const bool is_assert = why[0] == 'a';
  current_worker->fail(
      is_assert ? CUDA_ERROR_ASSERT : CUDA_ERROR_LAUNCH_FAILED,
      std::string(why) + " at " + where.file_name() + ":" + std::to_string(where.line()));
}

// ---- What -fsanitize=alignment calls; no run-time library of the compiler's is linked.

namespace {

// As the compiler writes it, up to the alignment.
struct MismatchedAccess {
  const char* file;
  uint32_t line;
  uint32_t column;
  const void* type;
  unsigned char alignment;  // its logarithm
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void __ubsan_handle_type_mismatch_v1(const MismatchedAccess* access, const void* address) {
  // Host code of a kernel library is not our business.
  if (current_worker == nullptr) return;
  current_worker->fail(
      CUDA_ERROR_MISALIGNED_ADDRESS,
      clessidra::emulator::format(
          "misaligned access to %p, which has to be a multiple of %u, at %s:%u", address,
          1u << access->alignment, access->file, access->line));
}

void __ubsan_handle_type_mismatch_v1_abort(const MismatchedAccess* access, const void* address) {
  __ubsan_handle_type_mismatch_v1(access, address);
}

}  // extern "C"
#pragma GCC visibility pop
