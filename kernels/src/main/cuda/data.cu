// Batches of a resident data set.
#include "clessidra/random.h"
#include "kernel.cuh"

namespace clessidra {

namespace {

__device__ inline int64_t source_row(const clessidra_gather_rows& g, int64_t row) {
  const uint64_t rows = static_cast<uint64_t>(g.source_rows);
  const uint64_t position =
      *g.step * static_cast<uint64_t>(g.rows) + static_cast<uint64_t>(row);
  const uint64_t epoch = position / rows;
  const uint64_t index = position % rows;
  return static_cast<int64_t>(g.shuffle ? shuffled(index, rows, epoch, g.seed) : index);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    gather_rows(const __grid_constant__ clessidra_gather_rows arguments) {
  const int64_t columns = arguments.columns;
  const int64_t row = blockIdx.x;
  __shared__ int64_t shared_row;
  if (threadIdx.x == 0) shared_row = source_row(arguments, row);
  __syncthreads();
  const int64_t from = shared_row * columns;
  const int64_t to = row * columns;
  const bool vectors = columns % 4 == 0 && aligned(arguments.source, arguments.y);
  if (arguments.element == CLESSIDRA_UINT8) {
    const uint8_t* const x = static_cast<const uint8_t*>(arguments.source) + from;
    float* const y = static_cast<float*>(arguments.y) + to;
    const auto unit = [](uint8_t value) { return static_cast<float>(value) / 255.0f; };
    if (vectors) {
      for_columns(columns / 4, [&](int64_t i) {
        const uchar4 v = reinterpret_cast<const uchar4*>(x)[i];
        store(y + 4 * i, Pack<4>{{unit(v.x), unit(v.y), unit(v.z), unit(v.w)}});
      });
    } else {
      for_columns(columns, [&](int64_t i) { y[i] = unit(x[i]); });
    }
  } else {
    // FLOAT32 and INT32 move as they are.
    const int32_t* const x = static_cast<const int32_t*>(arguments.source) + from;
    int32_t* const y = static_cast<int32_t*>(arguments.y) + to;
    if (vectors) {
      for_columns(columns / 4, [&](int64_t i) {
        reinterpret_cast<int4*>(y)[i] = reinterpret_cast<const int4*>(x)[i];
      });
    } else {
      for_columns(columns, [&](int64_t i) { y[i] = x[i]; });
    }
  }
}
EMULATOR_KERNEL(gather_rows)

}  // namespace clessidra
