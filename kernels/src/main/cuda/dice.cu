// The soft Dice loss and its gradient.
#include "columns.cuh"

namespace clessidra {

extern "C" __global__ void __launch_bounds__(kThreads)
    dice_bands(const __grid_constant__ clessidra_dice arguments) {
  const ColumnSums<3> sums(arguments);
  sums.add_bands([&](int64_t image, int64_t column) {
    const int64_t begin = image * sums.rows;
    return [=, probabilities = arguments.probabilities + begin * sums.columns + column,
            labels = arguments.labels + begin, columns = sums.columns](int64_t row) {
      const bool labelled = labels[row] == column;
      const float probability = probabilities[row * columns];
      return Pack<3>{{labelled ? probability : 0.0f, probability, labelled ? 1.0f : 0.0f}};
    };
  });
}
EMULATOR_KERNEL(dice_bands)

extern "C" __global__ void __launch_bounds__(kThreads)
    dice_columns(const __grid_constant__ clessidra_dice arguments) {
  const ColumnSums<3> sums(arguments);
  float* const overlaps = arguments.sums;
  float* const totals = overlaps + sums.images * sums.columns;
  for_column_tiles(sums.images, sums.columns, 1, [&](int64_t image, int64_t begin, int64_t end) {
    sums.finish(image, begin, end);
    const int64_t column = begin + threadIdx.x;
    if (column < end) {
      overlaps[image * sums.columns + column] = sums.of(0, image)[column];
      totals[image * sums.columns + column] = sums.of(1, image)[column] + sums.of(2, image)[column];
    }
  });
}
EMULATOR_KERNEL(dice_columns)

// The sums of the columns have been taken: their memory serves once more.
extern "C" __global__ void __launch_bounds__(kThreads)
    dice_chunks(const __grid_constant__ clessidra_dice arguments) {
  const int64_t count = int64_t{arguments.images} * arguments.columns;
  const float* const overlaps = arguments.sums;
  const float* const totals = overlaps + count;
  const float smooth = arguments.smooth;
  combine_chunks<Add, 4>(count, arguments.workspace, [=](int64_t i) {
    return 1.0f - (2.0f * overlaps[i] + smooth) / (totals[i] + smooth);
  });
}
EMULATOR_KERNEL(dice_chunks)

extern "C" __global__ void __launch_bounds__(kThreads)
    dice_finish(const __grid_constant__ clessidra_dice arguments) {
  const int64_t count = int64_t{arguments.images} * arguments.columns;
  const float total = combine_in_place<Add>(arguments.workspace, chunks_of(count));
  if (threadIdx.x == 0) arguments.loss[0] = arguments.scale * total;
}
EMULATOR_KERNEL(dice_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    dice_backward(const __grid_constant__ clessidra_dice_backward arguments) {
  const clessidra_dice_backward& a = arguments;
  const float factor = a.upstream[0] * a.scale;
  const float* const overlaps = a.sums;
  const float* const totals = overlaps + int64_t{a.images} * a.columns;
  for_row_groups(a, aligned(overlaps, a.dx),
                 [&]<int kWidth>(const RowGroup& group, Width<kWidth>) {
    const int64_t place = group.image * a.columns + group.column;
    const Pack<kWidth> u =
        map(load<kWidth>(totals + place), [&](float total) { return total + a.smooth; });
    const Pack<kWidth> background =
        map(load<kWidth>(overlaps + place), u,
            [&](float overlap, float v) { return (2.0f * overlap + a.smooth) / v / v; });
    const Pack<kWidth> labelled =
        map(background, u, [](float gradient, float v) { return gradient - 2.0f / v; });
    group.for_rows(a, [&](int, int64_t row) {
      const int64_t label = int64_t{a.labels[row]} - group.column;
      Pack<kWidth> gradient = background;
      CLESSIDRA_UNROLL
      for (int j = 0; j < kWidth; ++j) {
        if (j == label) gradient.v[j] = labelled.v[j];
      }
      store_product(a.dx + row * a.columns + group.column, repeated<kWidth>(factor), gradient,
                    a.beta);
    });
  });
}
EMULATOR_KERNEL(dice_backward)

}  // namespace clessidra
