// What math.h is built from, for one float. simd.h has the same for a vector of floats.
#ifndef CLESSIDRA_PRIMITIVES_H
#define CLESSIDRA_PRIMITIVES_H

#include <stdint.h>

#ifdef __CUDACC__
#define CLESSIDRA_FUNCTION __host__ __device__ inline
#define CLESSIDRA_UNROLL _Pragma("unroll")
#else
#define CLESSIDRA_FUNCTION inline __attribute__((always_inline))
#define CLESSIDRA_UNROLL _Pragma("GCC unroll 32")
#endif

namespace clessidra {

CLESSIDRA_FUNCTION float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
CLESSIDRA_FUNCTION float square_root(float x) { return __builtin_sqrtf(x); }
CLESSIDRA_FUNCTION float round_down(float x) { return __builtin_floorf(x); }
CLESSIDRA_FUNCTION int32_t bits(float x) {
  int32_t i;
  __builtin_memcpy(&i, &x, sizeof i);
  return i;
}
CLESSIDRA_FUNCTION float from_bits(int32_t i) {
  float x;
  __builtin_memcpy(&x, &i, sizeof x);
  return x;
}
CLESSIDRA_FUNCTION float to_float(int32_t i) { return static_cast<float>(i); }
CLESSIDRA_FUNCTION int32_t to_integer(float x) { return static_cast<int32_t>(x); }

// b where either is NaN, and where both are zero.
CLESSIDRA_FUNCTION float larger(float a, float b) { return a > b ? a : b; }
CLESSIDRA_FUNCTION float smaller(float a, float b) { return a < b ? a : b; }

template <class T>
CLESSIDRA_FUNCTION T constant(float x) {
  return x - T{};  // not +: it keeps -0
}

}  // namespace clessidra

#endif
