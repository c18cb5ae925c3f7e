// The k largest of each row.
#include "reduction.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Integers in the order of the floats: -0 is 0, NaN is below all.
CLESSIDRA_FUNCTION IntVec ordered(Vec x) {
  const IntVec i = bits(x + broadcast(0.0f));
  const IntVec key = i ^ ((i >> 31) & 0x7fffffff);
  return x == x ? key : IntVec{} + INT32_MIN;
}

CLESSIDRA_FUNCTION IntVec load_keys(const float* keys, int64_t i, Whole) {
  return bits(load(keys + i));
}
// Lanes that are not there are below all that are searched for.
CLESSIDRA_FUNCTION IntVec load_keys(const float* keys, int64_t i, int64_t n) {
  const auto there = lane_indices() < static_cast<int32_t>(n);
  return there ? bits(load_part(keys + i, n)) : IntVec{} + INT32_MIN;
}

// How many keys are above a bound.
CLESSIDRA_FUNCTION int32_t count_above(const float* keys, int32_t columns, int32_t bound) {
  IntVec counts{};
  for_vectors(0, columns, [&](int64_t i, auto n) { counts -= load_keys(keys, i, n) > bound; });
  int32_t count = 0;
  for (int lane = 0; lane < kLanes; ++lane) count += counts[lane];
  return count;
}

CLESSIDRA_FUNCTION void keep_largest(const float* x, float* y, float* mask, int32_t columns,
                                     int32_t k) {
  // The keys stand where the mask will.
  IntVec highest = IntVec{} + INT32_MIN;
  for_vectors(0, columns, [&](int64_t i, auto n) {
    const IntVec key = ordered(load_part(x + i, n));
    store_part(mask + i, from_bits(key), n);
    const auto there = lane_indices() < static_cast<int32_t>(n);
    highest = (there & (key > highest)) ? key : highest;
  });
  // The key of the k-th largest is above `low` and not above `high`.
  int64_t low = int64_t{INT32_MIN} - 1;
  int64_t high = INT32_MIN;
  for (int lane = 0; lane < kLanes; ++lane) high = highest[lane] > high ? highest[lane] : high;
  bool exact = false;  // just k keys are above `low`
  while (!exact && high - low > 1) {
    const int64_t middle = (low + high) >> 1;
    const int32_t count = count_above(mask, columns, static_cast<int32_t>(middle));
    if (count >= k) {
      low = middle;
      exact = count == k;
    } else {
      high = middle;
    }
  }
  // Keys above the threshold are kept, and of those equal to it the first `ties`.
  const int32_t threshold = static_cast<int32_t>(exact ? low : high);
  int32_t ties = exact ? 0 : k - count_above(mask, columns, threshold);
  int32_t tie_end = 0;
  for (; ties > 0; ++tie_end) ties -= bits(mask[tie_end]) == threshold;
  for_vectors(0, columns, [&](int64_t i, auto n) {
    const IntVec key = load_keys(mask, i, n);
    const IntVec column = lane_indices() + static_cast<int32_t>(i);
    const auto kept = (key > threshold) | ((key == threshold) & (column < tie_end));
    store_part(y + i, kept ? load_part(x + i, n) : Vec{}, n);
    store_part(mask + i, kept ? broadcast(1.0f) : Vec{}, n);
  });
}

}  // namespace

void top_k(ThreadPool& threads, const clessidra_top_k& arguments) {
  const int32_t columns = arguments.columns;
  // Some ten passes over a row.
  threads.for_ranges(arguments.rows, grain_rows(int64_t{columns} * 8),
                     [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t start = row * columns;
      keep_largest(arguments.x + start, arguments.y + start, arguments.mask + start, columns,
                   arguments.k);
    }
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
