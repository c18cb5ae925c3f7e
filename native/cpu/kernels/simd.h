// Vec: the floats that one instruction handles, for the instruction set being compiled. Vec and
// IntVec are GCC vector types, so + - * / < and ?: work lane by lane; see clessidra/math.h.
#ifndef CLESSIDRA_CPU_SIMD_H
#define CLESSIDRA_CPU_SIMD_H

#include <immintrin.h>

#include <cstring>
#include <type_traits>

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
typedef uint32_t UintVec __attribute__((vector_size(kLanes * 4)));

// All lanes, where a number of lanes is asked for; converts to it.
using Whole = std::integral_constant<int64_t, kLanes>;

}  // namespace CLESSIDRA_ISA

// The primitives stand in the namespace of math.h, and before it, since its templates look there.
using CLESSIDRA_ISA::IntVec;
using CLESSIDRA_ISA::Vec;
using CLESSIDRA_ISA::kLanes;

#if defined(__AVX512F__)
CLESSIDRA_FUNCTION Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
#elif defined(__AVX2__)
CLESSIDRA_FUNCTION Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
#else
// Four calls of libm: inlined, they would only make the code larger.
__attribute__((noinline)) inline Vec fma(Vec a, Vec b, Vec c) {
  Vec r{};
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return r;
}
#endif

