// Convolutions of 3 x 3 taps by Winograd's algorithm (clessidra/winograd.h), forward and backward for
// the data, where the filter is turned round:
//
//   block of tiles x group of panels, one task, taken by any thread
//     the tiles' inputs, transformed, [point][tile][depth], which stay in the second-level cache
//       panel of the transformed filter, [point][depth][up to kVectors vectors of columns]
//         36 matrix products, from registers to [point][tile][column]
//           results of a tile, transformed, + bias, activation
//
// Of few tiles it is the transformed filter that would not stay in a cache: then all inputs are
// transformed first, and a panel, one task, transforms its filter slice by slice.
//
// The gradient of the filter multiplies transformed gradients by transformed inputs: the tiles of a
// chunk are the depth.
#include "winograd.h"

#include "../scratch.h"
#include "activation.h"
#include "clessidra/convolution.h"
#include "kernel_table.h"
#include "tiles.h"
#include "transpose.h"
// After the primitives of simd.h.
#include "clessidra/winograd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

using namespace winograd;

// Rows of a tile of one, two and three vectors: of tiles of images no more than have their pointers in
// registers; filters have one pointer.
#if defined(__AVX512F__)
constexpr int kTileRows[kVectors] = {10, 10, 8};
constexpr int kFilterRows[kVectors] = {16, 8, 8};
#else
constexpr int kTileRows[kVectors] = {6, 6, 4};
constexpr int kFilterRows[kVectors] = {8, 4, 4};
#endif
// Tiles of a block, of which there are fewer if their transforms take more than so many floats: forward
// beside their products, for the gradient of the filter those of the channels or of the filters.
constexpr int64_t kBlockFloats = 96 << 10;
constexpr int64_t kGradientFloats = 192 << 10;
constexpr int64_t kFewestTiles = 16;
constexpr int64_t kMostTiles = 64;
// Tiles up to which the filter is transformed panel by panel, in slices of so much depth.
constexpr int64_t kFewTiles = 64;
constexpr int64_t kSliceDepth = 64;
// Tiles of which the transforms are worth another thread.
constexpr int64_t kGrainTiles = 2;
// Tasks a thread, so that a thread that lost time leaves work to the others.
constexpr int64_t kTasks = 8;

// Floats from one point of a transform to the next: not a multiple of the caches' sets.
CLESSIDRA_FUNCTION int64_t point_stride(int64_t floats) { return rounded_up(floats, 16) | 16; }

// The tiles of images, row by row.
struct Tiles {
  int64_t images, height, width, down, across;

  Tiles(int64_t images, int64_t height, int64_t width)
      : images(images),
        height(height),
        width(width),
        down(ceil_div(height, kOutputs)),
        across(ceil_div(width, kOutputs)) {}
  int64_t count() const { return images * down * across; }

  // Calls body(number from 0, image, row, column) for tiles [begin, end); a pixel, the tile's corner.
  template <class Body>
  CLESSIDRA_FUNCTION void for_each(int64_t begin, int64_t end, const Body& body) const {
    int64_t image = begin / across / down;
    int64_t row = begin / across % down;
    int64_t column = begin % across;
    for (int64_t tile = begin; tile < end; ++tile) {
      body(tile - begin, image, row * kOutputs, column * kOutputs);
      if (++column < across) continue;
      column = 0;
      if (++row < down) continue;
      row = 0;
      ++image;
    }
  }
};

// Images of `depth` channels.
struct Source {
  const float* images;
  int64_t height, width, depth;

