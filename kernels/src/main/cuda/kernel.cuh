// What every CUDA kernel is written with. The same files are compiled by nvcc for GPUs and by g++,
// with a shim in front, for the emulator: plain CUDA C++, static shared memory, one struct a kernel.
#ifndef CLESSIDRA_CUDA_KERNEL_CUH
#define CLESSIDRA_CUDA_KERNEL_CUH

#include "clessidra/kernels.h"
#include "clessidra/math.h"

// Stands after each kernel: the emulator's shim registers the kernel's name there.
#ifndef CLESSIDRA_EMULATOR
#define EMULATOR_KERNEL(name)
#endif

namespace clessidra {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
// Threads of a block where a kernel has no reason for another number.
constexpr int kThreads = 256;

// A few neighbouring floats that one thread moves together.
template <int kWidth>
struct Pack {
  float v[kWidth];
};
template <int kWidth>
struct Width {};

// Whether all pointers allow loads and stores of 128 bits.
template <class... Pointers>
__device__ inline bool aligned(Pointers... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) | ...) & 15) == 0;
}

template <int kWidth>
__device__ inline Pack<kWidth> load(const float* p) {
  if constexpr (kWidth == 4) {
    const float4 q = *reinterpret_cast<const float4*>(p);
    return {{q.x, q.y, q.z, q.w}};
  } else {
    static_assert(kWidth == 1);
    return {{*p}};
  }
}

template <int kWidth>
__device__ inline void store(float* p, const Pack<kWidth>& x) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<float4*>(p) = make_float4(x.v[0], x.v[1], x.v[2], x.v[3]);
  } else {
    static_assert(kWidth == 1);
    *p = x.v[0];
  }
}

template <int kWidth, class Function>
__device__ inline Pack<kWidth> map(const Pack<kWidth>& x, const Function& f) {
  Pack<kWidth> y;
  CLESSIDRA_UNROLL
  for (int j = 0; j < kWidth; ++j) y.v[j] = f(x.v[j]);
  return y;
}

template <int kWidth, class Function>
__device__ inline Pack<kWidth> map(const Pack<kWidth>& a, const Pack<kWidth>& b,
                                   const Function& f) {
  Pack<kWidth> y;
  CLESSIDRA_UNROLL
  for (int j = 0; j < kWidth; ++j) y.v[j] = f(a.v[j], b.v[j]);
  return y;
}

template <int kWidth>
__device__ inline Pack<kWidth> repeated(float value) {
  return map(Pack<kWidth>{}, [=](float) { return value; });
}

// y = value, or beta * y + value.
template <int kWidth>
__device__ inline void store_sum(float* y, Pack<kWidth> value, float beta) {
  if (beta != 0.0f) {
    value = map(load<kWidth>(y), value, [=](float old, float v) { return beta * old + v; });
  }
  store(y, value);
}

// y = a * b, or fma(a, b, beta * y).
template <int kWidth>
__device__ inline void store_product(float* y, const Pack<kWidth>& a, const Pack<kWidth>& b,
                                     float beta) {
  Pack<kWidth> value;
  if (beta == 0.0f) {
    value = map(a, b, [](float p, float q) { return p * q; });
  } else {
    const Pack<kWidth> old = load<kWidth>(y);
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) value.v[j] = fma(a.v[j], b.v[j], beta * old.v[j]);
  }
  store(y, value);
}

// The number of this thread in the grid, and how many there are.
__device__ inline int64_t thread_of_grid() {
  return int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ inline int64_t threads_of_grid() { return int64_t{gridDim.x} * blockDim.x; }

// All threads of the grid call body(i, Width<4>) for groups of four elements, where `vectors` allows
// it, and body(i, Width<1>) for the rest.
template <class Body>
__device__ inline void for_elements(int64_t count, bool vectors, const Body& body) {
  const int64_t groups = vectors ? count / 4 : 0;
  for (int64_t i = thread_of_grid(); i < groups; i += threads_of_grid()) body(4 * i, Width<4>{});
  for (int64_t i = 4 * groups + thread_of_grid(); i < count; i += threads_of_grid()) {
    body(i, Width<1>{});
  }
}

// Calls body(i) for the elements of a row that fall to this thread: blocks side by side in y.
template <class Body>
__device__ inline void for_columns(int64_t count, const Body& body) {
  for (int64_t i = int64_t{blockIdx.y} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.y} * blockDim.x) {
    body(i);
  }
}

struct Division {
  int64_t quotient, remainder;
};
// n / d for n >= 0, d > 0. In 32 bits, where they are enough, it takes a fifth of the instructions.
__device__ inline Division divide(int64_t n, int64_t d) {
  if (((n | d) >> 32) == 0) {
    const uint32_t quotient = static_cast<uint32_t>(n) / static_cast<uint32_t>(d);
    return {int64_t{quotient}, n - quotient * d};
  }
  const int64_t quotient = n / d;
  return {quotient, n - quotient * d};
}

}  // namespace clessidra

#endif
