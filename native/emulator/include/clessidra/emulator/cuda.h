// Compiles CUDA C++ kernels with g++ for the emulated driver:
//   g++ -x c++ -std=c++20 -include clessidra/emulator/cuda.h kernels.cu
// EMULATOR_KERNEL(function) after a __global__ function makes it known to the driver by its plain
// name; for nvcc the project defines that macro as nothing.
#ifndef CLESSIDRA_EMULATOR_CUDA_H
#define CLESSIDRA_EMULATOR_CUDA_H

#define CLESSIDRA_EMULATOR 1

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <source_location>
#include <type_traits>
#include <utility>

#include "clessidra/emulator/runtime.h"

// Such as `#pragma unroll`.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) __attribute__((aligned(bytes)))
// All threads of a block run on one thread of the host.
#define __shared__ static thread_local
// For `extern __shared__ type name[];`
#define EMULATOR_DYNAMIC_SHARED(type, name) \
  type* const name = reinterpret_cast<type*>(clessidra_emulator_coordinates.dynamic_shared)

// ---- Vector types

#define CLESSIDRA_VECTOR(name, type, alignment1, alignment2, alignment4)                       \
  struct alignas(alignment1) name##1 {                                                         \
    type x;                                                                                    \
  };                                                                                           \
  struct alignas(alignment2) name##2 {                                                         \
    type x, y;                                                                                 \
  };                                                                                           \
  struct name##3 {                                                                             \
    type x, y, z;                                                                              \
  };                                                                                           \
  struct alignas(alignment4) name##4 {                                                         \
    type x, y, z, w;                                                                           \
  };                                                                                           \
  inline name##1 make_##name##1(type x) { return {x}; }                                        \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; }                             \
  inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }                  \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
CLESSIDRA_VECTOR(char, signed char, 1, 2, 4)
CLESSIDRA_VECTOR(uchar, unsigned char, 1, 2, 4)
CLESSIDRA_VECTOR(short, short, 2, 4, 8)
CLESSIDRA_VECTOR(ushort, unsigned short, 2, 4, 8)
CLESSIDRA_VECTOR(int, int, 4, 8, 16)
CLESSIDRA_VECTOR(longlong, long long, 8, 16, 16)
CLESSIDRA_VECTOR(ulonglong, unsigned long long, 8, 16, 16)
CLESSIDRA_VECTOR(float, float, 4, 8, 16)
CLESSIDRA_VECTOR(double, double, 8, 16, 16)
#undef CLESSIDRA_VECTOR

struct alignas(4) uint1 {
  unsigned x;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
using uint3 = clessidra::emulator::Index;
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline uint1 make_uint1(unsigned x) { return {x}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct dim3 {
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
  constexpr dim3(uint3 index) : x(index.x), y(index.y), z(index.z) {}
  constexpr operator uint3() const { return {x, y, z}; }

  unsigned x, y, z;
};

// ---- Where a thread is

#define threadIdx (static_cast<const uint3&>(clessidra_emulator_coordinates.thread))
#define blockIdx (static_cast<const uint3&>(clessidra_emulator_coordinates.block))
#define blockDim (dim3(clessidra_emulator_coordinates.block_size))
#define gridDim (dim3(clessidra_emulator_coordinates.grid_size))
constexpr int warpSize = 32;

// ---- Barriers and warp collectives

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  clessidra_emulator_barrier(clessidra::emulator::Barrier::kSync, 0, where);
}
inline int __syncthreads_count(int predicate,
                               std::source_location where = std::source_location::current()) {
  return clessidra_emulator_barrier(clessidra::emulator::Barrier::kCount, predicate, where);
}
inline int __syncthreads_and(int predicate,
                             std::source_location where = std::source_location::current()) {
  return clessidra_emulator_barrier(clessidra::emulator::Barrier::kAnd, predicate, where);
}
inline int __syncthreads_or(int predicate,
                            std::source_location where = std::source_location::current()) {
  return clessidra_emulator_barrier(clessidra::emulator::Barrier::kOr, predicate, where);
}
inline void __syncwarp(unsigned mask = 0xffffffffu,
                       std::source_location where = std::source_location::current()) {
  clessidra_emulator_collective(clessidra::emulator::Collective::kSync, mask, 0, 0, where);
}

namespace clessidra::emulator {

inline unsigned lane() {
  const Coordinates& at = clessidra_emulator_coordinates;
  return (at.thread.x + at.block_size.x * (at.thread.y + at.block_size.y * at.thread.z)) % 32;
}

template <class T>
T shuffle(unsigned mask, T value, unsigned source, std::source_location where) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8);
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  word = clessidra_emulator_collective(Collective::kShuffle, mask, word, source, where);
  std::memcpy(&value, &word, sizeof value);
  return value;
}

