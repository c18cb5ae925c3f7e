// Convolutions of 3 x 3 taps by Winograd's algorithm (clessidra/winograd.h):
//
//   block of tiles x group of panels of filters, one task, taken by any thread
//     inputs of the tiles transformed, [point][tile][channel], which stay in the second-level cache
//       panel of the transformed filter, [point][channel][up to kVectors vectors of columns]
//         36 matrix products, in registers, to [point][tile][column]
//         their results transformed, + bias, activation, written
//
// Backward for the data is the same with the filter turned round. The gradient of the filter
// multiplies transformed gradients by transformed inputs: the tiles are the depth.
#include "winograd.h"

#include <algorithm>

#include "../scratch.h"
#include "activation.h"
#include "clessidra/convolution.h"
#include "kernel_table.h"
#include "simd.h"
#include "transpose.h"
// After the primitives of simd.h.
#include "clessidra/winograd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

using namespace winograd;

constexpr int kVectors = 3;
#if defined(__AVX512F__)
constexpr int kProductRows[kVectors] = {10, 10, 8};
constexpr int kFilterRows[kVectors] = {16, 8, 8};
#else
constexpr int kProductRows[kVectors] = {6, 6, 4};
constexpr int kFilterRows[kVectors] = {8, 4, 4};
#endif
// Floats of the transformed inputs of a block, and tiles of one.
#ifndef KB
#define KB (96 << 10)
#endif
#ifndef KT
#define KT 64
#endif
constexpr int64_t kBlockFloats = KB;
constexpr int64_t kMostTiles = KT;
constexpr int64_t kFewestTiles = 16;

CLESSIDRA_FUNCTION int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
CLESSIDRA_FUNCTION int64_t rounded_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Floats from one point of a transform to the next: so many that the points of an element fall on
// different sets of the caches.
CLESSIDRA_FUNCTION int64_t point_stride(int64_t floats) { return rounded_up(floats, 16) | 16; }

struct Panels {
  int64_t columns, width, count;

  explicit Panels(int64_t columns) : columns(columns) {
    const int64_t vectors = ceil_div(columns, kLanes);
    width = ceil_div(vectors, std::max<int64_t>(1, ceil_div(vectors, kVectors))) * kLanes;
    count = columns == 0 ? 0 : ceil_div(columns, width);
  }
  int64_t padded_columns() const { return rounded_up(columns, kLanes); }
  int64_t columns_of(int64_t panel) const { return std::min(width, columns - panel * width); }
};

// Tiles of images, row by row.
struct Tiles {
  int64_t images, height, width, down, across;

  Tiles(int64_t images, int64_t height, int64_t width)
      : images(images),
        height(height),
        width(width),
        down(ceil_div(height, kOutputs)),
        across(ceil_div(width, kOutputs)) {}
  int64_t count() const { return images * down * across; }