  // The kSize x kSize pixels from (top, left) on, zeros outside the image: where they lie, or copied
  // to `patch`; row_stride floats from one row to the next.
  template <int kSize>
  CLESSIDRA_FUNCTION const float* square(int64_t image, int64_t top, int64_t left, float* patch,
                                         int64_t& row_stride) const {
    const float* const corner = images + ((image * height + top) * width + left) * depth;
    if (top >= 0 && left >= 0 && top + kSize <= height && left + kSize <= width) {
      row_stride = width * depth;
      return corner;
    }
    row_stride = kSize * depth;
    const int64_t first = std::clamp<int64_t>(-left, 0, kSize);
    const int64_t last = std::clamp<int64_t>(width - left, first, kSize);
    for (int64_t i = 0; i < kSize; ++i) {
      float* const row = patch + i * row_stride;
      const bool inside = top + i >= 0 && top + i < height;
      std::fill_n(row, (inside ? first : kSize) * depth, 0.0f);
      if (!inside) continue;
      std::copy_n(corner + (i * width + first) * depth, (last - first) * depth, row + first * depth);
      std::fill_n(row + last * depth, (kSize - last) * depth, 0.0f);
    }
    return patch;
  }
};

// Transformed tiles: [point][tile][depth], with room for whole vectors of depth. `floats` is set by its
// owner, to room for size() floats.
struct Transformed {
  float* floats;
  int64_t tile_stride, stride;  // from one tile, and from one point, to the next

  Transformed(int64_t tiles, int64_t depth)
      : floats(nullptr),
        tile_stride(rounded_up(depth, kLanes)),
        stride(point_stride(tiles * tile_stride)) {}
  int64_t size() const { return kPoints * stride; }
  float* point(int64_t point) const { return floats + point * stride; }
};

// to[point][channel] = transform(kSize x kSize pixels)
template <int kSize, class Transform>
void transform_square(const float* from, int64_t row_stride, int64_t depth, float* to,
                      int64_t stride, const Transform& transform) {
  for_vectors(0, depth, [&](int64_t channel, auto n) {
    transform_both_ways<kSize, kInputs, Vec>(
        transform,
        [&](int i, int j) __attribute__((always_inline)) {
          return load_part(from + i * row_stride + j * depth + channel, n);
        },
        [&](int i, int j, Vec v) __attribute__((always_inline)) {
          store_part(to + (i * kInputs + j) * stride + channel, v, n);
        });
  });
}

// What tiles read: 6 x 6 pixels of one source or two, from `padding` before the tile's corner on.
struct Inputs {
  Source sources[2];
  int64_t padding_height, padding_width;

  int64_t depth() const { return sources[0].depth + sources[1].depth; }
  int64_t patch_floats() const { return kPoints * depth(); }

  // B' d B of tiles [begin, end), to the tiles from `first` on.
  void transform(const Tiles& tiles, int64_t begin, int64_t end, const Transformed& to,
                 int64_t first, float* patch) const {
    int64_t channel = 0;
    for (const Source& source : sources) {
      if (source.depth == 0) continue;
      tiles.for_each(begin, end, [&](int64_t tile, int64_t image, int64_t row, int64_t column) {
        int64_t row_stride;
        const float* const from = source.square<kInputs>(image, row - padding_height,
                                                         column - padding_width, patch, row_stride);
        transform_square<kInputs>(from, row_stride, source.depth,
                                  to.floats + (first + tile) * to.tile_stride + channel, to.stride,
                                  [](const auto& d, auto& v) __attribute__((always_inline)) {
                                    transform_inputs(d, v);
                                  });
      });
      channel += source.depth;
    }
  }
};

// A dy A' of tiles [begin, end), to the tiles from `first` on.
void transform_gradients_of(const Source& dy, const Tiles& tiles, int64_t begin, int64_t end,
                            const Transformed& to, int64_t first, float* patch) {
  tiles.for_each(begin, end, [&](int64_t tile, int64_t image, int64_t row, int64_t column) {
    int64_t row_stride;
    const float* const from = dy.square<kOutputs>(image, row, column, patch, row_stride);
    transform_square<kOutputs>(from, row_stride, dy.depth,
                               to.floats + (first + tile) * to.tile_stride, to.stride,
                               [](const auto& d, auto& w) __attribute__((always_inline)) {
                                 transform_gradients(d, w);
                               });
  });
}

