// The one order in which numbers are summed; see the top of clessidra/kernels.h. A term is a
// function: term(i, n) gives the terms of elements i to i + n - 1 in the first n lanes.
#ifndef CLESSIDRA_CPU_REDUCTION_H
#define CLESSIDRA_CPU_REDUCTION_H

#include "kernel_table.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

constexpr int64_t kSumChunk = CLESSIDRA_SUM_CHUNK;
constexpr int kSumVecs = CLESSIDRA_SUM_LANES / kLanes;
// Copies of a term in the code: enough to keep the lanes in registers where there are few.
constexpr int kSumUnroll = kSumVecs <= 4 ? kSumVecs : 1;

// Lane l combined with lane l + kLanes / 2, and so on down to lane 0.
template <class Combine>
CLESSIDRA_FUNCTION float fold_lanes(Vec v, const Combine& combine) {
#pragma GCC unroll 4
  for (int stride = kLanes / 2; stride > 0; stride /= 2) {
    v = combine(v, __builtin_shuffle(v, (lane_indices() + stride) & (kLanes - 1)));
  }
  return v[0];
}

// The lanes of a sum folded to one number.
CLESSIDRA_FUNCTION float fold_sums(Vec (&lanes)[kSumVecs]) {
#pragma GCC unroll 4
  for (int stride = kSumVecs / 2; stride > 0; stride /= 2) {
#pragma GCC unroll 4
    for (int j = 0; j < stride; ++j) lanes[j] += lanes[j + stride];
  }
  return fold_lanes(lanes[0], [](Vec a, Vec b) { return a + b; });
}

// Sum of the terms in [begin, end), no more than one chunk.
template <class Term>
CLESSIDRA_FUNCTION float sum_chunk(int64_t begin, int64_t end, const Term& term) {
  Vec lanes[kSumVecs];
#pragma GCC unroll kSumUnroll
  for (int j = 0; j < kSumVecs; ++j) lanes[j] = Vec{};
  int64_t i = begin;
  for (; i + CLESSIDRA_SUM_LANES <= end; i += CLESSIDRA_SUM_LANES) {
#pragma GCC unroll kSumUnroll
    for (int j = 0; j < kSumVecs; ++j) lanes[j] += term(i + j * kLanes, Whole{});
  }
  // The lanes start at +0 and so never hold -0: adding +0 for what is not there changes nothing.
#pragma GCC unroll kSumUnroll
  for (int j = 0; j < kSumVecs; ++j, i += kLanes) {
    if (i >= end) break;
    const int64_t n = end - i < kLanes ? end - i : kLanes;
    lanes[j] += first_lanes(term(i, n), n);
  }
  return fold_sums(lanes);
}

// Sum of x[0..count), which is overwritten.
__attribute__((noinline)) inline float sum_in_place(float* x, int64_t count) {
  while (count > 1) {
    int64_t chunks = 0;
    for (int64_t begin = 0; begin < count; begin += kSumChunk, ++chunks) {
      const int64_t end = begin + kSumChunk < count ? begin + kSumChunk : count;
      x[chunks] = sum_chunk(begin, end, [&](int64_t i, auto n) { return load_part(x + i, n); });
    }
    count = chunks;
  }
  return count == 0 ? 0.0f : x[0];
}

// Sum of the terms in [0, count) by all threads; workspace: ceil(count / kSumChunk) floats.
template <class Term>
CLESSIDRA_FUNCTION float sum(ThreadPool& threads, int64_t count, float* workspace,
                             const Term& term) {
  const int64_t chunks = (count + kSumChunk - 1) / kSumChunk;
  threads.for_ranges(chunks, kGrain / kSumChunk, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * kSumChunk;
      const int64_t end = begin + kSumChunk < count ? begin + kSumChunk : count;
      workspace[chunk] = sum_chunk(begin, end, term);
    }
  });
  return sum_in_place(workspace, chunks);
}

// Sum of the terms in [0, count) of a row, by one thread and with no workspace.
template <class Term>
CLESSIDRA_FUNCTION float sum_row(int32_t count, const Term& term) {
  if (count <= kSumChunk) return sum_chunk(0, count, term);
  // A row of 2^31 - 1 elements has 2^19 chunks, which have 2^7 chunks, which have one.
  float groups[128];
  float sums[kSumChunk];
  int64_t group = 0;
  for (int64_t begin = 0; begin < count; ++group) {
    int64_t chunks = 0;
    for (; chunks < kSumChunk && begin < count; ++chunks, begin += kSumChunk) {
      const int64_t end = begin + kSumChunk < count ? begin + kSumChunk : count;
      sums[chunks] = sum_chunk(begin, end, term);
    }
    groups[group] = chunks == 1 ? sums[0] : sum_in_place(sums, chunks);
  }
  return group == 1 ? groups[0] : sum_in_place(groups, group);
}

// The largest of x[begin..end), NaN ignored: -infinity when there is none, +0 when it is a zero.
CLESSIDRA_FUNCTION float maximum_of(const float* x, int64_t begin, int64_t end) {
  const Vec lowest = broadcast(-__builtin_inff());
  Vec first = lowest;
  Vec second = lowest;
  int64_t i = begin;
  for (; i + 2 * kLanes <= end; i += 2 * kLanes) {
    first = larger(load(x + i), first);
    second = larger(load(x + i + kLanes), second);
  }
  for (; i < end; i += kLanes) {
    const int64_t n = end - i < kLanes ? end - i : kLanes;
    const Vec part = lane_indices() < static_cast<int32_t>(n) ? load_part(x + i, n) : lowest;
    first = larger(part, first);
  }
  return fold_lanes(larger(first, second), [](Vec a, Vec b) { return larger(b, a); }) + 0.0f;
}

// beta * y + scale * r, y unread when beta is 0.
CLESSIDRA_FUNCTION void store_result(float* y, float r, float scale, float beta) {
  const float value = scale * r;
  *y = beta == 0.0f ? value : beta * *y + value;
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
