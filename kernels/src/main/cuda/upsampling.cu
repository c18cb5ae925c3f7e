// Up-sampling and its gradient: a thread takes the channels of a pixel that it can move at once.
#include "clessidra/convolution.h"
#include "images.cuh"

namespace clessidra {

namespace {

// One dimension: the positions [first, last) of the output read pixel `pixel`; those from first_low
// on have it as their low one.
struct Readers {
  int32_t pixel, size, output_size;
  int32_t first, first_low, last;

  __device__ Readers(bool nearest, int32_t pixel, int32_t size, int32_t output_size)
      : pixel(pixel), size(size), output_size(output_size) {
    if (nearest) {
      first = first_low = static_cast<int32_t>(first_nearest(pixel, size, output_size));
      last = static_cast<int32_t>(first_nearest(pixel + int64_t{1}, size, output_size));
    } else {
      first = static_cast<int32_t>(first_bilinear(pixel - 1, size, output_size));
      first_low = static_cast<int32_t>(first_bilinear(pixel, size, output_size));
      last = static_cast<int32_t>(first_bilinear(pixel + int64_t{1}, size, output_size));
    }
  }

  // What a position takes of the pixel. As bilinear_position, but its low is known here.
  __device__ float weight(int32_t position) const {
    const bool low = position >= first_low;
    if (low && pixel == size - 1) return 1.0f;
    const int64_t n = (int64_t{2} * position + 1) * size - output_size;
    const int64_t denominator = int64_t{2} * output_size;
    const int64_t remainder = n < 0 ? 0 : n - denominator * (low ? pixel : pixel - 1);
    const float fraction = static_cast<float>(static_cast<uint32_t>(remainder)) /
                           static_cast<float>(static_cast<uint32_t>(denominator));
    return low ? 1.0f - fraction : fraction;
  }
};

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    upsample(const __grid_constant__ clessidra_upsample arguments) {
  const clessidra_upsample& u = arguments;
  const int64_t channels = u.channels;
  for_pixels(u.images, u.output_height, u.output_width, channels, aligned(u.x, u.y),
             [&]<int kWidth>(const Place& to, Width<kWidth>) {
    const float* const x = u.x + int64_t{to.image} * u.height * u.width * channels + to.channel;
    const auto read = [&](int64_t row, int64_t column) {
      return load<kWidth>(x + (row * u.width + column) * channels);
    };
    if (u.interpolation == CLESSIDRA_NEAREST) {
      store(u.y + to.index, read(divide(int64_t{to.row} * u.height, u.output_height).quotient,
                                 divide(int64_t{to.column} * u.width, u.output_width).quotient));
      return;
    }
    const BilinearPosition rows = bilinear_position(to.row, u.height, u.output_height);
    const BilinearPosition columns = bilinear_position(to.column, u.width, u.output_width);
    const Pack<kWidth> top_left = read(rows.low, columns.low);
    const Pack<kWidth> top_right = read(rows.low, columns.high);
    const Pack<kWidth> bottom_left = read(rows.high, columns.low);
    const Pack<kWidth> bottom_right = read(rows.high, columns.high);
    const Pack<kWidth> top = between(columns.fraction, top_left, top_right);
    const Pack<kWidth> bottom = between(columns.fraction, bottom_left, bottom_right);
    store(u.y + to.index, between(rows.fraction, top, bottom));
  });
}
EMULATOR_KERNEL(upsample)

extern "C" __global__ void __launch_bounds__(kThreads)
    upsample_backward(const __grid_constant__ clessidra_upsample_backward arguments) {
  const clessidra_upsample_backward& u = arguments;
  const int64_t channels = u.channels;
  const bool nearest = u.interpolation == CLESSIDRA_NEAREST;
  for_pixels(u.images, u.height, u.width, channels, aligned(u.dy, u.dx),
             [&]<int kWidth>(const Place& to, Width<kWidth>) {
    const Readers rows(nearest, to.row, u.height, u.output_height);
    const Readers columns(nearest, to.column, u.width, u.output_width);
    const float* const dy =
        u.dy + int64_t{to.image} * u.output_height * u.output_width * channels + to.channel;
    Pack<kWidth> sum{};
    for (int32_t p = rows.first; p < rows.last; ++p) {
      const float row_weight = nearest ? 1.0f : rows.weight(p);
      for (int32_t q = columns.first; q < columns.last; ++q) {
        // A weight of 1 makes the multiply-add a sum.
        const float weight = nearest ? 1.0f : row_weight * columns.weight(q);
        const Pack<kWidth> part = load<kWidth>(dy + (p * u.output_width + q) * channels);
        CLESSIDRA_UNROLL
        for (int j = 0; j < kWidth; ++j) sum.v[j] = fma(weight, part.v[j], sum.v[j]);
      }
    }
    store_sum(u.dx + to.index, sum, u.beta);
  });
}
EMULATOR_KERNEL(upsample_backward)

}  // namespace clessidra