// c = (kSeeded ? c : 0) + a b for R rows and V vectors. The rows of a are a_stride apart or, if
// kAcross, side by side and the depths a_stride apart. Not inlined: its pointers fill the registers.
template <bool kAcross, bool kSeeded, int R, int V>
__attribute__((noinline)) void multiply_rows(int64_t depth, const float* a, int64_t a_stride,
                                             const float* b, int64_t b_stride, float* c,
                                             int64_t c_stride) {
  Vec sum[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[i][v] = kSeeded ? load(c + i * c_stride + v * kLanes) : Vec{};
  }
  const float* rows[R];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) rows[i] = a + i * a_stride;
#pragma GCC unroll 4
  for (int64_t p = 0; p < depth; ++p, b += kAcross ? b_stride : V * kLanes) {
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(kAcross ? a[i] : rows[i][p]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
    if (kAcross) a += a_stride;
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(c + i * c_stride + v * kLanes, sum[i][v]);
  }
}

// The operands of one point's product.
struct Operands {
  int64_t depth;
  const float* a;
  int64_t a_stride;
  const float* b;
  int64_t b_stride;
  float* c;
  int64_t c_stride;
};

template <bool kAcross, bool kSeeded, int V>
void multiply_point(int64_t rows, const Operands& o) {
  constexpr int kMost = kAcross ? kFilterRows[V - 1] : kTileRows[V - 1];
  int64_t row = 0;
  const auto multiply = [&](auto count) __attribute__((always_inline)) {
    constexpr int R = decltype(count)::value;
    for (; row + R <= rows; row += R) {
      multiply_rows<kAcross, kSeeded, R, V>(o.depth, o.a + row * (kAcross ? 1 : o.a_stride),
                                            o.a_stride, o.b, o.b_stride, o.c + row * o.c_stride,
                                            o.c_stride);
    }
  };
  multiply(std::integral_constant<int, kMost>{});
  multiply(std::integral_constant<int, 4>{});
  multiply(std::integral_constant<int, 1>{});
}

// c = (seeded ? c : 0) + a b for `rows` rows and `vectors` vectors of columns.
template <bool kAcross>
void multiply_point(int64_t rows, int64_t vectors, bool seeded, const Operands& o) {
  with_flag(seeded, [&](auto kSeeded) {
    if (vectors == 1) return multiply_point<kAcross, kSeeded, 1>(rows, o);
    if (vectors == 2) return multiply_point<kAcross, kSeeded, 2>(rows, o);
    multiply_point<kAcross, kSeeded, 3>(rows, o);
  });
}

// Not inlined for each of a tile's sixteen pixels if it takes an exponential.
template <int kActivation>
__attribute__((noinline)) Vec call_activate(Vec x, Vec slope) {
  return activate<kActivation>(x, slope);
}
template <int kActivation>
CLESSIDRA_FUNCTION Vec activate_pixel(Vec x, Vec slope) {
  if constexpr (kActivation >= CLESSIDRA_SIGMOID) return call_activate<kActivation>(x, slope);
  return activate<kActivation>(x, slope);
}

// target = activation(beta * target + convolution of the inputs + bias)
struct Product {
  Tiles tiles;  // of the target
  Inputs inputs;
  float* target;
  Panels panels;  // of the target's channels
  const float* bias;
  int32_t activation;
  float slope, beta;

  // The target from a tile's results, [point][column]: A' products A, the bias, the activation.
  template <int f, bool kAccumulate>
  void finish_tile(const float* products, int64_t stride, int64_t column, int64_t columns,
                   float* to, int64_t row_stride, int64_t pixel_stride) const {
    const Vec leak = broadcast(slope);
    const Vec factor = broadcast(beta);
    for_vectors(0, columns, [&](int64_t k, auto n) {
      // Adding -0 changes nothing.
      const Vec shift = bias == nullptr ? broadcast(-0.0f) : load_part(bias + column + k, n);
      transform_both_ways<kInputs, kOutputs, Vec>(
          [](const auto& m, auto& y) __attribute__((always_inline)) { transform_products(m, y); },
          [&](int i, int j) __attribute__((always_inline)) {
            return load(products + (i * kInputs + j) * stride + k);
          },
          [&](int i, int j, Vec y) __attribute__((always_inline)) {
            float* const pixel = to + i * row_stride + j * pixel_stride + k;
            if (kAccumulate) y = factor * load_part(pixel, n) + y;
            store_part(pixel, activate_pixel<f>(y + shift, leak), n);
          });
    });
  }

