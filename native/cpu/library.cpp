// The C interface: instruction sets, launches, memory.
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>

#include "clessidra/cpu.h"
#include "clessidra/kernels.h"
#include "kernels/kernel_table.h"
#include "layouts.h"
#include "memory.h"
#include "scratch.h"
#include "thread_pool.h"

namespace {

using clessidra::KernelFunction;
using clessidra::ThreadPool;

#define CLESSIDRA_SIZE(name) sizeof(clessidra_##name),
constexpr int64_t kArgumentBytes[] = {CLESSIDRA_KERNELS(CLESSIDRA_SIZE)};
#undef CLESSIDRA_SIZE
constexpr int32_t kKernels = sizeof kArgumentBytes / sizeof kArgumentBytes[0];

struct InstructionSet {
  const KernelFunction* kernels;
  double (*run_multiply_adds)(int64_t iterations);
};
constexpr InstructionSet kInstructionSets[] = {
    {clessidra::portable::kernel_table, clessidra::portable::run_multiply_adds},
    {clessidra::avx2::kernel_table, clessidra::avx2::run_multiply_adds},
    {clessidra::avx512::kernel_table, clessidra::avx512::run_multiply_adds},
};

struct Command {
  int32_t kernel;
  int32_t bytes;
};

// Calls body(command, arguments) for each command; false as soon as body is, or the list is
// malformed.
template <class Body>
bool for_commands(const void* commands, int64_t bytes, const Body& body) {
  const char* p = static_cast<const char*>(commands);
  while (bytes > 0) {
    if (bytes < static_cast<int64_t>(sizeof(Command))) return false;
    const Command& command = *reinterpret_cast<const Command*>(p);
    p += sizeof(Command);
    bytes -= static_cast<int64_t>(sizeof(Command));
    if (command.bytes < 0 || command.bytes > bytes || !body(command, p)) return false;
    p += command.bytes;
    bytes -= command.bytes;
  }
  return bytes == 0;
}

// Computes by this thread and those that help it.
template <class Work>
int64_t compute(const Work& work) {
  const std::lock_guard<std::mutex> lock(clessidra::computing());
  try {
    work();
    return CLESSIDRA_DONE;
  } catch (const std::bad_alloc&) {
    return CLESSIDRA_OUT_OF_MEMORY;
  }
}

}  // namespace

struct clessidra_cpu {
  const InstructionSet& instruction_set;
  ThreadPool threads;
};

const char* clessidra_cpu_layouts(void) {
  static const std::string layouts = clessidra::describe_layouts();
  return layouts.c_str();
}

int64_t clessidra_cpu_best_instruction_set(void) {
  // Both ask for the operating system's support too.
  __builtin_cpu_init();
#ifdef CLESSIDRA_EMULATED_AVX512
  if (__builtin_cpu_supports("x86-64-v3")) return CLESSIDRA_AVX512;
#else
  if (__builtin_cpu_supports("x86-64-v4")) return CLESSIDRA_AVX512;
#endif
  return __builtin_cpu_supports("x86-64-v3") ? CLESSIDRA_AVX2 : CLESSIDRA_PORTABLE;
}

clessidra_cpu* clessidra_cpu_open(int64_t threads, int64_t instruction_set) {
  if (threads < 1 || instruction_set < CLESSIDRA_PORTABLE ||
      instruction_set > clessidra_cpu_best_instruction_set()) {
    return nullptr;
  }
  try {
    return new clessidra_cpu{kInstructionSets[instruction_set],
                             ThreadPool(static_cast<int>(threads))};
  } catch (const std::exception&) {
    return nullptr;
  }
}

void clessidra_cpu_close(clessidra_cpu* cpu) { delete cpu; }

int64_t clessidra_cpu_launch(clessidra_cpu* cpu, int64_t kernel, const void* arguments) {
  if (kernel < 0 || kernel >= kKernels) return CLESSIDRA_MALFORMED;
  return compute([&] { cpu->instruction_set.kernels[kernel](cpu->threads, arguments); });
}

int64_t clessidra_cpu_run(clessidra_cpu* cpu, const void* commands, int64_t bytes) {
  const bool well_formed = for_commands(commands, bytes, [](const Command& command, const void*) {
    return command.kernel >= 0 && command.kernel < kKernels && command.bytes % 8 == 0 &&
           command.bytes >= kArgumentBytes[command.kernel];
  });
  if (!well_formed) return CLESSIDRA_MALFORMED;
  return compute([&] {
    for_commands(commands, bytes, [cpu](const Command& command, const void* arguments) {
      cpu->instruction_set.kernels[command.kernel](cpu->threads, arguments);
      return true;
    });
  });
}

void* clessidra_cpu_allocate(int64_t bytes) {
  return bytes < 0 ? nullptr : clessidra::allocate(static_cast<size_t>(bytes));
}

void clessidra_cpu_free(void* memory, int64_t bytes) {
  clessidra::release(memory, static_cast<size_t>(bytes));
}

void clessidra_cpu_trim(void) { clessidra::trim_scratch(); }

double clessidra_cpu_measure_peak(clessidra_cpu* cpu, int64_t milliseconds) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kIterations = 100000;
  std::atomic<int64_t> iterations{0};
  std::atomic<double> kept{0.0};
  const auto start = Clock::now();
  const auto deadline = start + std::chrono::milliseconds(milliseconds);
  cpu->threads.for_each(cpu->threads.threads(), [&](int64_t) {
    do {
      kept = cpu->instruction_set.run_multiply_adds(kIterations);
      iterations += kIterations;
    } while (Clock::now() < deadline);
  });
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return 2.0 * clessidra::kPeakMultiplyAdds * static_cast<double>(iterations) / seconds;
}
