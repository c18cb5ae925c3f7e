// Rows to columns.
#ifndef CLESSIDRA_CPU_TRANSPOSE_H
#define CLESSIDRA_CPU_TRANSPOSE_H

#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// to[p * to_stride + i] = from[i * from_stride + p], i < 4, p < 4.
CLESSIDRA_FUNCTION void transpose_4x4(const float* from, int64_t from_stride, float* to,
                                      int64_t to_stride) {
  __m128 r0 = _mm_loadu_ps(from);
  __m128 r1 = _mm_loadu_ps(from + from_stride);
  __m128 r2 = _mm_loadu_ps(from + 2 * from_stride);
  __m128 r3 = _mm_loadu_ps(from + 3 * from_stride);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(to, r0);
  _mm_storeu_ps(to + to_stride, r1);
  _mm_storeu_ps(to + 2 * to_stride, r2);
  _mm_storeu_ps(to + 3 * to_stride, r3);
}

#if defined(__AVX2__)
// The same for 8 x 8; the halves are put together by loads, which leaves two shuffles a row.
CLESSIDRA_FUNCTION void transpose_8x8(const float* from, int64_t from_stride, float* to,
                                      int64_t to_stride) {
  __m256 r[8];
  for (int i = 0; i < 4; ++i) {
    const float* low = from + i * from_stride;
    const float* high = low + 4 * from_stride;
    r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
    r[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)),
                                    _mm_loadu_ps(high + 4), 1);
  }
  for (int h = 0; h < 8; h += 4) {
    const __m256 a = _mm256_unpacklo_ps(r[h], r[h + 1]);
    const __m256 b = _mm256_unpackhi_ps(r[h], r[h + 1]);
    const __m256 c = _mm256_unpacklo_ps(r[h + 2], r[h + 3]);
    const __m256 d = _mm256_unpackhi_ps(r[h + 2], r[h + 3]);
    float* row = to + h * to_stride;
    _mm256_storeu_ps(row, _mm256_shuffle_ps(a, c, 0x44));
    _mm256_storeu_ps(row + to_stride, _mm256_shuffle_ps(a, c, 0xee));
    _mm256_storeu_ps(row + 2 * to_stride, _mm256_shuffle_ps(b, d, 0x44));
    _mm256_storeu_ps(row + 3 * to_stride, _mm256_shuffle_ps(b, d, 0xee));
  }
}
#endif

// to[p * to_stride + i] = from[i * from_stride + p] for i < lines, p < depth.
inline void transpose(const float* from, int64_t from_stride, int64_t lines, int64_t depth,
                      float* to, int64_t to_stride) {
  int64_t i = 0;
#if defined(__AVX2__)
  for (; i + 8 <= lines; i += 8) {
    int64_t p = 0;
    for (; p + 8 <= depth; p += 8) {
      transpose_8x8(from + i * from_stride + p, from_stride, to + p * to_stride + i, to_stride);
    }
    for (; p < depth; ++p) {
      for (int64_t j = i; j < i + 8; ++j) to[p * to_stride + j] = from[j * from_stride + p];
    }
  }
#endif
  for (; i + 4 <= lines; i += 4) {
    int64_t p = 0;
    for (; p + 4 <= depth; p += 4) {
      transpose_4x4(from + i * from_stride + p, from_stride, to + p * to_stride + i, to_stride);
    }
    for (; p < depth; ++p) {
      for (int64_t j = i; j < i + 4; ++j) to[p * to_stride + j] = from[j * from_stride + p];
    }
  }
  for (; i < lines; ++i) {
    for (int64_t p = 0; p < depth; ++p) to[p * to_stride + i] = from[i * from_stride + p];
  }
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