  // The tiles [begin, end) of a panel, whose results are products[point][tile][width].
  template <int f, bool kAccumulate>
  void finish_tiles(int64_t panel, int64_t begin, int64_t end, const float* products,
                    int64_t stride) const {
    const int64_t column = panel * panels.width;
    const int64_t columns = panels.columns_of(panel);
    const int64_t width = rounded_up(columns, kLanes);
    const int64_t row_stride = tiles.width * panels.columns;
    tiles.for_each(begin, end, [&](int64_t tile, int64_t image, int64_t row, int64_t left) {
      const int64_t rows = std::min<int64_t>(kOutputs, tiles.height - row);
      const int64_t pixels = std::min<int64_t>(kOutputs, tiles.width - left);
      float* const to =
          target + ((image * tiles.height + row) * tiles.width + left) * panels.columns + column;
      if (rows == kOutputs && pixels == kOutputs) {
        finish_tile<f, kAccumulate>(products + tile * width, stride, column, columns, to,
                                    row_stride, panels.columns);
        return;
      }
      // A tile that reaches beyond the image.
      float patch[kOutputs * kOutputs * kVectors * kLanes] = {};
      const auto for_pixels = [&](const auto& body) {
        for (int64_t i = 0; i < rows; ++i) {
          for (int64_t j = 0; j < pixels; ++j) {
            body(patch + (i * kOutputs + j) * width, to + i * row_stride + j * panels.columns);
          }
        }
      };
      if (kAccumulate) {
        for_pixels([&](float* copy, const float* pixel) { std::copy_n(pixel, columns, copy); });
      }
      finish_tile<f, kAccumulate>(products + tile * width, stride, column, columns, patch,
                                  kOutputs * width, width);
      for_pixels([&](const float* copy, float* pixel) { std::copy_n(copy, columns, pixel); });
    });
  }
  void finish(int64_t panel, int64_t begin, int64_t end, const float* products,
              int64_t stride) const {
    with_activation(activation, [&](auto f) {
      with_flag(beta != 0.0f, [&](auto accumulate) {
        finish_tiles<f, accumulate>(panel, begin, end, products, stride);
      });
    });
  }
};

// Filters of 3 x 3 taps: where an element lies.
struct Filter {
  const float* elements;
  int64_t depth_stride, column_stride, tap_stride;
  bool turned;  // the last tap first

  const float* at(int r, int s, int64_t depth, int64_t column) const {
    const int tap = r * kTaps + s;
    return elements + depth * depth_stride + column * column_stride +
           (turned ? kTaps * kTaps - 1 - tap : tap) * tap_stride;
  }

  // G g G' for depths [first, first + depths) and up to kLanes columns from `column` on:
  // to[point * stride + depth * width + column].
  void transform(int64_t first, int64_t depths, int64_t column, int64_t columns, float* to,
                 int64_t stride, int64_t width) const {
    const auto vector = [&](int64_t d, int64_t k, int64_t n, float* at_point, int64_t point) {
      transform_both_ways<kTaps, kInputs, Vec>(
          [](const auto& g, auto& u) __attribute__((always_inline)) { transform_taps(g, u); },
          [&](int i, int j) __attribute__((always_inline)) { return load_part(at(i, j, d, k), n); },
          [&](int i, int j, Vec u) __attribute__((always_inline)) {
            store(at_point + (i * kInputs + j) * point, u);
          });
    };
    if (column_stride == 1) {
      for (int64_t d = 0; d < depths; ++d) vector(first + d, column, columns, to + d * width, stride);
      return;
    }
    // Neighbouring depths are in the lanes.
    float squares[kPoints][kLanes * kLanes] = {};
    for (int64_t d = 0; d < depths; d += kLanes) {
      const int64_t n = std::min<int64_t>(kLanes, depths - d);
      for (int64_t k = 0; k < columns; ++k) {
        vector(first + d, column + k, n, squares[0] + k * kLanes, kLanes * kLanes);
      }
      for (int64_t point = 0; point < kPoints; ++point) {
        transpose(squares[point], kLanes, kLanes, n, to + point * stride + d * width, width);
      }
    }
  }
};