  // Calls body(image, top, left) for tiles [begin, end): the pixel in the tile's corner.
  template <class Body>
  CLESSIDRA_FUNCTION void for_tiles(int64_t begin, int64_t end, const Body& body) const {
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

// Images of `depth` channels of which tiles are read.
struct Source {
  const float* images;
  int64_t height, width, depth;

  // The size x size pixels from (top, left) on of an image, zeros outside it, with `row_stride`
  // floats from one row to the next; copied to `patch` where some are outside.
  CLESSIDRA_FUNCTION const float* tile(int64_t image, int64_t top, int64_t left, int64_t size,
                                       float* patch, int64_t& row_stride) const {
    const float* const corner = images + ((image * height + top) * width + left) * depth;
    if (top >= 0 && left >= 0 && top + size <= height && left + size <= width) {
      row_stride = width * depth;
      return corner;
    }
    row_stride = size * depth;
    const int64_t first = std::clamp<int64_t>(-left, 0, size);
    const int64_t last = std::clamp<int64_t>(width - left, first, size);
    for (int64_t i = 0; i < size; ++i) {
      float* const row = patch + i * row_stride;
      if (top + i < 0 || top + i >= height) {
        std::fill_n(row, row_stride, 0.0f);
        continue;
      }
      std::fill_n(row, first * depth, 0.0f);
      std::copy_n(corner + (i * width + first) * depth, (last - first) * depth, row + first * depth);
      std::fill_n(row + last * depth, (size - last) * depth, 0.0f);
    }
    return patch;
  }
};

// to[point * stride + channel] = B' tile B
void transform_input_tile(const float* from, int64_t row_stride, int64_t depth, float* to,
                          int64_t stride) {
  for_vectors(0, depth, [&](int64_t c, auto n) {
    transform_both_ways<kInputs, kInputs, Vec>(
        [](const auto& d, auto& v) __attribute__((always_inline)) { transform_inputs(d, v); },
        [&](int i, int j) __attribute__((always_inline)) { return load_part(from + i * row_stride + j * depth + c, n); },
        [&](int i, int j, Vec v) __attribute__((always_inline)) { store_part(to + (i * kInputs + j) * stride + c, v, n); });
  });
}

// to[point * stride + channel] = A tile A'
void transform_gradient_tile(const float* from, int64_t row_stride, int64_t depth, float* to,
                             int64_t stride) {
  for_vectors(0, depth, [&](int64_t c, auto n) {
    transform_both_ways<kOutputs, kInputs, Vec>(
        [](const auto& d, auto& v) __attribute__((always_inline)) { transform_gradients(d, v); },
        [&](int i, int j) __attribute__((always_inline)) { return load_part(from + i * row_stride + j * depth + c, n); },
        [&](int i, int j, Vec v) __attribute__((always_inline)) { store_part(to + (i * kInputs + j) * stride + c, v, n); });
  });
}

// c = a b for R rows; rows of a are a_stride floats apart.
template <int R, int V>
void product_tile(int64_t depth, const float* a, int64_t a_stride, const float* b, float* c) {
  Vec sum[R][V] = {};
  const float* rows[R];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) rows[i] = a + i * a_stride;
#pragma GCC unroll 2
  for (int64_t p = 0; p < depth; ++p, b += V * kLanes) {
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(rows[i][p]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(c + (i * V + v) * kLanes, sum[i][v]);
  }
}
using ProductTile = void (*)(int64_t, const float*, int64_t, const float*, float*);
#define TILES_OF(f, most, r) {f<std::min(r, most[0]), 1>, f<std::min(r, most[1]), 2>, f<std::min(r, most[2]), 3>}
#define ALL_TILES(f, most) {TILES_OF(f, most, 1), TILES_OF(f, most, 2), TILES_OF(f, most, 3), TILES_OF(f, most, 4), TILES_OF(f, most, 5), TILES_OF(f, most, 6), TILES_OF(f, most, 7), TILES_OF(f, most, 8), TILES_OF(f, most, 9), TILES_OF(f, most, 10), TILES_OF(f, most, 11), TILES_OF(f, most, 12), TILES_OF(f, most, 13), TILES_OF(f, most, 14), TILES_OF(f, most, 15), TILES_OF(f, most, 16)}
constexpr ProductTile kProductTiles[][kVectors] = ALL_TILES(product_tile, kProductRows);

// c = (seeded ? c : 0) + a' b: R rows, depth x R in a.
template <int R, int V>
void gradient_tile(int64_t depth, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                   float* c, int64_t c_stride, int64_t columns, bool seeded) {
  Vec sum[R][V];
  const int64_t last = columns - (V - 1) * kLanes;
  const auto count = [&](int v) { return v < V - 1 ? int64_t{kLanes} : last; };
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sum[i][v] = Vec{};
      if (seeded) sum[i][v] = load_part(c + i * c_stride + v * kLanes, count(v));
    }
  }
  for (int64_t p = 0; p < depth; ++p, a += a_stride, b += b_stride) {
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(a[i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store_part(c + i * c_stride + v * kLanes, sum[i][v], count(v));
  }
}
using GradientTile = void (*)(int64_t, const float*, int64_t, const float*, int64_t, float*, int64_t, int64_t, bool);
constexpr GradientTile kGradientTiles[][kVectors] = ALL_TILES(gradient_tile, kFilterRows);

// target = activation(beta * target + convolution of the sources + bias)
struct Product {
  Tiles tiles;  // of the target
  Source sources[2];
  int64_t padding_height, padding_width;
  float* target;
  Panels panels;  // of the target's channels
  const float* bias;
  int32_t activation;
  float slope, beta;
  const float* filter;  // transformed, [panel][point][depth][width]

  int64_t depth() const { return sources[0].depth + sources[1].depth; }
};

// One tile's results: A' products A, the bias, the activation.
template <int f>
void finish_tile(const Product& g, const float* products, int64_t stride, int64_t column,
                 int64_t columns, int64_t image, int64_t top, int64_t left) {
  const int64_t height = std::min<int64_t>(kOutputs, g.tiles.height - top);
  const int64_t width = std::min<int64_t>(kOutputs, g.tiles.width - left);
  const int64_t channels = g.panels.columns;
  float* const target = g.target + ((image * g.tiles.height + top) * g.tiles.width + left) * channels + column;
  const int64_t row_stride = g.tiles.width * channels;
  const Vec leak = broadcast(g.slope);
  const Vec beta = broadcast(g.beta);
  for_vectors(0, columns, [&](int64_t k, auto n) {
    const Vec shift = g.bias == nullptr ? Vec{} : load_part(g.bias + column + k, n);
    transform_both_ways<kInputs, kOutputs, Vec>(
        [](const auto& m, auto& y) __attribute__((always_inline)) { transform_products(m, y); },
        [&](int i, int j) __attribute__((always_inline)) { return load(products + (i * kInputs + j) * stride + k); },
        [&](int i, int j, Vec y) __attribute__((always_inline)) {
          if (i >= height || j >= width) return;
          float* const to = target + i * row_stride + j * channels + k;
          if (g.beta != 0.0f) y = beta * load_part(to, n) + y;
          if (g.bias != nullptr) y += shift;
          store_part(to, activate<f>(y, leak), n);
        });
  });
}

void multiply_block(const Product& g, int64_t begin, int64_t end, int64_t first, int64_t last) {
  const int64_t depth = g.depth();
  const int64_t tiles = end - begin;
  const int64_t input_stride = point_stride(tiles * depth);
  const int64_t product_stride = point_stride(tiles * g.panels.width);
  float* const inputs = thread_scratch(
      Scratch::kPrivate, kPoints * (input_stride + product_stride) + kPoints * depth);
  float* const products = inputs + kPoints * input_stride;
  float* const patch = products + kPoints * product_stride;
  int64_t channel = 0;
  for (const Source& source : g.sources) {
    if (source.depth == 0) continue;
    g.tiles.for_tiles(begin, end, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
      int64_t row_stride;
      const float* const from = source.tile(image, top - g.padding_height, left - g.padding_width,
                                            kInputs, patch, row_stride);
      transform_input_tile(from, row_stride, source.depth, inputs + tile * depth + channel,
                           input_stride);
    });
    channel += source.depth;
  }
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t column = panel * g.panels.width;
    const int64_t columns = g.panels.columns_of(panel);
    const int64_t width = rounded_up(columns, kLanes);
    const int64_t vectors = width / kLanes;
    const int64_t rows = kProductRows[vectors - 1];
    const float* const filter = g.filter + column * kPoints * depth;
    for (int64_t point = 0; point < kPoints; ++point) {
      for (int64_t tile = 0; tile < tiles; tile += rows) {
        kProductTiles[std::min(rows, tiles - tile) - 1][vectors - 1](
            depth, inputs + point * input_stride + tile * depth, depth,
            filter + point * depth * width, products + point * product_stride + tile * width);
      }
    }
    with_activation(g.activation, [&](auto f) {
      g.tiles.for_tiles(begin, end, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
        finish_tile<f>(g, products + tile * width, product_stride, column, columns, image, top, left);
      });
    });
  }
}

