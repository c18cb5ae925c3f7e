// Max pooling and its gradient: a thread takes the channels of a pixel that it can move at once.
#include "images.cuh"

namespace clessidra {

namespace {

template <int kWidth>
struct Indices {
  int32_t v[kWidth];
};

template <int kWidth>
__device__ inline Indices<kWidth> load_indices(const int32_t* p) {
  if constexpr (kWidth == 4) {
    const int4 q = *reinterpret_cast<const int4*>(p);
    return {{q.x, q.y, q.z, q.w}};
  } else {
    return {{*p}};
  }
}

template <int kWidth>
__device__ inline void store_indices(int32_t* p, const Indices<kWidth>& i) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<int4*>(p) = make_int4(i.v[0], i.v[1], i.v[2], i.v[3]);
  } else {
    *p = i.v[0];
  }
}

// [first, last)
struct Range {
  int32_t first, last;

  __device__ Range(int64_t begin, int64_t end, int32_t size)
      : first(begin < 0 ? 0 : static_cast<int32_t>(begin)),
        last(end < size ? static_cast<int32_t>(end) : size) {}
};

// What a window covers of a dimension.
__device__ inline Range window_of(int64_t output, int32_t window, int32_t stride, int32_t padding,
                                  int32_t size) {
  const int64_t begin = output * stride - padding;
  return {begin, begin + window, size};
}

// The windows along a dimension that contain a position.
__device__ inline Range windows_of(int64_t position, int32_t window, int32_t stride,
                                   int32_t padding, int32_t output_size) {
  const int64_t end = position + padding;
  const int64_t first = end < window ? 0 : divide(end - window, stride).quotient + 1;
  return {first, divide(end, stride).quotient + 1, output_size};
}

}  // namespace

// Four blocks a multiprocessor leave registers enough.
extern "C" __global__ void __launch_bounds__(kThreads, 4)
    max_pool(const __grid_constant__ clessidra_max_pool arguments) {
  const clessidra_max_pool& m = arguments;
  const int64_t channels = m.channels;
  for_pixels(m.images, m.output_height, m.output_width, channels, aligned(m.x, m.y, m.indices),
             [&]<int kWidth>(const Place& to, Width<kWidth>) {
    const Range rows =
        window_of(to.row, m.window_height, m.stride_height, m.padding_height, m.height);
    const Range columns =
        window_of(to.column, m.window_width, m.stride_width, m.padding_width, m.width);
    const float* const x = m.x + int64_t{to.image} * m.height * m.width * channels + to.channel;
    const int32_t first = rows.first * m.width + columns.first;
    Pack<kWidth> best = load<kWidth>(x + first * channels);
    Indices<kWidth> indices;
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) indices.v[j] = first;
    for (int32_t row = rows.first; row < rows.last; ++row) {
      for (int32_t column = columns.first; column < columns.last; ++column) {
        const int32_t pixel = row * m.width + column;
        const Pack<kWidth> values = load<kWidth>(x + pixel * channels);
        CLESSIDRA_UNROLL
        for (int j = 0; j < kWidth; ++j) {
          const float value = values.v[j];
          if (value > best.v[j] || value != value) {
            best.v[j] = value;
            indices.v[j] = pixel;
          }
        }
      }
    }
    store(m.y + to.index, best);
    store_indices(m.indices + to.index, indices);
  });
}
EMULATOR_KERNEL(max_pool)

extern "C" __global__ void __launch_bounds__(kThreads)
    max_pool_backward(const __grid_constant__ clessidra_max_pool_backward arguments) {
  const clessidra_max_pool_backward& m = arguments;
  const int64_t channels = m.channels;
  for_pixels(m.images, m.height, m.width, channels, aligned(m.dy, m.indices, m.dx),
             [&]<int kWidth>(const Place& to, Width<kWidth>) {
    const Range rows =
        windows_of(to.row, m.window_height, m.stride_height, m.padding_height, m.output_height);
    const Range columns =
        windows_of(to.column, m.window_width, m.stride_width, m.padding_width, m.output_width);
    const int64_t from =
        int64_t{to.image} * m.output_height * m.output_width * channels + to.channel;
    const int32_t pixel = to.row * m.width + to.column;
    Pack<kWidth> sum{};
    for (int32_t p = rows.first; p < rows.last; ++p) {
      for (int32_t q = columns.first; q < columns.last; ++q) {
        const int64_t window = from + (p * m.output_width + q) * channels;
        const Pack<kWidth> dy = load<kWidth>(m.dy + window);
        const Indices<kWidth> taken = load_indices<kWidth>(m.indices + window);
        CLESSIDRA_UNROLL
        for (int j = 0; j < kWidth; ++j) {
          if (taken.v[j] == pixel) sum.v[j] += dy.v[j];
        }
      }
    }
    store_sum(m.dx + to.index, sum, m.beta);
  });
}
EMULATOR_KERNEL(max_pool_backward)

}  // namespace clessidra