void multiply_many_tiles(ThreadPool& threads, const Product& g, const Filter& filter) {
  const int64_t tiles = g.tiles.count();
  const int64_t depth = g.inputs.depth();
  const Panels& panels = g.panels;
  float* const filters =
      thread_scratch(Scratch::kShared, kPoints * depth * panels.padded_columns());
  const int64_t slices = ceil_div(depth, kLanes);
  threads.for_each(panels.padded_columns() / kLanes * slices, [&](int64_t task) {
    const int64_t column = task / slices * kLanes;
    const int64_t first = task % slices * kLanes;
    const int64_t panel = column / panels.width;
    const int64_t width = rounded_up(panels.columns_of(panel), kLanes);
    filter.transform(first, std::min<int64_t>(kLanes, depth - first), column,
                     std::min<int64_t>(kLanes, panels.columns - column),
                     filters + panel * panels.width * kPoints * depth + first * width +
                         column % panels.width,
                     depth * width, width);
  });
  const int64_t wanted = kTasks * threads.threads();
  const int64_t fitting = std::clamp(kBlockFloats / (kPoints * depth), kFewestTiles, kMostTiles);
  const int64_t block =
      rounded_up(std::min(fitting, ceil_div(tiles, wanted)), kTileRows[panels.vectors() - 1]);
  const int64_t blocks = ceil_div(tiles, block);
  const int64_t groups = std::clamp<int64_t>(wanted / blocks, 1, panels.count);
  const int64_t group = ceil_div(panels.count, groups);
  threads.for_each(blocks * groups, [&](int64_t task) {
    const int64_t begin = task / groups * block;
    const int64_t end = std::min(begin + block, tiles);
    Transformed inputs(block, depth);
    const int64_t stride = point_stride(block * panels.width);
    inputs.floats = thread_scratch(Scratch::kPrivate,
                                   inputs.size() + kPoints * stride + g.inputs.patch_floats());
    float* const products = inputs.floats + inputs.size();
    g.inputs.transform(g.tiles, begin, end, inputs, 0, products + kPoints * stride);
    const int64_t first = task % groups * group;
    for (int64_t panel = first; panel < std::min(first + group, panels.count); ++panel) {
      const int64_t vectors = ceil_div(panels.columns_of(panel), kLanes);
      const int64_t width = vectors * kLanes;
      const float* const b = filters + panel * panels.width * kPoints * depth;
      for (int64_t point = 0; point < kPoints; ++point) {
        multiply_point<false>(end - begin, vectors, false,
                              {depth, inputs.point(point), inputs.tile_stride,
                               b + point * depth * width, width, products + point * stride, width});
      }
      g.finish(panel, begin, end, products, stride);
    }
  });
}

