// Vec: the floats that one instruction handles, for the instruction set being compiled. Vec and
// IntVec are GCC vector types, so + - * / < and ?: work lane by lane; see clessidra/math.h.
#ifndef CLESSIDRA_CPU_SIMD_H
#define CLESSIDRA_CPU_SIMD_H

#include <immintrin.h>

#include <cstring>

#include "clessidra/primitives.h"

namespace clessidra {

namespace CLESSIDRA_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));

}  // namespace CLESSIDRA_ISA

// The primitives stand in the namespace of math.h, and before it, since its templates look there.
using CLESSIDRA_ISA::IntVec;
using CLESSIDRA_ISA::Vec;
using CLESSIDRA_ISA::kLanes;

CLESSIDRA_FUNCTION Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, c);
#else
  Vec r{};
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return r;
#endif
}

CLESSIDRA_FUNCTION Vec square_root(Vec x) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  return _mm_sqrt_ps(x);
#endif
}

CLESSIDRA_FUNCTION IntVec bits(Vec x) { return reinterpret_cast<IntVec>(x); }
CLESSIDRA_FUNCTION Vec from_bits(IntVec i) { return reinterpret_cast<Vec>(i); }
CLESSIDRA_FUNCTION Vec to_float(IntVec i) { return __builtin_convertvector(i, Vec); }

}  // namespace clessidra

#include "clessidra/math.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

CLESSIDRA_FUNCTION Vec broadcast(float x) { return constant<Vec>(x); }

CLESSIDRA_FUNCTION Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
CLESSIDRA_FUNCTION void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

// The first n lanes, 0 <= n <= kLanes; the others are +0.
CLESSIDRA_FUNCTION Vec load_part(const float* p, int64_t n) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#else
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
#endif
}
CLESSIDRA_FUNCTION void store_part(float* p, Vec v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
#else
  for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}

// Calls body(i, n) for i = begin, begin + kLanes, ... with n = kLanes, and once more for the rest.
template <class Body>
CLESSIDRA_FUNCTION void for_vectors(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, int64_t{kLanes});
  if (i < end) body(i, end - i);
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