// Filters [depth][3][3][...]: where an element lies.
struct Filter {
  const float* elements;
  int64_t depth_stride, column_stride, tap_stride;
  bool turned;  // the last tap first

  const float* at(int r, int s, int64_t depth, int64_t column) const {
    const int tap = r * kTaps + s;
    return elements + depth * depth_stride + column * column_stride +
           (turned ? kTaps * kTaps - 1 - tap : tap) * tap_stride;
  }
};

void transform_filter(ThreadPool& threads, const Filter& filter, const Panels& panels,
                      int64_t depth, float* to) {
  const int64_t blocks = ceil_div(depth, kLanes);
  threads.for_each(panels.padded_columns() / kLanes * blocks, [&](int64_t task) {
    const int64_t column = task / blocks * kLanes;
    const int64_t first = task % blocks * kLanes;
    const int64_t panel = column / panels.width;
    const int64_t width = rounded_up(panels.columns_of(panel), kLanes);
    const int64_t columns = std::min<int64_t>(kLanes, panels.columns - column);
    const int64_t depths = std::min<int64_t>(kLanes, depth - first);
    float* const start = to + panel * panels.width * kPoints * depth + first * width + column % panels.width;
    const auto transform = [&](int64_t d, int64_t k, int64_t n, float* at, int64_t stride) {
      transform_both_ways<kTaps, kInputs, Vec>(
          [](const auto& g, auto& u) __attribute__((always_inline)) { transform_taps(g, u); },
          [&](int i, int j) __attribute__((always_inline)) { return load_part(filter.at(i, j, d, k), n); },
          [&](int i, int j, Vec u) __attribute__((always_inline)) { store(at + (i * kInputs + j) * stride, u); });
    };
    if (filter.column_stride == 1) {
      for (int64_t d = 0; d < depths; ++d) {
        transform(first + d, column, columns, start + d * width, depth * width);
      }
      return;
    }
    float square[kPoints][kLanes * kLanes] = {};
    for (int64_t k = 0; k < columns; ++k) {
      transform(first, column + k, depths, square[0] + k * kLanes, kLanes * kLanes);
    }
    for (int64_t point = 0; point < kPoints; ++point) {
      transpose(square[point], kLanes, kLanes, depths, start + point * depth * width, width);
    }
  });
}