void multiply_few_tiles(ThreadPool& threads, Product g, const Filter& filter) {
  const int64_t tiles = g.tiles.count();
  const int64_t depth = g.inputs.depth();
  // The widest panels that all threads have about as much of.
  for (int64_t vectors = kVectors - 1; vectors > 0; --vectors) {
    const Panels narrower(g.panels.columns, vectors);
    const auto time = [&](const Panels& p) { return ceil_div(p.count, threads.threads()) * p.width; };
    if (time(narrower) < time(g.panels)) g.panels = narrower;
  }
  Transformed inputs(tiles, depth);
  inputs.floats = thread_scratch(Scratch::kShared, inputs.size());
  threads.for_ranges(tiles, kGrainTiles, [&](int64_t begin, int64_t end) {
    float* const patch = thread_scratch(Scratch::kPrivate, g.inputs.patch_floats());
    g.inputs.transform(g.tiles, begin, end, inputs, begin, patch);
  });
  const int64_t stride = point_stride(tiles * g.panels.width);
  threads.for_each(g.panels.count, [&](int64_t panel) {
    const int64_t column = panel * g.panels.width;
    const int64_t columns = g.panels.columns_of(panel);
    const int64_t vectors = ceil_div(columns, kLanes);
    const int64_t width = vectors * kLanes;
    const int64_t filter_stride = point_stride(kSliceDepth * width);
    float* const products = thread_scratch(Scratch::kPrivate, kPoints * (stride + filter_stride));
    float* const filters = products + kPoints * stride;
    for (int64_t first = 0; first < depth; first += kSliceDepth) {
      const int64_t slice = std::min(kSliceDepth, depth - first);
      for (int64_t k = 0; k < columns; k += kLanes) {
        filter.transform(first, slice, column + k, std::min<int64_t>(kLanes, columns - k),
                         filters + k, filter_stride, width);
      }
      for (int64_t point = 0; point < kPoints; ++point) {
        multiply_point<false>(tiles, vectors, first > 0,
                              {slice, inputs.point(point) + first, inputs.tile_stride,
                               filters + point * filter_stride, width, products + point * stride,
                               width});
      }
    }
    g.finish(panel, 0, tiles, products, stride);
  });
}

void multiply(ThreadPool& threads, const Product& g, const Filter& filter) {
  const int64_t tiles = g.tiles.count();
  if (tiles == 0 || g.panels.count == 0) return;
  if (tiles <= kFewTiles) {
    multiply_few_tiles(threads, g, filter);
  } else {
    multiply_many_tiles(threads, g, filter);
  }
}

// The gradient of a filter: rows are filters, columns are channels.
struct FilterGradient {
  const clessidra_conv2d_backward_filter& c;
  Tiles tiles;
  Inputs inputs;
  Source dy;
  Panels panels;  // of the channels
  int64_t pairs, chunk, chunks;
  int64_t group;  // filters of a task

  FilterGradient(const ThreadPool& threads, const clessidra_conv2d_backward_filter& c)
      : c(c),
        tiles(c.images, c.output_height, c.output_width),
        inputs{{{c.x, c.height, c.width, c.channels - c.second_channels},
                {c.second_x, c.height, c.width, c.second_channels}},
               c.padding_height,
               c.padding_width},
        dy{c.dy, c.output_height, c.output_width, c.filters},
        panels(c.channels),
        pairs(int64_t{c.filters} * c.channels),
        chunk(tiles_per_chunk(tiles.count(), pairs)),
        chunks(ceil_div(tiles.count(), chunk)) {
    const int64_t rows = kFilterRows[panels.vectors() - 1];
    const int64_t wanted = ceil_div(kTasks * threads.threads(), std::max<int64_t>(1, chunks));
    group = rounded_up(std::max(ceil_div(c.filters, wanted), 2 * rows), rows);
  }

  int64_t groups() const { return ceil_div(c.filters, group); }
  int64_t patch_floats() const {
    return std::max(inputs.patch_floats(), kOutputs * kOutputs * dy.depth);
  }

  // Both operands of tiles [begin, end), to the tiles from `first` on.
  void transform(int64_t begin, int64_t end, const Transformed& x, const Transformed& gradients,
                 int64_t first, float* patch) const {
    inputs.transform(tiles, begin, end, x, first, patch);
    transform_gradients_of(dy, tiles, begin, end, gradients, first, patch);
  }

  // sums[filter][width] = (seeded ? sums : 0) + one point's product over so many tiles, for the
  // filters [first, last) and the columns of a panel.
  void multiply(int64_t point, int64_t count, const Transformed& x, const Transformed& gradients,
                int64_t first, int64_t last, int64_t panel, float* sums, int64_t stride,
                bool seeded) const {
    multiply_point<true>(last - first, ceil_div(panels.columns_of(panel), kLanes), seeded,
                         {count, gradients.point(point) + first, gradients.tile_stride,
                          x.point(point) + panel * panels.width, x.tile_stride, sums, stride});
  }

