// Reductions of all elements, of rows and of columns, in the order that clessidra/kernels.h states.
#include "reduction.h"

#include <algorithm>

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

constexpr int64_t kColumnChunk = CLESSIDRA_COLUMN_CHUNK;
// Columns that make a task of one chunk of rows.
constexpr int64_t kColumnBlock = kGrain / kColumnChunk;

template <int kReduction>
CLESSIDRA_FUNCTION Vec term_of(Vec x) {
  if constexpr (kReduction == CLESSIDRA_SQUARE_SUM) return x * x;
  if constexpr (kReduction == CLESSIDRA_ABSOLUTE_SUM) return absolute(x);
  return x;
}

// Calls body with the reduction as a compile-time constant.
template <class Body>
CLESSIDRA_FUNCTION void with_reduction(int32_t reduction, const Body& body) {
  switch (reduction) {
    case CLESSIDRA_SUM:
      return body(std::integral_constant<int, CLESSIDRA_SUM>{});
    case CLESSIDRA_SQUARE_SUM:
      return body(std::integral_constant<int, CLESSIDRA_SQUARE_SUM>{});
    case CLESSIDRA_ABSOLUTE_SUM:
      return body(std::integral_constant<int, CLESSIDRA_ABSOLUTE_SUM>{});
    case CLESSIDRA_MAXIMUM:
      return body(std::integral_constant<int, CLESSIDRA_MAXIMUM>{});
  }
}

template <int kReduction>
CLESSIDRA_FUNCTION float reduce_all(ThreadPool& threads, const clessidra_reduce& arguments) {
  const float* const x = arguments.x;
  const int64_t count = arguments.count;
  if constexpr (kReduction == CLESSIDRA_MAXIMUM) {
    const int64_t chunks = (count + kSumChunk - 1) / kSumChunk;
    threads.for_ranges(chunks, kGrain / kSumChunk, [&](int64_t first, int64_t last) {
      for (int64_t chunk = first; chunk < last; ++chunk) {
        const int64_t begin = chunk * kSumChunk;
        arguments.workspace[chunk] = maximum_of(x, begin, std::min(begin + kSumChunk, count));
      }
    });
    return maximum_of(arguments.workspace, 0, chunks);
  } else {
    return sum(threads, count, arguments.workspace, [x](int64_t i, auto n) {
      return term_of<kReduction>(load_part(x + i, n));
    });
  }
}

template <int kReduction>
float reduce_row(const float* x, int32_t columns) {
  if constexpr (kReduction == CLESSIDRA_MAXIMUM) return maximum_of(x, 0, columns);
  return sum_row(columns, [x](int64_t i, auto n) {
    return term_of<kReduction>(load_part(x + i, n));
  });
}

template <int kReduction>
CLESSIDRA_FUNCTION Vec combine(Vec result, Vec x) {
  if constexpr (kReduction == CLESSIDRA_MAXIMUM) return larger(x, result);
  return result + term_of<kReduction>(x);
}