void multiply(ThreadPool& threads, Product g, const Filter& filter) {
  const int64_t tiles = g.tiles.count();
  if (tiles == 0 || g.panels.count == 0) return;
  const int64_t depth = g.depth();
  float* const transformed =
      thread_scratch(Scratch::kShared, kPoints * depth * g.panels.padded_columns());
  transform_filter(threads, filter, g.panels, depth, transformed);
  g.filter = transformed;
  const int64_t rows = kProductRows[std::min<int64_t>(kVectors, g.panels.width / kLanes) - 1];
  const int64_t wanted = 8 * threads.threads();
  const int64_t fitting = std::clamp(kBlockFloats / (kPoints * depth), kFewestTiles, kMostTiles);
  const int64_t block = rounded_up(std::min(fitting, ceil_div(tiles, wanted)), rows);
  const int64_t blocks = ceil_div(tiles, block);
  const int64_t groups = std::clamp<int64_t>(wanted / blocks, 1, g.panels.count);
  const int64_t group = ceil_div(g.panels.count, groups);
  threads.for_each(blocks * groups, [&](int64_t task) {
    const int64_t begin = task / groups * block;
    const int64_t first = task % groups * group;
    multiply_block(g, begin, std::min(begin + block, tiles), first,
                   std::min(first + group, g.panels.count));
  });
}

}  // namespace

void winograd_conv2d(ThreadPool& threads, const clessidra_conv2d& c) {
  const int64_t first = c.channels - c.second_channels;
  const Product g{Tiles(c.images, c.output_height, c.output_width),
                  {{c.x, c.height, c.width, first},
                   {c.second_x, c.height, c.width, c.second_channels}},
                  c.padding_height,
                  c.padding_width,
                  c.y,
                  Panels(c.filters),
                  c.bias,
                  c.activation,
                  c.slope,
                  c.beta,
                  nullptr};
  multiply(threads, g, {c.filter, 1, int64_t{kTaps * kTaps} * c.channels, c.channels, false});
}

void winograd_conv2d_backward_data(ThreadPool& threads, const clessidra_conv2d_backward_data& c) {
  const auto multiply_channels = [&](float* dx, int64_t first, int64_t channels, float beta) {
    const Product g{Tiles(c.images, c.height, c.width),
                    {{c.dy, c.output_height, c.output_width, c.filters}, {}},
                    kTaps - 1 - c.padding_height,
                    kTaps - 1 - c.padding_width,
                    dx,
                    Panels(channels),
                    c.bias == nullptr ? nullptr : c.bias + first,
                    c.activation,
                    c.slope,
                    beta,
                    nullptr};
    multiply(threads, g,
             {c.filter + first, int64_t{kTaps * kTaps} * c.channels, 1, c.channels, true});
  };
  const int64_t first_channels = c.channels - c.second_channels;
  multiply_channels(c.dx, 0, first_channels, c.beta);
  if (c.second_channels > 0) multiply_channels(c.second_dx, first_channels, c.second_channels, c.second_beta);
}