  // dfilter of filter k and n channels from `channel` on: G' sums G, sum(point) being one of them.
  template <class Count, class Sum>
  CLESSIDRA_FUNCTION void finish(int64_t k, int64_t channel, Count n, const Sum& sum) const {
    transform_both_ways<kInputs, kTaps, Vec>(
        [](const auto& u, auto& g) __attribute__((always_inline)) {
          transform_tap_gradients(u, g);
        },
        [&](int i, int j) __attribute__((always_inline)) { return sum(i * kInputs + j); },
        [&](int i, int j, Vec r) __attribute__((always_inline)) {
          float* const to = c.dfilter + ((k * kTaps + i) * kTaps + j) * c.channels + channel;
          if (c.beta != 0.0f) r = broadcast(c.beta) * load_part(to, n) + r;
          store_part(to, r, n);
        });
  }
};

// All tiles are one chunk: the operands are transformed first, and a task's sums stay in the caches.
void filter_gradient_of_few_tiles(ThreadPool& threads, const FilterGradient& g) {
  const int64_t tiles = g.tiles.count();
  Transformed x(tiles, g.c.channels);
  Transformed gradients(tiles, g.c.filters);
  x.floats = thread_scratch(Scratch::kShared, x.size() + gradients.size());
  gradients.floats = x.floats + x.size();
  threads.for_ranges(tiles, kGrainTiles, [&](int64_t begin, int64_t end) {
    float* const patch = thread_scratch(Scratch::kPrivate, g.patch_floats());
    g.transform(begin, end, x, gradients, begin, patch);
  });
  threads.for_each(g.groups() * g.panels.count, [&](int64_t task) {
    const int64_t first = task / g.panels.count * g.group;
    const int64_t last = std::min<int64_t>(first + g.group, g.c.filters);
    const int64_t panel = task % g.panels.count;
    const int64_t stride = point_stride(g.group * g.panels.width);
    float* const sums = thread_scratch(Scratch::kPrivate, kPoints * stride);
    for (int64_t point = 0; point < kPoints; ++point) {
      g.multiply(point, tiles, x, gradients, first, last, panel, sums + point * stride,
                 g.panels.width, false);
    }
    for (int64_t k = first; k < last; ++k) {
      for_vectors(0, g.panels.columns_of(panel), [&](int64_t channel, auto n) {
        const float* const from = sums + (k - first) * g.panels.width + channel;
        g.finish(k, panel * g.panels.width + channel, n,
                 [&](int64_t point) __attribute__((always_inline)) {
                   return load(from + point * stride);
                 });
      });
    }
  });
}

// The result of a chunk for filters [first, last), [point][filter][channel] of the workspace.
void chunk_gradient(const FilterGradient& g, int64_t chunk, int64_t first, int64_t last) {
  const int64_t channels = g.c.channels;
  const int64_t begin = chunk * g.chunk;
  const int64_t end = std::min(begin + g.chunk, g.tiles.count());
  const int64_t fitting =
      std::clamp(kGradientFloats / (kPoints * std::max<int64_t>(channels, g.c.filters)),
                 kFewestTiles, kMostTiles);
  const int64_t block = ceil_div(end - begin, ceil_div(end - begin, fitting));
  Transformed x(block, channels);
  Transformed gradients(block, g.c.filters);
  const int64_t narrow_floats = (last - first) * g.panels.width;
  x.floats = thread_scratch(Scratch::kPrivate,
                            x.size() + gradients.size() + narrow_floats + g.patch_floats());
  gradients.floats = x.floats + x.size();
  float* const narrow = gradients.floats + gradients.size();
  float* const patch = narrow + narrow_floats;
  for (int64_t tile = begin; tile < end; tile += block) {
    const int64_t tiles = std::min(block, end - tile);
    const bool seeded = tile > begin;
    g.transform(tile, tile + tiles, x, gradients, 0, patch);
    for (int64_t point = 0; point < kPoints; ++point) {
      for (int64_t panel = 0; panel < g.panels.count; ++panel) {
        const int64_t columns = g.panels.columns_of(panel);
        const int64_t width = rounded_up(columns, kLanes);
        float* const result = g.c.workspace + (chunk * kPoints + point) * g.pairs +
                              first * channels + panel * g.panels.width;
        if (columns == width) {
          g.multiply(point, tiles, x, gradients, first, last, panel, result, channels, seeded);
          continue;
        }
        // Whole vectors would reach into the next filter's channels.
        for (int64_t k = 0; seeded && k < last - first; ++k) {
          std::copy_n(result + k * channels, columns, narrow + k * width);
        }
        g.multiply(point, tiles, x, gradients, first, last, panel, narrow, width, seeded);
        for (int64_t k = 0; k < last - first; ++k) {
          std::copy_n(narrow + k * width, columns, result + k * channels);
        }
      }
    }
  }
}