CLESSIDRA_FUNCTION Vec square_root(Vec x) {
#if defined(__AVX512F__)
  // All lanes; GCC 12 warns of an uninitialised value in the plain form.
  return _mm512_maskz_sqrt_ps(0xffff, x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  return _mm_sqrt_ps(x);
#endif
}

CLESSIDRA_FUNCTION Vec round_down(Vec x) {
#if defined(__AVX512F__)
  // All lanes, as above.
  return _mm512_maskz_roundscale_ps(0xffff, x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
  return _mm256_floor_ps(x);
#else
  return _mm_floor_ps(x);
#endif
}

CLESSIDRA_FUNCTION IntVec bits(Vec x) { return reinterpret_cast<IntVec>(x); }
CLESSIDRA_FUNCTION Vec from_bits(IntVec i) { return reinterpret_cast<Vec>(i); }
CLESSIDRA_FUNCTION Vec to_float(IntVec i) { return __builtin_convertvector(i, Vec); }
CLESSIDRA_FUNCTION IntVec to_integer(Vec x) { return __builtin_convertvector(x, IntVec); }

#if defined(__AVX512F__)
// All lanes, as above.
CLESSIDRA_FUNCTION Vec larger(Vec a, Vec b) { return _mm512_maskz_max_ps(0xffff, a, b); }
CLESSIDRA_FUNCTION Vec smaller(Vec a, Vec b) { return _mm512_maskz_min_ps(0xffff, a, b); }

CLESSIDRA_FUNCTION Vec times_power_of_two(Vec p, Vec n) {
  return _mm512_maskz_scalef_ps(0xffff, p, n);
}
CLESSIDRA_FUNCTION void split_positive(Vec x, Vec& m, Vec& e) {
  m = _mm512_maskz_getmant_ps(0xffff, x, _MM_MANT_NORM_p5_1, _MM_MANT_SIGN_src);
  e = Vec(_mm512_maskz_getexp_ps(0xffff, x)) + constant<Vec>(1.0f);
}
CLESSIDRA_FUNCTION void split_normal(Vec x, Vec& m, Vec& e) { split_positive(x, m, e); }
#else
#if defined(__AVX2__)
CLESSIDRA_FUNCTION Vec larger(Vec a, Vec b) { return _mm256_max_ps(a, b); }
CLESSIDRA_FUNCTION Vec smaller(Vec a, Vec b) { return _mm256_min_ps(a, b); }
CLESSIDRA_FUNCTION bool all(IntVec truth) {
  return _mm256_movemask_ps(reinterpret_cast<__m256>(truth)) == 0xff;
}
#else
CLESSIDRA_FUNCTION Vec larger(Vec a, Vec b) { return _mm_max_ps(a, b); }
CLESSIDRA_FUNCTION Vec smaller(Vec a, Vec b) { return _mm_min_ps(a, b); }
CLESSIDRA_FUNCTION bool all(IntVec truth) {
  return _mm_movemask_ps(reinterpret_cast<__m128>(truth)) == 0xf;
}
#endif
CLESSIDRA_FUNCTION Vec exponential(Vec x);
#endif

}  // namespace clessidra

#include "clessidra/math.h"

namespace clessidra {

#if !defined(__AVX512F__)
// Where all results are normal, as nearly always, 2^n is a sum of exponents: a quarter less work.
CLESSIDRA_FUNCTION Vec exponential(Vec x) {
  if (__builtin_expect(!all(absolute(x) <= constant<Vec>(87.0f)), 0)) return exponential<Vec>(x);
  Vec n, shifted;
  const Vec p = exponential_in_parts(x, n, shifted);
  return from_bits(bits(p) + (bits(shifted) << 23));
}
#endif

namespace CLESSIDRA_ISA {

CLESSIDRA_FUNCTION Vec broadcast(float x) { return constant<Vec>(x); }

CLESSIDRA_FUNCTION Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
CLESSIDRA_FUNCTION void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

// 0, 1, 2, ...
CLESSIDRA_FUNCTION IntVec lane_indices() {
  IntVec v{};
  for (int i = 0; i < kLanes; ++i) v[i] = i;
  return v;
}

// A store that goes past the caches; p is aligned to a Vec. Others see it after finish_streams().
CLESSIDRA_FUNCTION void stream(float* p, Vec v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, v);
#else
  _mm_stream_ps(p, v);
#endif
}
CLESSIDRA_FUNCTION void finish_streams() { _mm_sfence(); }

// Lanes from n on become +0.
CLESSIDRA_FUNCTION Vec first_lanes(Vec v, int64_t n) {
  return lane_indices() < static_cast<int32_t>(n) ? v : Vec{};
}
CLESSIDRA_FUNCTION Vec first_lanes(Vec v, Whole) { return v; }

// The first n lanes, 0 <= n <= kLanes; the others are +0.
CLESSIDRA_FUNCTION Vec load_part(const float* p, int64_t n) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#elif defined(__AVX2__)
  return _mm256_maskload_ps(
      p, reinterpret_cast<__m256i>(lane_indices() < static_cast<int32_t>(n)));
#else
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
#endif
}
CLESSIDRA_FUNCTION Vec load_part(const float* p, Whole) { return load(p); }

CLESSIDRA_FUNCTION void store_part(float* p, Vec v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
#elif defined(__AVX2__)
  // In pieces: AMD's processors take some forty steps for a masked store.
  if (n >= kLanes) return store(p, v);
  __m128 rest = _mm256_castps256_ps128(v);
  if ((n & 4) != 0) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if ((n & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if ((n & 1) != 0) _mm_store_ss(p, rest);
#else
  for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}
CLESSIDRA_FUNCTION void store_part(float* p, Vec v, Whole) { store(p, v); }

template <class Count>
CLESSIDRA_FUNCTION IntVec load_integers(const int32_t* p, Count n) {
  return bits(load_part(reinterpret_cast<const float*>(p), n));
}
template <class Count>
CLESSIDRA_FUNCTION void store_integers(int32_t* p, IntVec v, Count n) {
  store_part(reinterpret_cast<float*>(p), from_bits(v), n);
}

// Calls body(i, Whole) for i = begin, begin + kLanes, ... and body(i, n) for the n that are left.
// With `auto n` in the body, the loop has no trace of the rest.
template <class Body>
CLESSIDRA_FUNCTION void for_vectors(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, Whole{});
  if (i < end) body(i, end - i);
}

// Calls body(i, vectors, n) for strips of four, two and one whole vectors, of at most kMost, and for the
// n that are left: for loops over rows, which read adjacent memory so.
template <int kMost = 4, class Body>
CLESSIDRA_FUNCTION void for_strips(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  const auto add_strips = [&](auto vectors) __attribute__((always_inline)) {
    if constexpr (vectors <= kMost) {
      for (; i + vectors * kLanes <= end; i += vectors * kLanes) body(i, vectors, Whole{});
    }
  };
  add_strips(std::integral_constant<int, 4>{});
  add_strips(std::integral_constant<int, 2>{});
  for_vectors(i, end, [&](int64_t j, auto n) { body(j, std::integral_constant<int, 1>{}, n); });
}

// The 64-bit products of the even lanes and b: each in two lanes, the lower half in the even one.
CLESSIDRA_FUNCTION UintVec multiply_even_lanes(UintVec a, uint32_t b) {
  const UintVec factor = UintVec{} + b;
#if defined(__AVX512F__)
  // All lanes, as for the square root.
  return reinterpret_cast<UintVec>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a),
                                                          reinterpret_cast<__m512i>(factor)));