void winograd_conv2d_backward_filter(ThreadPool& threads, const clessidra_conv2d_backward_filter& c) {
  const Tiles tiles(c.images, c.output_height, c.output_width);
  const int64_t pairs = int64_t{c.filters} * c.channels;
  const int64_t chunk = tiles_per_chunk(tiles.count(), pairs);
  const int64_t chunks = ceil_div(tiles.count(), chunk);
  const int64_t first_channels = c.channels - c.second_channels;
  const Source sources[] = {{c.x, c.height, c.width, first_channels},
                            {c.second_x, c.height, c.width, c.second_channels}};
  const Source gradients{c.dy, c.output_height, c.output_width, c.filters};
  const Panels panels(c.channels);
  const int64_t wanted = 8 * threads.threads();
  const int64_t groups = std::clamp<int64_t>(ceil_div(wanted, std::max<int64_t>(1, chunks)), 1, panels.count);
  const int64_t group = ceil_div(panels.count, groups);
  const int64_t padded_channels = rounded_up(c.channels, kLanes);
  threads.for_each(chunks * groups, [&](int64_t task) {
    const int64_t chunk_begin = task / groups * chunk;
    const int64_t chunk_end = std::min(chunk_begin + chunk, tiles.count());
    float* const result = c.workspace + task / groups * kPoints * pairs;
    const int64_t first_panel = task % groups * group;
    const int64_t last_panel = std::min(first_panel + group, panels.count);
    const int64_t fitting = std::clamp(kBlockFloats / (kPoints * std::max<int64_t>(padded_channels, c.filters)), kFewestTiles, kMostTiles);
    const int64_t block = std::min(chunk, fitting);
    const int64_t input_stride = point_stride(block * padded_channels);
    const int64_t gradient_stride = point_stride(block * c.filters);
    float* const inputs = thread_scratch(Scratch::kPrivate, kPoints * (input_stride + gradient_stride) + kPoints * std::max(padded_channels, int64_t{c.filters}));
    float* const transformed = inputs + kPoints * input_stride;
    float* const patch = transformed + kPoints * gradient_stride;
    if (padded_channels != c.channels) std::fill_n(inputs, kPoints * input_stride, 0.0f);
    for (int64_t begin = chunk_begin; begin < chunk_end; begin += block) {
      const int64_t end = std::min(begin + block, chunk_end);
      int64_t channel = 0;
      for (const Source& source : sources) {
        if (source.depth == 0) continue;
        tiles.for_tiles(begin, end, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
          int64_t row_stride;
          const float* const from = source.tile(image, top - c.padding_height, left - c.padding_width, kInputs, patch, row_stride);
          transform_input_tile(from, row_stride, source.depth, inputs + tile * padded_channels + channel, input_stride);
        });
        channel += source.depth;
      }
      tiles.for_tiles(begin, end, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
        int64_t row_stride;
        const float* const from = gradients.tile(image, top, left, kOutputs, patch, row_stride);
        transform_gradient_tile(from, row_stride, c.filters, transformed + tile * c.filters, gradient_stride);
      });
      for (int64_t point = 0; point < kPoints; ++point) {
        for (int64_t panel = first_panel; panel < last_panel; ++panel) {
          const int64_t columns = panels.columns_of(panel);
          const int64_t vectors = ceil_div(columns, kLanes);
          const int64_t rows = kFilterRows[vectors - 1];
          for (int64_t k = 0; k < c.filters; k += rows) {
            kGradientTiles[std::min(rows, c.filters - k) - 1][vectors - 1](
                end - begin, transformed + point * gradient_stride + k, c.filters,
                inputs + point * input_stride + panel * panels.width, padded_channels,
                result + point * pairs + k * c.channels + panel * panels.width, c.channels, columns,
                begin > chunk_begin);
          }
        }
      }
    }
  });
  threads.for_ranges(c.filters, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      for_vectors(0, c.channels, [&](int64_t channel, auto n) {
        transform_both_ways<kInputs, kTaps, Vec>(
            [](const auto& du, auto& dg) __attribute__((always_inline)) { transform_tap_gradients(du, dg); },
            [&](int i, int j) __attribute__((always_inline)) {
              const float* from = c.workspace + (i * kInputs + j) * pairs + k * c.channels + channel;
              Vec sum = chunks == 0 ? Vec{} : load_part(from, n);
              for (int64_t part = 1; part < chunks; ++part) sum += load_part(from + part * kPoints * pairs, n);
              return sum;
            },
            [&](int i, int j, Vec sum) __attribute__((always_inline)) {
              float* const to = c.dfilter + ((k * kTaps + i) * kTaps + j) * c.channels + channel;
              if (c.beta != 0.0f) sum = broadcast(c.beta) * load_part(to, n) + sum;
              store_part(to, sum, n);
            });
      });
    }
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