void filter_gradient_of_chunks(ThreadPool& threads, const FilterGradient& g) {
  threads.for_each(g.chunks * g.groups(), [&](int64_t task) {
    const int64_t first = task % g.groups() * g.group;
    chunk_gradient(g, task / g.groups(), first, std::min<int64_t>(first + g.group, g.c.filters));
  });
  const int64_t channels = g.c.channels;
  const int64_t grain = grain_rows((g.chunks + 1) * kPoints * channels);
  threads.for_ranges(g.c.filters, grain, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      for_vectors(0, channels, [&](int64_t channel, auto n) {
        const float* const from = g.c.workspace + k * channels + channel;
        g.finish(k, channel, n, [&](int64_t point) __attribute__((always_inline)) {
          Vec sum = g.chunks == 0 ? Vec{} : load_part(from + point * g.pairs, n);
          for (int64_t chunk = 1; chunk < g.chunks; ++chunk) {
            sum += load_part(from + (chunk * kPoints + point) * g.pairs, n);
          }
          return sum;
        });
      });
    }
  });
}

}  // namespace

void winograd_conv2d(ThreadPool& threads, const clessidra_conv2d& c) {
  const Product g{Tiles(c.images, c.output_height, c.output_width),
                  {{{c.x, c.height, c.width, c.channels - c.second_channels},
                    {c.second_x, c.height, c.width, c.second_channels}},
                   c.padding_height,
                   c.padding_width},
                  c.y,
                  Panels(c.filters),
                  c.bias,
                  c.activation,
                  c.slope,
                  c.beta};
  multiply(threads, g, {c.filter, 1, int64_t{kTaps * kTaps} * c.channels, c.channels, false});
}

void winograd_conv2d_backward_data(ThreadPool& threads, const clessidra_conv2d_backward_data& c) {
  const auto multiply_channels = [&](float* dx, int64_t first, int64_t channels, float beta) {
    const Product g{Tiles(c.images, c.height, c.width),
                    {{{c.dy, c.output_height, c.output_width, c.filters}, {}},
                     kTaps - 1 - c.padding_height,
                     kTaps - 1 - c.padding_width},
                    dx,
                    Panels(channels),
                    c.bias == nullptr ? nullptr : c.bias + first,
                    c.activation,
                    c.slope,
                    beta};
    multiply(threads, g,
             {c.filter + first, int64_t{kTaps * kTaps} * c.channels, 1, c.channels, true});
  };
  const int64_t first_channels = c.channels - c.second_channels;
  multiply_channels(c.dx, 0, first_channels, c.beta);
  if (c.second_channels > 0) {
    multiply_channels(c.second_dx, first_channels, c.second_channels, c.second_beta);
  }
}

void winograd_conv2d_backward_filter(ThreadPool& threads,
                                     const clessidra_conv2d_backward_filter& c) {
  const FilterGradient g(threads, c);
  if (g.chunks == 1 && g.tiles.count() <= 2 * kFewTiles) {
    filter_gradient_of_few_tiles(threads, g);
  } else {
    filter_gradient_of_chunks(threads, g);
  }
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