// result[begin..end) = rows of x combined in sequence. result may be x's own first row.
template <int kReduction>
CLESSIDRA_FUNCTION void combine_rows(const float* x, int64_t rows, int64_t columns, int64_t begin,
                                     int64_t end, float* result) {
  constexpr int kStrip = 4;
  const Vec start = broadcast(kReduction == CLESSIDRA_MAXIMUM ? -__builtin_inff() : 0.0f);
  int64_t column = begin;
  for (; column + kStrip * kLanes <= end; column += kStrip * kLanes) {
    Vec strip[kStrip] = {start, start, start, start};
    for (int64_t row = 0; row < rows; ++row) {
      const float* const p = x + row * columns + column;
#pragma GCC unroll 4
      for (int j = 0; j < kStrip; ++j) {
        strip[j] = combine<kReduction>(strip[j], load(p + j * kLanes));
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < kStrip; ++j) store(result + column + j * kLanes, strip[j]);
  }
  for_vectors(column, end, [&](int64_t i, auto n) {
    Vec v = start;
    for (int64_t row = 0; row < rows; ++row) {
      v = combine<kReduction>(v, load_part(x + row * columns + i, n));
    }
    store_part(result + i, v, n);
  });
}

template <int kReduction>
void run_reduce_columns(ThreadPool& threads, const clessidra_reduce_columns& arguments) {
  // What the results of chunks are combined with.
  constexpr int kFold = kReduction == CLESSIDRA_MAXIMUM ? CLESSIDRA_MAXIMUM : CLESSIDRA_SUM;
  const int64_t rows = arguments.rows;
  const int64_t columns = arguments.columns;
  float* const workspace = arguments.workspace;
  const int64_t chunks = (rows + kColumnChunk - 1) / kColumnChunk;

  const int64_t blocks = (columns + kColumnBlock - 1) / kColumnBlock;
  const int64_t group = grain_rows(kColumnChunk * std::min(columns, kColumnBlock));
  const int64_t groups = (chunks + group - 1) / group;
  threads.for_each(blocks * groups, [&](int64_t task) {
    const int64_t first = task / blocks * group;
    const int64_t begin = task % blocks * kColumnBlock;
    const int64_t end = std::min(begin + kColumnBlock, columns);
    for (int64_t chunk = first; chunk < std::min(first + group, chunks); ++chunk) {
      const int64_t row = chunk * kColumnChunk;
      combine_rows<kReduction>(arguments.x + row * columns, std::min(kColumnChunk, rows - row),
                               columns, begin, end, workspace + chunk * columns);
    }
  });

  // A whole number of cache lines for each task.
  const int64_t block = (grain_rows(chunks) + 15) / 16 * 16;
  threads.for_ranges(columns, block, [&](int64_t begin, int64_t end) {
    int64_t left = chunks;
    while (left > 1) {
      int64_t next = 0;
      for (int64_t row = 0; row < left; row += kColumnChunk, ++next) {
        combine_rows<kFold>(workspace + row * columns, std::min(kColumnChunk, left - row), columns,
                            begin, end, workspace + next * columns);
      }
      left = next;
    }
    constexpr float kEmpty = kReduction == CLESSIDRA_MAXIMUM ? -__builtin_inff() : 0.0f;
    for (int64_t i = begin; i < end; ++i) {
      const float r = chunks == 0 ? kEmpty : workspace[i] + 0.0f;
      store_result(arguments.y + i, r, arguments.scale, arguments.beta);
    }
  });
}

}  // namespace

void reduce(ThreadPool& threads, const clessidra_reduce& arguments) {
  with_reduction(arguments.reduction, [&](auto reduction) {
    store_result(arguments.y, reduce_all<reduction>(threads, arguments), arguments.scale,
                 arguments.beta);
  });
}

void reduce_rows(ThreadPool& threads, const clessidra_reduce_rows& arguments) {
  const int32_t columns = arguments.columns;
  with_reduction(arguments.reduction, [&](auto reduction) {
    threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float r = reduce_row<reduction>(arguments.x + row * columns, columns);
        store_result(arguments.y + row, r, arguments.scale, arguments.beta);
      }
    });
  });
}

void reduce_columns(ThreadPool& threads, const clessidra_reduce_columns& arguments) {
  with_reduction(arguments.reduction, [&](auto reduction) {
    run_reduce_columns<reduction>(threads, arguments);
  });
}

void clip_norm(ThreadPool& threads, const clessidra_clip_norm& arguments) {
  const float* const g = arguments.gradients;
  const float squares =
      sum(threads, arguments.count, arguments.workspace, [g](int64_t i, auto n) {
        const Vec v = load_part(g + i, n);
        return v * v;
      });
  const float norm = square_root(squares);
  arguments.state->gradient_norm = norm;
  arguments.state->gradient_scale = norm > arguments.maximum ? arguments.maximum / norm : 1.0f;
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