template <class T>
T reduce(Collective kind, unsigned mask, T value, std::source_location where) {
  return static_cast<T>(
      clessidra_emulator_collective(kind, mask, static_cast<uint32_t>(value), 0, where));
}

template <class T>
uint64_t word_of(T value) {
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}

}  // namespace clessidra::emulator

// A lane outside the group of `width` lanes gives the caller's own value, as the hardware does.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              std::source_location where = std::source_location::current()) {
  const unsigned lane = clessidra::emulator::lane();
  const unsigned within = static_cast<unsigned>(width) - 1;
  return clessidra::emulator::shuffle(
      mask, value, (lane & ~within) | (static_cast<unsigned>(source) & within), where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 std::source_location where = std::source_location::current()) {
  const unsigned lane = clessidra::emulator::lane();
  const unsigned within = lane & (static_cast<unsigned>(width) - 1);
  return clessidra::emulator::shuffle(mask, value, delta <= within ? lane - delta : lane, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   std::source_location where = std::source_location::current()) {
  const unsigned lane = clessidra::emulator::lane();
  const unsigned within = lane & (static_cast<unsigned>(width) - 1);
  return clessidra::emulator::shuffle(
      mask, value, delta < static_cast<unsigned>(width) - within ? lane + delta : lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  std::source_location where = std::source_location::current()) {
  const unsigned lane = clessidra::emulator::lane();
  const unsigned source = lane ^ static_cast<unsigned>(lane_mask);
  // A later group is out of reach, an earlier one is not.
  const unsigned last = lane | (static_cast<unsigned>(width) - 1);
  return clessidra::emulator::shuffle(mask, value, source <= last ? source : lane, where);
}
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location where = std::source_location::current()) {
  return static_cast<unsigned>(clessidra_emulator_collective(
      clessidra::emulator::Collective::kBallot, mask, predicate != 0, 0, where));
}
inline int __any_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return __ballot_sync(mask, predicate == 0, where) == 0;
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value,
                          std::source_location where = std::source_location::current()) {
  return static_cast<unsigned>(
      clessidra_emulator_collective(clessidra::emulator::Collective::kMatchAny, mask,
                                    clessidra::emulator::word_of(value), 0, where));
}
template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* all,
                          std::source_location where = std::source_location::current()) {
  const auto lanes = static_cast<unsigned>(
      clessidra_emulator_collective(clessidra::emulator::Collective::kMatchAll, mask,
                                    clessidra::emulator::word_of(value), 0, where));
  *all = lanes != 0;
  return lanes;
}
#define CLESSIDRA_REDUCE(name, type, kind)                                                  \
  inline type __reduce_##name##_sync(                                                       \
      unsigned mask, type value,                                                            \
      std::source_location where = std::source_location::current()) {                       \
    return clessidra::emulator::reduce(clessidra::emulator::Collective::kind, mask, value,  \
                                       where);                                              \
  }
CLESSIDRA_REDUCE(add, unsigned, kSum)
CLESSIDRA_REDUCE(add, int, kSum)
CLESSIDRA_REDUCE(min, unsigned, kMinimum)
CLESSIDRA_REDUCE(min, int, kMinimumSigned)
CLESSIDRA_REDUCE(max, unsigned, kMaximum)
CLESSIDRA_REDUCE(max, int, kMaximumSigned)
CLESSIDRA_REDUCE(and, unsigned, kAnd)
CLESSIDRA_REDUCE(or, unsigned, kOr)
CLESSIDRA_REDUCE(xor, unsigned, kXor)
#undef CLESSIDRA_REDUCE
inline unsigned __activemask() { return clessidra_emulator_active_lanes(); }

// ---- Memory

inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __nanosleep(unsigned) { clessidra_emulator_yield(); }

#define CLESSIDRA_LOAD(name)       \
  template <class T>               \
  T name(const T* address) {       \
    return *address;               \
  }
CLESSIDRA_LOAD(__ldg)
CLESSIDRA_LOAD(__ldca)
CLESSIDRA_LOAD(__ldcg)
CLESSIDRA_LOAD(__ldcs)
CLESSIDRA_LOAD(__ldcv)
#undef CLESSIDRA_LOAD
#define CLESSIDRA_STORE(name)            \
  template <class T>                     \
  void name(T* address, T value) {       \
    *address = value;                    \
  }
CLESSIDRA_STORE(__stcg)
CLESSIDRA_STORE(__stcs)
CLESSIDRA_STORE(__stwb)
CLESSIDRA_STORE(__stwt)
#undef CLESSIDRA_STORE

