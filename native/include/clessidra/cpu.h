// The C interface of libclessidra_cpu. Functions may be called from any thread. But for the last one
// they have at most three parameters of 64 bits and a result of 64 bits or none, so that under System
// V's calling convention one stub of three parameters serves a binding for all: making one takes the
// JVM 6 ms.
#ifndef CLESSIDRA_CPU_H
#define CLESSIDRA_CPU_H

#include <stdint.h>

#define CLESSIDRA_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

// Kernels for a number of threads and an instruction set, with the threads that run them.
typedef struct clessidra_cpu clessidra_cpu;

enum clessidra_instruction_set {
  CLESSIDRA_PORTABLE = 0,  // x86-64-v2; fused multiply-adds through libm
  CLESSIDRA_AVX2 = 1,      // x86-64-v3: AVX2 and FMA
  CLESSIDRA_AVX512 = 2     // x86-64-v4
};

// One line a kernel, in the order of their ids: "name size field:offset:size ...\n".
CLESSIDRA_EXPORT const char* clessidra_cpu_layouts(void);

// What a launch and a run return.
enum clessidra_result {
  CLESSIDRA_DONE = 0,
  CLESSIDRA_MALFORMED = -1,     // no such kernel, or no list of commands; nothing was run
  CLESSIDRA_OUT_OF_MEMORY = -2  // for what a kernel works with; what it writes is undefined then
};

// The best instruction set this processor and operating system support.
CLESSIDRA_EXPORT int64_t clessidra_cpu_best_instruction_set(void);

// Null when the instruction set is not supported, threads is below 1 or a thread cannot be started.
// The calling thread is one of the threads, so threads - 1 are started; they sleep unless there is
// work.
CLESSIDRA_EXPORT clessidra_cpu* clessidra_cpu_open(int64_t threads, int64_t instruction_set);
CLESSIDRA_EXPORT void clessidra_cpu_close(clessidra_cpu* cpu);

// Runs one kernel to its end. When another thread's kernel has the workers, this one runs on the
// calling thread alone: the result is the same. Returns a clessidra_result.
CLESSIDRA_EXPORT int64_t clessidra_cpu_launch(clessidra_cpu* cpu, int64_t kernel,
                                              const void* arguments);

// Runs a list of commands one after the other: each is {int32 kernel, int32 bytes} and then bytes
// (a multiple of 8) of arguments. The whole list is checked first. Returns a clessidra_result.
CLESSIDRA_EXPORT int64_t clessidra_cpu_run(clessidra_cpu* cpu, const void* commands,
                                           int64_t bytes);

// Memory aligned to a page (huge pages asked for from 2 MiB on); null when there is none. To be freed
// with the same number of bytes.
CLESSIDRA_EXPORT void* clessidra_cpu_allocate(int64_t bytes);
CLESSIDRA_EXPORT void clessidra_cpu_free(void* memory, int64_t bytes);

// Frees what threads keep to work with from launch to launch, apart from threads that compute.
CLESSIDRA_EXPORT void clessidra_cpu_trim(void);

// Fused multiply-adds a second that `threads` threads reach together with nothing but registers, as
// floating-point operations (2 each), over about `milliseconds`: the limit that kernels are held to.
CLESSIDRA_EXPORT double clessidra_cpu_measure_peak(clessidra_cpu* cpu, int64_t milliseconds);

#ifdef __cplusplus
}
#endif

#endif