#elif defined(__AVX2__)
  return reinterpret_cast<UintVec>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(factor)));
#else
  return reinterpret_cast<UintVec>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(factor)));
#endif
}

// a0, b0, a1, b1, ...: first the Vec of the lower halves, then of the upper halves.
CLESSIDRA_FUNCTION void interleave(Vec a, Vec b, Vec& first, Vec& second) {
  const IntVec from = lane_indices() / 2 + (lane_indices() & 1) * kLanes;
  first = __builtin_shuffle(a, b, from);
  second = __builtin_shuffle(a, b, from + kLanes / 2);
}

// p[index] in each lane.
CLESSIDRA_FUNCTION Vec gather(const float* p, IntVec index) {
#if defined(__AVX512F__)
  // All lanes, as for the square root.
  return _mm512_mask_i32gather_ps(Vec{}, 0xffff, reinterpret_cast<__m512i>(index), p, 4);
#else
  Vec v{};
  for (int i = 0; i < kLanes; ++i) v[i] = p[index[i]];
  return v;
#endif
}

// Calls body(offset, n) for both vectors that hold n pairs.
template <class Body>
CLESSIDRA_FUNCTION void for_halves(int64_t n, const Body& body) {
  body(0, 2 * n < kLanes ? 2 * n : int64_t{kLanes});
  body(kLanes, 2 * n < kLanes ? 0 : 2 * n - kLanes);
}
template <class Body>
CLESSIDRA_FUNCTION void for_halves(Whole n, const Body& body) {
  body(0, n);
  body(kLanes, n);
}

// The first n pairs at p, apart; the other lanes are +0.
template <class Count>
CLESSIDRA_FUNCTION void load_pairs(const float* p, Count n, Vec& first, Vec& second) {
  Vec halves[2];
  for_halves(n, [&](int offset, auto m) { halves[offset / kLanes] = load_part(p + offset, m); });
  const IntVec even = 2 * lane_indices();
  first = __builtin_shuffle(halves[0], halves[1], even);
  second = __builtin_shuffle(halves[0], halves[1], even + 1);
}
// Writes the first n lanes of both as pairs.
template <class Count>
CLESSIDRA_FUNCTION void store_pairs(float* p, Vec first, Vec second, Count n) {
  Vec halves[2];
  interleave(first, second, halves[0], halves[1]);
  for_halves(n, [&](int offset, auto m) { store_part(p + offset, halves[offset / kLanes], m); });
}

// Calls body(std::true_type) or body(std::false_type).
template <class Body>
CLESSIDRA_FUNCTION void with_flag(bool flag, const Body& body) {
  if (flag) {
    body(std::true_type{});
  } else {
    body(std::false_type{});
  }
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
