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

// Calls body(i, n, keys of x[i..i + n)); lanes that are not there get the key `missing`.
template <class Body>
CLESSIDRA_FUNCTION void for_keys(const float* x, int32_t columns, int32_t missing,
                                 const Body& body) {
  for_vectors(0, columns, [&](int64_t i, auto n) {
    const IntVec key = ordered(load_part(x + i, n));
    const auto there = lane_indices() < static_cast<int32_t>(n);
    body(i, n, there ? key : IntVec{} + missing);
  });
}

CLESSIDRA_FUNCTION int32_t total(IntVec v) {
  int32_t sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += v[lane];
  return sum;
}

CLESSIDRA_FUNCTION void keep_largest(const float* x, float* y, float* mask, int32_t columns,
                                     int32_t k) {
  // Bounds of the key of the k-th largest: at least k keys are >= low, fewer are > high.
  int32_t low = INT32_MAX;
  int32_t high = INT32_MIN;
  {
    IntVec lowest = IntVec{} + low;
    IntVec highest = IntVec{} + high;
    for_keys(x, columns, INT32_MAX, [&](int64_t, auto, IntVec key) {
      lowest = key < lowest ? key : lowest;
    });
    for_keys(x, columns, INT32_MIN, [&](int64_t, auto, IntVec key) {
      highest = key > highest ? key : highest;
    });
    for (int lane = 0; lane < kLanes; ++lane) {
      low = lowest[lane] < low ? lowest[lane] : low;
      high = highest[lane] > high ? highest[lane] : high;
    }
  }
  // Keys above `threshold` are kept, and those equal to it in columns below `tie_end`.
  int32_t threshold = low;
  int32_t tie_end = 0;
  bool exact = false;
  while (low < high && !exact) {
    const int32_t middle = static_cast<int32_t>((int64_t{low} + high + 1) >> 1);
    IntVec counts{};
    for_keys(x, columns, INT32_MIN, [&](int64_t, auto, IntVec key) { counts -= key >= middle; });
    const int32_t count = total(counts);
    if (count >= k) {
      low = middle;
    } else {
      high = middle - 1;
    }
    exact = count == k;
  }
  if (exact) {
    threshold = low - 1;
  } else {
    threshold = low;
    IntVec counts{};
    for_keys(x, columns, INT32_MIN, [&](int64_t, auto, IntVec key) { counts -= key > threshold; });
    int32_t ties = k - total(counts);
    for (; ties > 0; ++tie_end) ties -= ordered(broadcast(x[tie_end]))[0] == threshold;
  }
  for_keys(x, columns, INT32_MIN, [&](int64_t i, auto n, IntVec key) {
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