namespace clessidra::emulator {

// Gives the memory's old value, which update turns into the new one.
template <class T, class Update>
T atomic_update(T* address, const Update& update) {
  // A thread may be waiting for another of its block to change this.
  clessidra_emulator_yield();
  using Word = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  static_assert(sizeof(T) == sizeof(Word));
  auto* const word = reinterpret_cast<Word*>(address);
  Word old = __atomic_load_n(word, __ATOMIC_RELAXED);
  Word changed;
  do {
    changed = std::bit_cast<Word>(update(std::bit_cast<T>(old)));
  } while (!__atomic_compare_exchange_n(word, &old, changed, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  return std::bit_cast<T>(old);
}

}  // namespace clessidra::emulator

#define CLESSIDRA_ATOMIC(name, type, expression)                                       \
  inline type atomic##name(type* address, type value) {                                \
    return clessidra::emulator::atomic_update(                                         \
        address, [value](type old) { return static_cast<type>(expression); });         \
  }                                                                                    \
  inline type atomic##name##_block(type* address, type value) {                        \
    return atomic##name(address, value);                                               \
  }                                                                                    \
  inline type atomic##name##_system(type* address, type value) {                       \
    return atomic##name(address, value);                                               \
  }
#define CLESSIDRA_ATOMIC_INTEGERS(name, expression)           \
  CLESSIDRA_ATOMIC(name, int, expression)                     \
  CLESSIDRA_ATOMIC(name, unsigned, expression)                \
  CLESSIDRA_ATOMIC(name, unsigned long long, expression)
CLESSIDRA_ATOMIC(Add, int, static_cast<unsigned>(old) + static_cast<unsigned>(value))
CLESSIDRA_ATOMIC(Add, unsigned, old + value)
CLESSIDRA_ATOMIC(Add, unsigned long long, old + value)
CLESSIDRA_ATOMIC(Add, float, old + value)
CLESSIDRA_ATOMIC(Add, double, old + value)
CLESSIDRA_ATOMIC(Sub, int, static_cast<unsigned>(old) - static_cast<unsigned>(value))
CLESSIDRA_ATOMIC(Sub, unsigned, old - value)
CLESSIDRA_ATOMIC_INTEGERS(Exch, ((void)old, value))
CLESSIDRA_ATOMIC(Exch, float, ((void)old, value))
CLESSIDRA_ATOMIC_INTEGERS(Min, old < value ? old : value)
CLESSIDRA_ATOMIC_INTEGERS(Max, old > value ? old : value)
CLESSIDRA_ATOMIC_INTEGERS(And, old & value)
CLESSIDRA_ATOMIC_INTEGERS(Or, old | value)
CLESSIDRA_ATOMIC_INTEGERS(Xor, old ^ value)
CLESSIDRA_ATOMIC(Inc, unsigned, old >= value ? 0 : old + 1)
CLESSIDRA_ATOMIC(Dec, unsigned, old == 0 || old > value ? value : old - 1)
#undef CLESSIDRA_ATOMIC_INTEGERS
#undef CLESSIDRA_ATOMIC
#define CLESSIDRA_ATOMIC_CAS(type)                                            \
  inline type atomicCAS(type* address, type expected, type value) {           \
    return clessidra::emulator::atomic_update(                                \
        address, [=](type old) { return old == expected ? value : old; });    \
  }
CLESSIDRA_ATOMIC_CAS(int)
CLESSIDRA_ATOMIC_CAS(unsigned)
CLESSIDRA_ATOMIC_CAS(unsigned long long)
#undef CLESSIDRA_ATOMIC_CAS

// ---- Arithmetic: each rounds to nearest once, as the compiler's own operators do here

inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
inline double __drcp_rn(double a) { return 1.0 / a; }

