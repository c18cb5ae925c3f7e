// Random distortions of images.
#include "clessidra/augmentation.h"
#include "images.cuh"

namespace clessidra {

namespace {

// Element i of an image, read through the warp.
__device__ inline float warped(const clessidra_affine_warp& w, const Warp& warp, const float* x,
                               int64_t i) {
  const Division pixel = divide(i, w.channels);
  const Division place = divide(pixel.quotient, w.width);
  const float down = static_cast<float>(place.quotient) - centre(w.height);
  const float across = static_cast<float>(place.remainder) - centre(w.width);
  const float px = fma(warp.xa, across, fma(warp.xd, down, warp.x0));
  const float py = fma(warp.ya, across, fma(warp.yd, down, warp.y0));
  const float left = round_down(px);
  const float above = round_down(py);
  const float fx = px - left;
  const float fy = py - above;
  // What is near no pixel becomes -2: nothing is converted that an int32 cannot hold.
  const auto index = [](float v, int32_t size) {
    return v >= -1.0f && v < static_cast<float>(size) ? static_cast<int32_t>(v) : -2;
  };
  const int32_t row = index(above, w.height);
  const int32_t column = index(left, w.width);
  const auto read = [&](int64_t i, int64_t j) {
    const bool inside = i >= 0 && i < w.height && j >= 0 && j < w.width;
    return inside ? x[(i * w.width + j) * w.channels + pixel.remainder] : 0.0f;
  };
  const float p00 = read(row, column);
  const float p01 = read(row, int64_t{column} + 1);
  const float p10 = read(int64_t{row} + 1, column);
  const float p11 = read(int64_t{row} + 1, int64_t{column} + 1);
  const float top = fma(fx, p01 - p00, p00);
  const float bottom = fma(fx, p11 - p10, p10);
  return fma(fy, bottom - top, top);
}

// The displacement of a pixel in one direction, given that of every point of the grid.
__device__ inline float displaced(const float* values, int32_t grid, const GridPosition& row,
                                  const GridPosition& column) {
  const auto along_column = [&](int32_t q) {
    return curve_after(row.point, grid, [&](int32_t p) { return values[p * grid + q]; })(
        row.fraction);
  };
  return curve_after(column.point, grid, along_column)(column.fraction);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    affine_warp(const __grid_constant__ clessidra_affine_warp arguments) {
  const int64_t size = int64_t{arguments.height} * arguments.width * arguments.channels;
  const int64_t image = blockIdx.x;
  __shared__ Warp shared_warp;
  if (threadIdx.x == 0) shared_warp = draw_warp(arguments, static_cast<uint64_t>(image));
  __syncthreads();
  const Warp warp = shared_warp;
  const float* const x = arguments.x + image * size;
  float* const y = arguments.y + image * size;
  for_columns(size, [&](int64_t i) { y[i] = warp.drawn ? warped(arguments, warp, x, i) : x[i]; });
}
EMULATOR_KERNEL(affine_warp)

extern "C" __global__ void __launch_bounds__(kThreads)
    deformation_field(const __grid_constant__ clessidra_deformation_field arguments) {
  const clessidra_deformation_field& d = arguments;
  const int64_t size = int64_t{d.height} * d.width;
  const uint64_t image = blockIdx.x;
  const bool elastic = d.elastic != 0.0f;
  __shared__ View shared_view;
  __shared__ float down_values[CLESSIDRA_GRID * CLESSIDRA_GRID];
  __shared__ float right_values[CLESSIDRA_GRID * CLESSIDRA_GRID];
  static_assert(CLESSIDRA_GRID * CLESSIDRA_GRID <= kThreads);
  const int32_t thread = static_cast<int32_t>(threadIdx.x);
  if (thread == 0) shared_view = draw_view(d, image);
  if (elastic && thread < d.grid * d.grid) {
    const Displacement drawn = draw_displacement(d, image, thread);
    down_values[thread] = drawn.down;
    right_values[thread] = drawn.right;
  }
  __syncthreads();
  const View view = shared_view;
  float* const field = d.field + 2 * static_cast<int64_t>(image) * size;
  for_columns(size, [&](int64_t i) {
    const Division place = divide(i, d.width);
    const int32_t row = static_cast<int32_t>(place.quotient);
    const int32_t column = static_cast<int32_t>(place.remainder);
    const float down = static_cast<float>(row) - centre(d.height);
    const float across = static_cast<float>(column) - centre(d.width);
    float y = fma(view.row_across, across, fma(view.row_down, down, view.row_start));
    float x = fma(view.column_across, across, fma(view.column_down, down, view.column_start));
    if (elastic) {
      const GridPosition rows = grid_position(row, d.height, d.grid);
      const GridPosition columns = grid_position(column, d.width, d.grid);
      y += displaced(down_values, d.grid, rows, columns);
      x += displaced(right_values, d.grid, rows, columns);
    }
    field[2 * i] = y;
    field[2 * i + 1] = x;
  });
}
EMULATOR_KERNEL(deformation_field)

extern "C" __global__ void __launch_bounds__(kThreads)
    sample_images(const __grid_constant__ clessidra_sample_images arguments) {
  const clessidra_sample_images& s = arguments;
  // NEAREST moves elements of any kind as if they were floats.
  const float* const x = static_cast<const float*>(s.x);
  float* const y = static_cast<float*>(s.y);
  for_pixels(s.images, s.output_height, s.output_width, s.channels, aligned(x, y),
             [&]<int kWidth>(const Place& to, Width<kWidth>) {
    const int64_t line = int64_t{to.image} * s.output_height + to.row;
    const float* const place = s.field + 2 * (line * s.output_width + to.column);
    const float row = mirrored(place[0], static_cast<float>(s.height - 1));
    const float column = mirrored(place[1], static_cast<float>(s.width - 1));
    const float* const image = x + int64_t{to.image} * s.height * s.width * s.channels + to.channel;
    const auto read = [&](int64_t i, int64_t j) {
      return load<kWidth>(image + (i * s.width + j) * s.channels);
    };
    if (s.interpolation == CLESSIDRA_NEAREST) {
      store(y + to.index, read(static_cast<int32_t>(row + 0.5f), static_cast<int32_t>(column + 0.5f)));
      return;
    }
    const int32_t above = static_cast<int32_t>(row);
    const int32_t left = static_cast<int32_t>(column);
    const int32_t below = above < s.height - 1 ? above + 1 : above;
    const int32_t right = left < s.width - 1 ? left + 1 : left;
    const float fx = column - static_cast<float>(left);
    const float fy = row - static_cast<float>(above);
    const Pack<kWidth> top = between(fx, read(above, left), read(above, right));
    const Pack<kWidth> bottom = between(fx, read(below, left), read(below, right));
    store(y + to.index, between(fy, top, bottom));
  });
}
EMULATOR_KERNEL(sample_images)

extern "C" __global__ void __launch_bounds__(kThreads)
    random_brightness(const __grid_constant__ clessidra_random_brightness arguments) {
  const int64_t size = arguments.size;
  const int64_t image = blockIdx.x;
  __shared__ Brightness shared_brightness;
  if (threadIdx.x == 0) {
    shared_brightness = draw_brightness(arguments, static_cast<uint64_t>(image));
  }
  __syncthreads();
  const Brightness drawn = shared_brightness;
  const bool gamma = arguments.gamma != 0.0f;
  const float* const x = arguments.x + image * size;
  float* const y = arguments.y + image * size;
  for_columns(size, [&](int64_t i) {
    const float value = x[i];
    y[i] = brightened(drawn, gamma ? gamma_corrected(drawn, value) : value);
  });
}
EMULATOR_KERNEL(random_brightness)

}  // namespace clessidra
