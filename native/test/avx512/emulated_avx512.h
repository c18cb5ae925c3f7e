// The instructions of AVX-512 that simd.h uses, one by one in plain C++: with this file in front of each
// (-include), the kernels for AVX-512 are tested on a processor that has none.
#ifndef CLESSIDRA_TEST_EMULATED_AVX512_H
#define CLESSIDRA_TEST_EMULATED_AVX512_H

#include <immintrin.h>

#include <cmath>
#include <cstdint>

namespace emulated_avx512 {

typedef float Floats __attribute__((vector_size(64)));
typedef uint64_t Wides __attribute__((vector_size(64)));

template <class Function>
inline Floats each(unsigned mask, Floats elsewhere, const Function& function) {
  for (int i = 0; i < 16; ++i)
    if ((mask >> i & 1) != 0) elsewhere[i] = function(i);
  return elsewhere;
}

inline Floats fma(Floats a, Floats b, Floats c) {
  return each(0xffff, Floats{}, [&](int i) { return std::fma(a[i], b[i], c[i]); });
}
inline Floats sqrt(unsigned mask, Floats a) {
  return each(mask, Floats{}, [&](int i) { return std::sqrt(a[i]); });
}
inline Floats floor(unsigned mask, Floats a, int) {
  return each(mask, Floats{}, [&](int i) { return std::floor(a[i]); });
}
inline Floats max(unsigned mask, Floats a, Floats b) {
  return each(mask, Floats{}, [&](int i) { return a[i] > b[i] ? a[i] : b[i]; });
}
inline Floats min(unsigned mask, Floats a, Floats b) {
  return each(mask, Floats{}, [&](int i) { return a[i] < b[i] ? a[i] : b[i]; });
}
// a * 2^floor(b), rounded once.
inline Floats scalef(unsigned mask, Floats a, Floats b) {
  return each(mask, Floats{}, [&](int i) {
    const double power = std::fmin(std::fmax(std::floor(b[i]), -1000.0), 1000.0);
    return std::isnan(a[i]) || std::isnan(b[i])
               ? a[i] + b[i]
               : static_cast<float>(std::ldexp(static_cast<double>(a[i]), static_cast<int>(power)));
  });
}
inline Floats getexp(unsigned mask, Floats a) {
  return each(mask, Floats{}, [&](int i) { return std::logb(a[i]); });
}
// The significand in [1/2, 1), with the sign.
inline Floats getmant(unsigned mask, Floats a, int, int) {
  return each(mask, Floats{}, [&](int i) {
    int exponent;
    return std::isfinite(a[i]) && a[i] != 0.0f ? std::frexp(a[i], &exponent) : 0.5f;
  });
}
inline Floats load(unsigned mask, const float* p) {
  return each(mask, Floats{}, [&](int i) { return p[i]; });
}
inline void store(float* p, unsigned mask, Floats a) {
  for (int i = 0; i < 16; ++i)
    if ((mask >> i & 1) != 0) p[i] = a[i];
}
inline void stream(float* p, Floats a) { store(p, 0xffff, a); }
inline Floats gather(Floats elsewhere, unsigned mask, __m512i index, const float* p, int) {
  typedef int32_t Indices __attribute__((vector_size(64)));
  const Indices indices = reinterpret_cast<Indices>(index);
  return each(mask, elsewhere, [&](int i) { return p[indices[i]]; });
}
inline __m512i multiply(unsigned, __m512i a, __m512i b) {
  const Wides low = Wides{} + 0xffffffffu;
  return reinterpret_cast<__m512i>((reinterpret_cast<Wides>(a) & low) *
                                   (reinterpret_cast<Wides>(b) & low));
}

}  // namespace emulated_avx512

#define __AVX512F__ 1
#define _mm512_fmadd_ps emulated_avx512::fma
#define _mm512_maskz_sqrt_ps emulated_avx512::sqrt
#define _mm512_maskz_roundscale_ps emulated_avx512::floor
#define _mm512_maskz_max_ps emulated_avx512::max
#define _mm512_maskz_min_ps emulated_avx512::min
#define _mm512_maskz_scalef_ps emulated_avx512::scalef
#define _mm512_maskz_getexp_ps emulated_avx512::getexp
#define _mm512_maskz_getmant_ps emulated_avx512::getmant
#define _mm512_maskz_loadu_ps emulated_avx512::load
#define _mm512_mask_storeu_ps emulated_avx512::store
#define _mm512_stream_ps emulated_avx512::stream
#define _mm512_mask_i32gather_ps emulated_avx512::gather
#define _mm512_maskz_mul_epu32 emulated_avx512::multiply

#endif
