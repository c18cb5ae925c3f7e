// Reductions of all elements, of rows and of columns, in the order that clessidra/kernels.h states.
#include "columns.cuh"

namespace clessidra {

namespace {

__device__ inline float term_of(int32_t reduction, float x) {
  if (reduction == CLESSIDRA_SQUARE_SUM) return x * x;
  if (reduction == CLESSIDRA_ABSOLUTE_SUM) return absolute(x);
  return x;
}

// Calls body with what combines the terms.
template <class Body>
__device__ inline void with_combine(int32_t reduction, const Body& body) {
  if (reduction == CLESSIDRA_MAXIMUM) {
    body(Larger{});
  } else {
    body(Add{});
  }
}

// y = beta * y + scale * r, where a zero r is +0 (sums are never -0, maxima may be).
__device__ inline void store_result(float* y, float r, float scale, float beta) {
  store_sum(y, Pack<1>{{scale * (r + 0.0f)}}, beta);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    reduce_chunks(const __grid_constant__ clessidra_reduce arguments) {
  const float* const x = arguments.x;
  with_combine(arguments.reduction, [&]<class Combine>(Combine) {
    combine_chunks<Combine>(arguments.count, arguments.workspace, [&](int64_t i) {
      return term_of(arguments.reduction, x[i]);
    });
  });
}
EMULATOR_KERNEL(reduce_chunks)

extern "C" __global__ void __launch_bounds__(kThreads)
    reduce_finish(const __grid_constant__ clessidra_reduce arguments) {
  with_combine(arguments.reduction, [&]<class Combine>(Combine) {
    const float r = combine_in_place<Combine>(arguments.workspace, chunks_of(arguments.count));
    if (threadIdx.x == 0) store_result(arguments.y, r, arguments.scale, arguments.beta);
  });
}
EMULATOR_KERNEL(reduce_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    reduce_rows(const __grid_constant__ clessidra_reduce_rows arguments) {
  const int32_t columns = arguments.columns;
  with_combine(arguments.reduction, [&]<class Combine>(Combine) {
    for_rows(arguments.rows, columns, [&]<class Team>(int64_t row, Team) {
      const float* const x = arguments.x + row * columns;
      const float r = Team::template combine<Combine>(
          columns, [&](int64_t i) { return term_of(arguments.reduction, x[i]); });
      if (Team::rank() == 0) {
        store_result(arguments.y + row, r, arguments.scale, arguments.beta);
      }
    });
  });
}
EMULATOR_KERNEL(reduce_rows)

// A block takes kColumnTile columns of a band of rows; if there is just one, to their end.
extern "C" __global__ void __launch_bounds__(kThreads)
    reduce_columns_bands(const __grid_constant__ clessidra_reduce_columns arguments) {
  const float* const x = arguments.x;
  const int64_t columns = arguments.columns;
  const bool whole = bands_of(arguments.rows) == 1;
  with_combine(arguments.reduction, [&]<class Combine>(Combine) {
    combine_bands<Combine, 1>(
        1, arguments.rows, columns,
        [&](int64_t, int64_t column) {
          return [&, column](int64_t row) {
            return Pack<1>{{term_of(arguments.reduction, x[row * columns + column])}};
          };
        },
        [&](int64_t, int64_t band, int64_t column, const Pack<1>& result) {
          if (whole) {
            store_result(arguments.y + column, result.v[0], arguments.scale, arguments.beta);
          } else {
            store(arguments.workspace + band * columns + column, result);
          }
        });
  });
}
EMULATOR_KERNEL(reduce_columns_bands)

// A block takes kColumnTile columns to their end.
extern "C" __global__ void __launch_bounds__(kThreads)
    reduce_columns_finish(const __grid_constant__ clessidra_reduce_columns arguments) {
  float* const x = arguments.workspace;
  const int64_t columns = arguments.columns;
  const int64_t begin = int64_t{blockIdx.x} * kColumnTile;
  const int64_t column = begin + threadIdx.x;
  with_combine(arguments.reduction, [&]<class Combine>(Combine) {
    combine_columns_in_place<Combine>(x, bands_of(arguments.rows), columns, begin, columns);
    if (threadIdx.x < kColumnTile && column < columns) {
      store_result(arguments.y + column, x[column], arguments.scale, arguments.beta);
    }
  });
}
EMULATOR_KERNEL(reduce_columns_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    clip_norm_chunks(const __grid_constant__ clessidra_clip_norm arguments) {
  const float* const g = arguments.gradients;
  combine_chunks<Add>(arguments.count, arguments.workspace,
                      [=](int64_t i) { return g[i] * g[i]; });
}
EMULATOR_KERNEL(clip_norm_chunks)

extern "C" __global__ void __launch_bounds__(kThreads)
    clip_norm_finish(const __grid_constant__ clessidra_clip_norm arguments) {
  const float squares = combine_in_place<Add>(arguments.workspace, chunks_of(arguments.count));
  if (threadIdx.x == 0) {
    const float norm = square_root(squares);
    arguments.state->gradient_norm = norm;
    arguments.state->gradient_scale = norm > arguments.maximum ? arguments.maximum / norm : 1.0f;
  }
}
EMULATOR_KERNEL(clip_norm_finish)

}  // namespace clessidra
