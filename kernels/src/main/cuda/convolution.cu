// Convolutions as matrix products whose left operand is never stored (implicit GEMM, tile.cuh).
//
//                    rows of C       columns    depth                 A                  B
//   forward          output pixels   filters    taps x channels       x, gathered        filter
//   backward data    pixels of x     channels   taps x filters        dy, gathered       filter
//   backward filter  filters         taps x     output pixels of      dy                 x, gathered
//                                    channels   a chunk
//
// The depth goes over the taps without a gap, so a filter of one channel and 3 x 3 taps has a depth of
// 9. Channels that are a multiple of 4 are gathered four at a time, others one by one. What a thread
// gathers moves along by additions; it divides only at the start, to find its pixels. Where the images
// are two that are read as one, the channel says which of them; no tile of backward data has columns
// of both.
//
// Backward data with a stride is one product for each phase of the stride, since the pixels of a phase
// all have the same taps: no multiply-add is made that does not count. The transposed convolution of
// 2 x 2 taps and stride 2 is so the plain product of dy with the filter, in four parts, each of which
// stores every second pixel of every second row.
#include "clessidra/convolution.h"

#include "tile.cuh"

namespace clessidra {

namespace {

__device__ inline int ceil_div(int a, int b) { return static_cast<int>((int64_t{a} + b - 1) / b); }

__device__ inline int greatest_common_divisor(int a, int b) {
  while (b != 0) {
    const int rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// One dimension of a convolution: the points of the target along it, and what their taps read.
struct Axis {
  int points, first_target, target_step;  // point i is target pixel first_target + i * target_step
  int taps, first_tap, tap_step;          // tap t is filter row first_tap + t * tap_step
  // Tap t of point i reads source pixel i * source_step + first_source + t * source_tap_step.
  int source_size, source_step, first_source, source_tap_step;
};

__device__ inline Axis forward_axis(int size, int output, int filter, int stride, int padding,
                                    int dilation) {
  return {output, 0, 1, filter, 0, 1, size, stride, -padding, dilation};
}

// The pixels phase, phase + stride, ... of an image whose gradient is wanted.
__device__ inline Axis backward_axis(int size, int output, int filter, int stride, int padding,
                                     int dilation, int phase) {
  const int divisor = greatest_common_divisor(stride, dilation);
  const int step = stride / divisor;
  const int end = filter < step ? filter : step;
  int first = 0;
  while (first < end && (phase + padding - first * dilation) % stride != 0) ++first;
  return {ceil_div(size - phase, stride),
          phase,
          stride,
          first < end ? ceil_div(filter - first, step) : 0,
          first,
          step,
          output,
          1,
          (phase + padding - first * dilation) / stride,
          -dilation / divisor};
}

// Images whose channels lie in one place, or the last of them in another one.
struct Sources {
  const float* first;
  const float* second;
  int first_channels, second_channels;

  __device__ int channels() const { return first_channels + second_channels; }
  // Whether 4 channels at a multiple of 4 can be read together.
  __device__ bool vectors() const {
    return aligned(first, second) && first_channels % 4 == 0 && second_channels % 4 == 0;
  }
  __device__ const float* element(int64_t pixel, int channel) const {
    return channel < first_channels ? first + pixel * first_channels + channel
                                    : second + pixel * second_channels + channel - first_channels;
  }
};
template <class Convolution>
__device__ inline Sources sources_of(const Convolution& c) {
  return {c.x, c.second_x, c.channels - c.second_channels, c.second_channels};
}

// The pixels of an image that the taps of a point read, as operand A.
template <class Tile>
class GatheredPixels : public SliceOfA<Tile, false> {
  using Base = SliceOfA<Tile, false>;

 public:
  // The points from `first` to `end`, which is not one of them.
  __device__ GatheredPixels(const Sources& sources, const Axis& rows, const Axis& columns,
                            int64_t first, int64_t end)
      : sources_(sources), rows_(rows), columns_(columns), vectors_(sources.vectors()) {
    // A line past the last point is read as that one, and not stored.
    const int64_t point = first + Base::line() < end ? first + Base::line() : end - 1;
    const Division across = divide(point, columns.points);
    const Division down = divide(across.quotient, rows.points);
    y_ = static_cast<int>(down.remainder) * rows.source_step + rows.first_source;
    x_ = static_cast<int>(across.remainder) * columns.source_step + columns.first_source;
    pixel_ = (down.quotient * rows.source_size + y_) * columns.source_size + x_;
    look();
    advance(Base::first_depth());
  }

  __device__ void load(int depth, float beyond) {
    CLESSIDRA_UNROLL
    for (int q = 0; q < Base::kQuads; ++q) {
      const int left = depth - Base::first_depth() - q * Base::kDepthStep;
      float4& quad = this->quads_[q];
      if (vectors_) {
        if (left <= 0) {
          quad = make_float4(beyond, beyond, beyond, beyond);
        } else if (inside_) {
          quad = *reinterpret_cast<const float4*>(sources_.element(pixel_, channel_));
        } else {
          quad = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
        advance(Base::kDepthStep);
      } else {
        quad.x = next(left > 0, beyond);
        quad.y = next(left > 1, beyond);
        quad.z = next(left > 2, beyond);
        quad.w = next(left > 3, beyond);
        advance(Base::kDepthStep - 4);
      }
    }
  }

 private:
  __device__ float next(bool there, float beyond) {
    const float value = !there ? beyond : inside_ ? *sources_.element(pixel_, channel_) : 0.0f;
    advance(1);
    return value;
  }

  __device__ void advance(int depth) {
    channel_ += depth;
    while (channel_ >= sources_.channels()) {
      channel_ -= sources_.channels();
      next_tap();
    }
  }

  __device__ void next_tap() {
    x_ += columns_.source_tap_step;
    pixel_ += columns_.source_tap_step;
    if (++column_ == columns_.taps) {
      const int back = columns_.taps * columns_.source_tap_step;
      column_ = 0;
      x_ -= back;
      y_ += rows_.source_tap_step;
      pixel_ += int64_t{rows_.source_tap_step} * columns_.source_size - back;
    }
    look();
  }

  __device__ void look() {
    inside_ = y_ >= 0 && y_ < rows_.source_size && x_ >= 0 && x_ < columns_.source_size;
  }

  const Sources sources_;
  const Axis& rows_;
  const Axis& columns_;
  bool vectors_;
  // Where the thread is: a tap, its pixel, whether that lies in the image, and the channel.
  int y_, x_;
  int64_t pixel_;
  bool inside_;
  int column_ = 0, channel_ = 0;
};

// The filter for backward data: the depth is (tap, filter), the channels are the columns.
template <class Tile>
class FilterByTaps : public SliceOfB<Tile, true> {
  using Base = SliceOfB<Tile, true>;

 public:
  // The channels from `first` on, `count` of them.
  __device__ FilterByTaps(const clessidra_conv2d_backward_data& c, const Axis& rows,
                          const Axis& columns, int first, int count)
      : c_(c),
        rows_(rows),
        columns_(columns),
        left_(count - Base::line()),
        offset_((rows.first_tap * c.filter_width + columns.first_tap) * c.channels + first +
                Base::line()),
        vectors_(aligned(c.filter + first) && c.channels % 4 == 0) {
    advance(Base::first_depth());
  }

  __device__ void load(int depth, float beyond) {
    if (!Base::active()) return;
    const int64_t filter_elements = int64_t{c_.filter_height} * c_.filter_width * c_.channels;
    CLESSIDRA_UNROLL
    for (int q = 0; q < Base::kQuads; ++q) {
      const bool there = Base::first_depth() + q * Base::kDepthStep < depth;
      this->quads_[q] = load_quad(c_.filter + offset_ + filter_ * filter_elements,
                                  there ? left_ : 0, vectors_, beyond);
      advance(Base::kAllActive ? Base::kDepthStep : Base::kDepth);
    }
  }

 private:
  __device__ void advance(int depth) {
    filter_ += depth;
    while (filter_ >= c_.filters) {
      filter_ -= c_.filters;
      offset_ += columns_.tap_step * c_.channels;
      if (++column_ == columns_.taps) {
        column_ = 0;
        offset_ += (rows_.tap_step * c_.filter_width - columns_.taps * columns_.tap_step) *
                   c_.channels;
      }
    }
  }

  const clessidra_conv2d_backward_data& c_;
  const Axis& rows_;
  const Axis& columns_;
  int left_;
  int offset_;  // of the tap and the columns in a filter
  bool vectors_;
  int column_ = 0, filter_ = 0;
};

// What the taps of an output pixel read, as operand B: the pixels are the depth, (tap, channel) the
// columns.
template <class Tile>
class GatheredTaps : public SliceOfB<Tile, true> {
  using Base = SliceOfB<Tile, true>;

 public:
  __device__ GatheredTaps(const clessidra_conv2d_backward_filter& c, int64_t first_pixel,
                          int first_column)
      : c_(c), sources_(sources_of(c)), vectors_(sources_.vectors()) {
    const int column = first_column + Base::line();
    left_ = c.filter_height * c.filter_width * c.channels - column;
    const int tap = column / c.channels;
    tap_.channel = column % c.channels;
    tap_.column = tap % c.filter_width;
    tap_.y = tap / c.filter_width * c.dilation_height - c.padding_height;
    tap_.x = tap_.column * c.dilation_width - c.padding_width;
    const Division across = divide(first_pixel + Base::first_depth(), c.output_width);
    const Division down = divide(across.quotient, c.output_height);
    output_row_ = static_cast<int>(down.remainder);
    output_column_ = static_cast<int>(across.remainder);
    image_ = down.quotient * c.height * c.width;
  }

  __device__ void load(int depth, float beyond) {
    if (!Base::active()) return;
    CLESSIDRA_UNROLL
    for (int q = 0; q < Base::kQuads; ++q) {
      const int left = Base::first_depth() + q * Base::kDepthStep < depth ? left_ : 0;
      float4& quad = this->quads_[q];
      if (vectors_) {
        const float* const x = pixel(tap_);
        if (left <= 0) {
          quad = make_float4(beyond, beyond, beyond, beyond);
        } else if (x != nullptr) {
          quad = *reinterpret_cast<const float4*>(x);
        } else {
          quad = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
      } else {
        Tap tap = tap_;
        quad.x = next(tap, left > 0, beyond);
        quad.y = next(tap, left > 1, beyond);
        quad.z = next(tap, left > 2, beyond);
        quad.w = next(tap, left > 3, beyond);
      }
      advance(Base::kAllActive ? Base::kDepthStep : Base::kDepth);
    }
  }

 private:
  // A column of the product; y and x: where the tap lies from where the window does.
  struct Tap {
    int y, x, column, channel;
  };

  __device__ const float* pixel(const Tap& tap) const {
    const int y = output_row_ * c_.stride_height + tap.y;
    const int x = output_column_ * c_.stride_width + tap.x;
    const bool inside = y >= 0 && y < c_.height && x >= 0 && x < c_.width;
    return inside ? sources_.element(image_ + y * c_.width + x, tap.channel) : nullptr;
  }

  __device__ float next(Tap& tap, bool there, float beyond) const {
    const float* const x = pixel(tap);
    const float value = !there ? beyond : x != nullptr ? *x : 0.0f;
    if (++tap.channel == c_.channels) {
      tap.channel = 0;
      tap.x += c_.dilation_width;
      if (++tap.column == c_.filter_width) {
        tap.column = 0;
        tap.x = -c_.padding_width;
        tap.y += c_.dilation_height;
      }
    }
    return value;
  }

  __device__ void advance(int pixels) {
    output_column_ += pixels;
    while (output_column_ >= c_.output_width) {
      output_column_ -= c_.output_width;
      if (++output_row_ == c_.output_height) {
        output_row_ = 0;
        image_ += int64_t{c_.height} * c_.width;
      }
    }
  }

  const clessidra_conv2d_backward_filter& c_;
  const Sources sources_;
  bool vectors_;
  int left_;
  Tap tap_;
  int output_row_, output_column_;
  int64_t image_;  // the image's first pixel
};

// What the threads of a block share: the slices, and the geometry, which one of them works out.
template <class Tile>
struct SharedConvolution {
  Shared<Tile> slices;
  Axis rows, columns;
  int64_t pixels[Tile::kRows];  // of the target, where the tile's rows lie; -1 past the last
};

// The number of this block's tile.
struct TilePlace {
  uint32_t phase;
  int64_t row;
  int column;
};
template <class Tile>
__device__ inline uint32_t tiles_across(int columns) {
  return (static_cast<uint32_t>(columns) + Tile::kColumns - 1) / Tile::kColumns;
}
// Each phase has `rows` rows at most.
template <class Tile>
__device__ inline TilePlace tile_place(int64_t rows, uint32_t across) {
  const auto down = static_cast<uint32_t>((rows + Tile::kRows - 1) / Tile::kRows);
  return {blockIdx.x / across / down, int64_t{blockIdx.x / across % down} * Tile::kRows,
          static_cast<int>(blockIdx.x % across * Tile::kColumns)};
}

// Finds the tile's rows in the target; returns how many points the axes have.
template <class Tile>
__device__ inline int64_t find_pixels(SharedConvolution<Tile>& shared, int images, int height,
                                      int width, int64_t first) {
  const Axis& rows = shared.rows;
  const Axis& columns = shared.columns;
  const int64_t points = int64_t{images} * rows.points * columns.points;
  for (int i = static_cast<int>(threadIdx.x); i < Tile::kRows; i += Tile::kThreads) {
    const Division across = divide(first + i, columns.points);
    const Division down = divide(across.quotient, rows.points);
    const int64_t row = down.quotient * height + rows.first_target +
                        down.remainder * rows.target_step;
    shared.pixels[i] =
        first + i < points
            ? row * width + columns.first_target + across.remainder * columns.target_step
            : -1;
  }
  __syncthreads();
  return points;
}

template <class Tile>
__device__ inline auto target_of(const SharedConvolution<Tile>& shared, float* y, int channels,
                                 int column) {
  return Target{[=, &shared](int i) {
                  const int64_t pixel = shared.pixels[i];
                  return pixel < 0 ? nullptr : y + pixel * channels + column;
                },
                channels - column, aligned(y) && channels % 4 == 0};
}

template <class Tile>
__device__ inline void convolve(const clessidra_conv2d& c) {
  __shared__ SharedConvolution<Tile> shared;
  const TilePlace place =
      tile_place<Tile>(int64_t{c.images} * c.output_height * c.output_width,
                       tiles_across<Tile>(c.filters));
  if (threadIdx.x == 0) {
    shared.rows = forward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                               c.padding_height, c.dilation_height);
    shared.columns = forward_axis(c.width, c.output_width, c.filter_width, c.stride_width,
                                  c.padding_width, c.dilation_width);
  }
  __syncthreads();
  const int64_t points =
      find_pixels(shared, c.images, c.output_height, c.output_width, place.row);
  const auto target = target_of(shared, c.y, c.filters, place.column);
  float chains[Tile::kThreadRows][Tile::kThreadColumns];
  start_chains<Tile>(target, c.beta, chains);
  const int depth = c.filter_height * c.filter_width * c.channels;
  GatheredPixels<Tile> a(sources_of(c), shared.rows, shared.columns, place.row, points);
  MatrixAsB<Tile, false> b(c.filter + int64_t{place.column} * depth, depth,
                           c.filters - place.column, aligned(c.filter) && depth % 4 == 0);
  multiply(a, b, depth, shared.slices, chains);
  finish_chains<Tile>(target, c.bias == nullptr ? nullptr : c.bias + place.column, c.activation,
                      c.slope, chains);
}

template <class Tile>
__device__ inline void convolve_back(const clessidra_conv2d_backward_data& c) {
  __shared__ SharedConvolution<Tile> shared;
  const int first_channels = c.channels - c.second_channels;
  const uint32_t first_tiles = tiles_across<Tile>(first_channels);
  // The first phase has the most points.
  const TilePlace place = tile_place<Tile>(int64_t{c.images} * ceil_div(c.height, c.stride_height) *
                                               ceil_div(c.width, c.stride_width),
                                           first_tiles + tiles_across<Tile>(c.second_channels));
  // The tile's columns among the channels that it stores, which of all channels start at `start`.
  const bool second = place.column >= static_cast<int>(first_tiles) * Tile::kColumns;
  const int start = second ? first_channels : 0;
  const int channels = second ? c.second_channels : first_channels;
  const int column = place.column - (second ? static_cast<int>(first_tiles) * Tile::kColumns : 0);
  if (threadIdx.x == 0) {
    const int phases_across = smaller(c.stride_width, c.width);
    const auto phase = static_cast<int>(place.phase);
    shared.rows =
        backward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                      c.padding_height, c.dilation_height, phase / phases_across);
    shared.columns =
        backward_axis(c.width, c.output_width, c.filter_width, c.stride_width, c.padding_width,
                      c.dilation_width, phase % phases_across);
  }
  __syncthreads();
  const int64_t points = find_pixels(shared, c.images, c.height, c.width, place.row);
  if (place.row >= points) return;
  const auto target = target_of(shared, second ? c.second_dx : c.dx, channels, column);
  float chains[Tile::kThreadRows][Tile::kThreadColumns];
  start_chains<Tile>(target, second ? c.second_beta : c.beta, chains);
  if (shared.rows.taps > 0 && shared.columns.taps > 0) {
    GatheredPixels<Tile> a(Sources{c.dy, nullptr, c.filters, 0}, shared.rows, shared.columns,
                           place.row, points);
    FilterByTaps<Tile> b(c, shared.rows, shared.columns, start + column, channels - column);
    multiply(a, b, shared.rows.taps * shared.columns.taps * c.filters, shared.slices, chains);
  }
  finish_chains<Tile>(target, c.bias == nullptr ? nullptr : c.bias + start + column, c.activation,
                      c.slope, chains);
}

// Chunks of pixels lie along the grid's y.
template <class Tile>
__device__ inline void make_chunk(const clessidra_conv2d_backward_filter& c) {
  __shared__ Shared<Tile> shared;
  const int columns = c.filter_height * c.filter_width * c.channels;
  const TilePlace place = tile_place<Tile>(c.filters, tiles_across<Tile>(columns));
  const int row = static_cast<int>(place.row);
  const int64_t pixels = int64_t{c.images} * c.output_height * c.output_width;
  const int64_t elements = int64_t{c.filters} * columns;
  const int64_t chunk = pixels_per_chunk(pixels, elements);
  const int64_t first = blockIdx.y * chunk;
  const auto depth = static_cast<int>(first + chunk < pixels ? chunk : pixels - first);
  float* const result =
      c.workspace + blockIdx.y * elements + int64_t{row} * columns + place.column;
  const Target target{
      [=](int i) { return i < c.filters - row ? result + int64_t{i} * columns : nullptr; },
      columns - place.column, aligned(c.workspace) && columns % 4 == 0};
  float chains[Tile::kThreadRows][Tile::kThreadColumns];
  start_chains<Tile>(target, 0.0f, chains);
  MatrixAsA<Tile, true> a(c.dy + first * c.filters + row, c.filters, c.filters - row,
                          aligned(c.dy) && c.filters % 4 == 0);
  GatheredTaps<Tile> b(c, first, place.column);
  multiply(a, b, depth, shared, chains);
  finish_chains<Tile>(target, nullptr, CLESSIDRA_IDENTITY, 0.0f, chains);
}

// For few columns, which wider tiles would waste.
using Tile32Columns = Tile<128, 32, 16, 4, 1, 4>;
using Tile16Columns = Tile<128, 16, 16, 4, 1, 8>;

}  // namespace

// The kernel function<tile>; blocks: that a multiprocessor is to have room for.
#define CLESSIDRA_CONVOLUTION(name, tile, blocks, function, arguments_type) \
  extern "C" __global__ void __launch_bounds__(tile::kThreads, blocks)      \
      name(const __grid_constant__ arguments_type arguments) {              \
    function<tile>(arguments);                                              \
  }

CLESSIDRA_CONVOLUTION(conv2d_128x128, Tile128, 2, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_128x128)
CLESSIDRA_CONVOLUTION(conv2d_64x64, Tile64, 5, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_64x64)
CLESSIDRA_CONVOLUTION(conv2d_32x32, Tile32, 4, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_32x32)
CLESSIDRA_CONVOLUTION(conv2d_128x32, Tile32Columns, 4, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_128x32)
CLESSIDRA_CONVOLUTION(conv2d_128x16, Tile16Columns, 4, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_128x16)

CLESSIDRA_CONVOLUTION(conv2d_backward_data_128x128, Tile128, 2, convolve_back,
                      clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_128x128)
CLESSIDRA_CONVOLUTION(conv2d_backward_data_64x64, Tile64, 5, convolve_back,
                      clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_64x64)
CLESSIDRA_CONVOLUTION(conv2d_backward_data_32x32, Tile32, 4, convolve_back,
                      clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_32x32)
CLESSIDRA_CONVOLUTION(conv2d_backward_data_128x32, Tile32Columns, 4, convolve_back,
                      clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_128x32)
CLESSIDRA_CONVOLUTION(conv2d_backward_data_128x16, Tile16Columns, 4, convolve_back,
                      clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_128x16)

CLESSIDRA_CONVOLUTION(conv2d_backward_filter_128x128, Tile128, 2, make_chunk,
                      clessidra_conv2d_backward_filter)
EMULATOR_KERNEL(conv2d_backward_filter_128x128)
CLESSIDRA_CONVOLUTION(conv2d_backward_filter_64x64, Tile64, 4, make_chunk,
                      clessidra_conv2d_backward_filter)
EMULATOR_KERNEL(conv2d_backward_filter_64x64)
CLESSIDRA_CONVOLUTION(conv2d_backward_filter_32x32, Tile32, 4, make_chunk,
                      clessidra_conv2d_backward_filter)
EMULATOR_KERNEL(conv2d_backward_filter_32x32)

#undef CLESSIDRA_CONVOLUTION

// The results of the chunks, added in their order.
extern "C" __global__ void __launch_bounds__(kThreads)
    conv2d_backward_filter_finish(const __grid_constant__ clessidra_conv2d_backward_filter c) {
  const int64_t pixels = int64_t{c.images} * c.output_height * c.output_width;
  const int64_t elements =
      int64_t{c.filters} * c.filter_height * c.filter_width * c.channels;
  const int64_t chunk = pixels_per_chunk(pixels, elements);
  const auto chunks = static_cast<int>((pixels + chunk - 1) / chunk);
  const bool vectors = aligned(c.workspace, c.dfilter) && elements % 4 == 0;
  for_elements(elements, vectors, [&]<int kWidth>(int64_t i, Width<kWidth>) {
    // Loads that are on their way at a time.
    constexpr int kLoads = 8;
    const auto result = [&](int j) { return load<kWidth>(c.workspace + j * elements + i); };
    const auto add = [](float a, float b) { return a + b; };
    Pack<kWidth> sum{};
    if (chunks > 0) sum = result(0);
    int j = 1;
    for (; j + kLoads <= chunks; j += kLoads) {
      Pack<kWidth> results[kLoads];
      CLESSIDRA_UNROLL
      for (int e = 0; e < kLoads; ++e) results[e] = result(j + e);
      CLESSIDRA_UNROLL
      for (int e = 0; e < kLoads; ++e) sum = map(sum, results[e], add);
    }
    for (; j < chunks; ++j) sum = map(sum, result(j), add);
    store_sum(c.dfilter + i, sum, c.beta);
  });
}
EMULATOR_KERNEL(conv2d_backward_filter_finish)

}  // namespace clessidra