inline int __float_as_int(float a) { return std::bit_cast<int>(a); }
inline unsigned __float_as_uint(float a) { return std::bit_cast<unsigned>(a); }
inline float __int_as_float(int a) { return std::bit_cast<float>(a); }
inline float __uint_as_float(unsigned a) { return std::bit_cast<float>(a); }
inline long long __double_as_longlong(double a) { return std::bit_cast<long long>(a); }
inline double __longlong_as_double(long long a) { return std::bit_cast<double>(a); }
inline int __float2int_rn(float a) { return static_cast<int>(std::nearbyintf(a)); }
inline int __float2int_rz(float a) { return static_cast<int>(a); }
inline unsigned __float2uint_rn(float a) { return static_cast<unsigned>(std::nearbyintf(a)); }
inline unsigned __float2uint_rz(float a) { return static_cast<unsigned>(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
inline float __double2float_rn(double a) { return static_cast<float>(a); }
inline float __saturatef(float a) { return a > 0.0f ? (a < 1.0f ? a : 1.0f) : 0.0f; }

inline int __popc(unsigned a) { return std::popcount(a); }
inline int __popcll(unsigned long long a) { return std::popcount(a); }
inline int __clz(int a) { return std::countl_zero(static_cast<unsigned>(a)); }
inline int __clzll(long long a) { return std::countl_zero(static_cast<unsigned long long>(a)); }
inline int __ffs(int a) { return __builtin_ffs(a); }
inline int __ffsll(long long a) { return __builtin_ffsll(a); }
inline unsigned long long __brevll(unsigned long long a) {
  unsigned long long reversed = 0;
  for (int bit = 0; bit < 64; ++bit) reversed |= ((a >> bit) & 1) << (63 - bit);
  return reversed;
}
inline unsigned __brev(unsigned a) { return static_cast<unsigned>(__brevll(a) >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}
inline int __mulhi(int a, int b) {
  return static_cast<int>((static_cast<long long>(a) * b) >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  const unsigned long long both = (static_cast<unsigned long long>(high) << 32) | low;
  return static_cast<unsigned>((both << (shift & 31)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  const unsigned long long both = (static_cast<unsigned long long>(high) << 32) | low;
  return static_cast<unsigned>(both >> (shift & 31));
}

// CUDA's are in the global name space, take mixed integers, and ignore a NaN.
template <class A, class B>
  requires std::is_integral_v<A> && std::is_integral_v<B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(b) < static_cast<T>(a) ? static_cast<T>(b) : static_cast<T>(a);
}
template <class A, class B>
  requires std::is_integral_v<A> && std::is_integral_v<B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}
inline float min(float a, float b) { return __builtin_fminf(a, b); }
inline float max(float a, float b) { return __builtin_fmaxf(a, b); }
inline double min(double a, double b) { return __builtin_fmin(a, b); }
inline double max(double a, double b) { return __builtin_fmax(a, b); }

// ---- Ends

inline void __trap(std::source_location where = std::source_location::current()) {
  clessidra_emulator_trap("__trap", where);
}
#include <cassert>
#undef assert
#define assert(condition) \
  ((condition) ? void() : clessidra_emulator_trap("assert(" #condition ")", \
                                                  std::source_location::current()))

// ---- Registration

namespace clessidra::emulator {

[[maybe_unused]] static thread_local char shared_anchor;

template <auto function>
struct Trampoline;

template <class... Parameters, void (*function)(Parameters...)>
struct Trampoline<function> {
  static void invoke(void* const* parameters) {
    call(parameters, std::index_sequence_for<Parameters...>());
  }
  template <size_t... i>
  static void call([[maybe_unused]] void* const* parameters, std::index_sequence<i...>) {
    function(*static_cast<const Parameters*>(parameters[i])...);
  }
  static constexpr uint32_t kCount = sizeof...(Parameters);
  // One more than there are, since no array may be empty.
  static constexpr Parameter kParameters[] = {{sizeof(Parameters), alignof(Parameters)}..., {0, 1}};
};

template <auto function>
class KernelRegistration {
 public:
  explicit KernelRegistration(const char* name)
      : kernel_{name, Trampoline<function>::invoke,
                [] { return static_cast<void*>(&shared_anchor); },
                Trampoline<function>::kParameters, Trampoline<function>::kCount} {
    clessidra_emulator_register_kernel(&kernel_);
  }
  ~KernelRegistration() { clessidra_emulator_unregister_kernel(&kernel_); }
  KernelRegistration(const KernelRegistration&) = delete;
  KernelRegistration& operator=(const KernelRegistration&) = delete;

 private:
  const KernelDescription kernel_;
};

class VariableRegistration {
 public:
  VariableRegistration(const char* name, void* address, size_t bytes)
      : variable_{name, address, bytes} {
    clessidra_emulator_register_variable(&variable_);
  }
  ~VariableRegistration() { clessidra_emulator_unregister_variable(&variable_); }
  VariableRegistration(const VariableRegistration&) = delete;
  VariableRegistration& operator=(const VariableRegistration&) = delete;

 private:
  const VariableDescription variable_;
};

}  // namespace clessidra::emulator

#define EMULATOR_KERNEL(function)                                                               \
  [[maybe_unused]] static const ::clessidra::emulator::KernelRegistration<function>             \
      emulator_registration_of_##function(#function);
#define EMULATOR_VARIABLE(variable)                                                             \
  [[maybe_unused]] static const ::clessidra::emulator::VariableRegistration                     \
      emulator_registration_of_##variable(                                                      \
          #variable, const_cast<void*>(static_cast<const volatile void*>(&variable)),           \
          sizeof(variable));

#endif
