// Convolutions as matrix products whose left operand is never stored: the rows are pixels, read
// through an array of pointers, one a tap, of which those outside the image point to zeros (Dukhan,
// "The Indirect Convolution Algorithm", 2019). So any size, stride, padding and dilation is the same
// loop. Only where pixels have few channels are their taps copied side by side.
//
// Forward, and backward for the data:
//   block of pixels x group of panels, one task, taken by any thread
//     panel of the filter (taps x depth x up to kVectors vectors of columns), packed for all
//       slice of taps, whose part of the panel stays in the second-level cache
//         tile (kRows pixels x the panel's columns) in registers
// Backward for the data with a stride is one such product for each phase of the stride: the pixels of
// a phase all have the same taps. A 2 x 2 transposed convolution of stride 2 so becomes four
// products without a gap between their rows.
#include "clessidra/convolution.h"

#include <algorithm>
#include <numeric>

#include "../scratch.h"
#include "activation.h"
#include "kernel_table.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// 8 x 48 fills 24 of 32 AVX-512 registers, 4 x 24 fills 12 of 16 AVX2 registers.
#if defined(__AVX512F__)
constexpr int kRows = 8;
#else
constexpr int kRows = 4;
#endif
constexpr int kVectors = 3;
constexpr int64_t kSliceDepth = 768;
constexpr int64_t kBlockPoints = 512;
// Below this many multiply-adds another thread costs more than it brings.
constexpr int64_t kSmall = 1 << 16;
// Channels up to which copying a pixel's taps costs less than a pointer to each.
constexpr int64_t kFewChannels = 8;
// Pixels, and floats of their taps, that a task of the filter's gradient looks at together.
constexpr int64_t kFilterPixels = 64;
constexpr int64_t kPatchFloats = 1 << 14;
// The room that a pointer takes in scratch memory.
constexpr int64_t kPointerFloats = sizeof(void*) / sizeof(float);

CLESSIDRA_FUNCTION int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
CLESSIDRA_FUNCTION int64_t rounded_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// The lanes of the last vector of a tile that exist.
CLESSIDRA_FUNCTION Vec load_columns(const float* p, int64_t columns) {
  return columns >= kLanes ? load(p) : load_part(p, columns);
}
CLESSIDRA_FUNCTION void store_columns(float* p, Vec v, int64_t columns) {
  if (columns >= kLanes) {
    store(p, v);
  } else {
    store_part(p, v, columns);
  }
}

// Columns cut into panels of at most kVectors vectors, all about as wide.
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

// One dimension of a convolution: the points of the target along it, and what its taps read.
struct Axis {
  int64_t points, target_first, target_step;  // point i is target pixel target_first + i * step
  int64_t taps, first_tap, tap_step;          // tap t is filter row first_tap + t * step
  // Tap t of point i reads source pixel i * source_step + first_offset + t * offset_step.
  int64_t source_size, source_step, first_offset, offset_step;
};

Axis forward_axis(int64_t size, int64_t output, int64_t filter, int64_t stride, int64_t padding,
                  int64_t dilation) {
  return {output, 0, 1, filter, 0, 1, size, stride, -padding, dilation};
}

// The pixels phase, phase + stride, ... of an image whose gradient is wanted.
Axis backward_axis(int64_t size, int64_t output, int64_t filter, int64_t stride, int64_t padding,
                   int64_t dilation, int64_t phase) {
  const int64_t divisor = std::gcd(stride, dilation);
  const int64_t step = stride / divisor;
  int64_t first = 0;
  while (first < std::min(filter, step) && (phase + padding - first * dilation) % stride != 0) {
    ++first;
  }
  const int64_t taps = first < std::min(filter, step) ? ceil_div(filter - first, step) : 0;
  return {ceil_div(size - phase, stride), phase, stride, taps, first, step, output, 1,
          (phase + padding - first * dilation) / stride, -dilation / divisor};
}

// A point of a grid of images x rows x columns, in row-major order.
struct Point {
  int64_t image, row, column;

  Point(int64_t index, const Axis& rows, const Axis& columns)
      : image(index / columns.points / rows.points),
        row(index / columns.points % rows.points),
        column(index % columns.points) {}

  void advance(const Axis& rows, const Axis& columns) {
    if (++column < columns.points) return;
    column = 0;
    if (++row < rows.points) return;
    row = 0;
    ++image;
  }
};

// Images whose channels lie in one place, or the last of them in another one.
struct Sources {
  const float* images[2];
  int64_t depths[2];  // channels in each place

  int64_t count() const { return depths[1] == 0 ? 1 : 2; }
  int64_t depth() const { return depths[0] + depths[1]; }
};
template <class Convolution>
Sources sources_of(const Convolution& c) {
  return {{c.x, c.second_x}, {c.channels - c.second_channels, c.second_channels}};
}

// What the taps of points read: pixels of `depth` channels, or zeros outside the image.
struct Source {
  const Axis& rows;
  const Axis& columns;
  const float* images;
  int64_t depth;

  // Calls body(tap, pixel), with null for a pixel outside.
  template <class Body>
  CLESSIDRA_FUNCTION void for_taps(const Point& point, const Body& body) const {
    const int64_t top = point.row * rows.source_step + rows.first_offset;
    const int64_t left = point.column * columns.source_step + columns.first_offset;
    int64_t tap = 0;
    for (int64_t r = 0; r < rows.taps; ++r) {
      const int64_t y = top + r * rows.offset_step;
      const bool row_inside = y >= 0 && y < rows.source_size;
      const float* const line =
          images + (point.image * rows.source_size + y) * columns.source_size * depth;
      for (int64_t s = 0; s < columns.taps; ++s, ++tap) {
        const int64_t x = left + s * columns.offset_step;
        const bool inside = row_inside && x >= 0 && x < columns.source_size;
        body(tap, inside ? line + x * depth : nullptr);
      }
    }
  }

  // Copies the channels of all taps, `stride` floats from one tap to the next; those of a row that
  // are adjacent pixels and stay so, together.
  CLESSIDRA_FUNCTION void copy_taps(const Point& point, float* to, int64_t stride) const {
    if (columns.offset_step != 1 || stride != depth) {
      for_taps(point, [&](int64_t tap, const float* pixel) {
        copy(pixel, pixel == nullptr ? 0 : depth, to + tap * stride, depth);
      });
      return;
    }
    const int64_t left = point.column * columns.source_step + columns.first_offset;
    const int64_t first = std::clamp<int64_t>(-left, 0, columns.taps);
    const int64_t last = std::clamp<int64_t>(columns.source_size - left, first, columns.taps);
    int64_t y = point.row * rows.source_step + rows.first_offset;
    for (int64_t r = 0; r < rows.taps; ++r, y += rows.offset_step, to += columns.taps * depth) {
      const bool inside = y >= 0 && y < rows.source_size;
      const int64_t line = (point.image * rows.source_size + y) * columns.source_size + left;
      copy(nullptr, 0, to, first * depth);
      copy(images + (line + first) * depth, inside ? (last - first) * depth : 0,
           to + first * depth, (columns.taps - first) * depth);
    }
  }

  // to = the `count` floats of from, then zeros up to `size`.
  CLESSIDRA_FUNCTION static void copy(const float* from, int64_t count, float* to, int64_t size) {
    for_vectors(0, count, [=](int64_t i, auto n) {
      store_part(to + i, load_part(from + i, n), n);
    });
    for_vectors(count, size, [=](int64_t i, auto n) { store_part(to + i, Vec{}, n); });
  }
};

// target = activation(seed * target + source taps x filter + bias) for a grid of points.
struct Product {
  Axis rows, columns;
  int64_t images;
  Sources sources;
  float* target;
  int64_t target_height, target_width;
  Panels panels;  // of the channels of the target
  const float* bias;
  int32_t activation;
  float slope, seed;
  const float* packed;  // the filter
  const float* zeros;   // as many as the source has channels

  int64_t taps() const { return rows.taps * columns.taps; }
  int64_t depth() const { return sources.depth(); }
  bool copied() const { return depth() <= kFewChannels && taps() > 1; }
  int64_t points() const { return images * rows.points * columns.points; }
};

// targets[i] = seed * targets[i] + sources x b for R pixels and `columns` channels,
// V = ceil(columns / kLanes). A run are neighbouring floats, depth of them in the first run, third,
// ..., next_depth in the others. sources: [runs][kRows], b: [floats of all runs][V * kLanes]. Every
// loop over the tile is unrolled, or the sums would not stay in registers.
template <int R, int V>
void multiply_tile(int64_t runs, int64_t depth, int64_t next_depth, const float* const* sources,
                   const float* b, float* const* targets, int64_t first_column, int64_t columns,
                   float seed) {
  Vec sum[R][V];
  const int64_t last = columns - (V - 1) * kLanes;
  const Vec factor = broadcast(seed);
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const float* const p = targets[i] + first_column + v * kLanes;
      sum[i][v] = Vec{};
      if (seed != 0.0f) sum[i][v] = factor * load_columns(p, v < V - 1 ? kLanes : last);
    }
  }
  for (int64_t run = 0; run < runs; ++run, sources += kRows) {
    const float* a[R];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) a[i] = sources[i];
    for (int64_t p = 0; p < depth; ++p, b += V * kLanes) {
      Vec row[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        const Vec element = broadcast(a[i][p]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
      }
    }
    std::swap(depth, next_depth);
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* const p = targets[i] + first_column + v * kLanes;
      store_columns(p, sum[i][v], v < V - 1 ? kLanes : last);
    }
  }
}

using Tile = void (*)(int64_t runs, int64_t depth, int64_t next_depth,
                      const float* const* sources, const float* b, float* const* targets,
                      int64_t first_column, int64_t columns, float seed);
#define CLESSIDRA_TILES(function, rows) \
  { function<rows, 1>, function<rows, 2>, function<rows, 3> }
#if defined(__AVX512F__)
#define CLESSIDRA_ALL_TILES(function)                                             \
  {                                                                               \
    CLESSIDRA_TILES(function, 1), CLESSIDRA_TILES(function, 2),                   \
        CLESSIDRA_TILES(function, 3), CLESSIDRA_TILES(function, 4),               \
        CLESSIDRA_TILES(function, 5), CLESSIDRA_TILES(function, 6),               \
        CLESSIDRA_TILES(function, 7), CLESSIDRA_TILES(function, 8)                \
  }
#else
#define CLESSIDRA_ALL_TILES(function)                               \
  {                                                                 \
    CLESSIDRA_TILES(function, 1), CLESSIDRA_TILES(function, 2),     \
        CLESSIDRA_TILES(function, 3), CLESSIDRA_TILES(function, 4)  \
  }
#endif
constexpr Tile kTiles[kRows][kVectors] = CLESSIDRA_ALL_TILES(multiply_tile);

// Bias and activation for a tile that is complete and still in the cache.
void finish_tile(const Product& g, float* const* targets, int64_t rows, int64_t first_column,
                 int64_t columns) {
  const Vec leak = broadcast(g.slope);
  with_activation(g.activation, [&](auto f) {
    for_vectors(first_column, first_column + columns, [&](int64_t j, auto n) {
      const Vec shift = g.bias == nullptr ? Vec{} : load_part(g.bias + j, n);
      for (int64_t i = 0; i < rows; ++i) {
        const Vec x = load_part(targets[i] + j, n);
        store_part(targets[i] + j, activate<f>(g.bias == nullptr ? x : x + shift, leak), n);
      }
    });
  });
}

// The pointers of points [begin, end): of each tile of kRows, targets[kRows] and pointers to what a
// tap reads of each source, sources[taps][1 or 2][kRows], or sources[1][kRows] to copies of all taps,
// which need `patches`.
void find_pixels(const Product& g, int64_t begin, int64_t end, const float** sources,
                 float** targets, float* patches) {
  const int64_t parts = g.sources.count();
  const int64_t taps = g.taps();
  Point point(begin, g.rows, g.columns);
  for (int64_t i = 0; i < end - begin; ++i, point.advance(g.rows, g.columns)) {
    const int64_t row = g.rows.target_first + point.row * g.rows.target_step;
    const int64_t column = g.columns.target_first + point.column * g.columns.target_step;
    targets[i] = g.target + ((point.image * g.target_height + row) * g.target_width + column) *
                                g.panels.columns;
    float* patch = patches + i * taps * g.depth();
    if (g.copied()) sources[i] = patch;
    const float** to = sources + i / kRows * taps * parts * kRows + i % kRows;
    for (int64_t part = 0; part < parts; ++part) {
      const Source source{g.rows, g.columns, g.sources.images[part], g.sources.depths[part]};
      if (g.copied()) {
        source.copy_taps(point, patch, g.depth());
        patch += source.depth;
      } else {
        source.for_taps(point, [&](int64_t tap, const float* pixel) {
          to[tap * parts * kRows] = pixel == nullptr ? g.zeros : pixel;
        });
        to += kRows;
      }
    }
  }
}

// Points [begin, end) and panels [first, last).
void multiply_block(const Product& g, int64_t begin, int64_t end, int64_t first, int64_t last) {
  const int64_t taps = g.copied() ? 1 : g.taps();
  const int64_t depth = g.copied() ? g.taps() * g.depth() : g.depth();
  const int64_t parts = g.copied() ? 1 : g.sources.count();
  const int64_t tiles = ceil_div(end - begin, kRows);
  const int64_t target_floats = tiles * kRows * kPointerFloats;
  const int64_t pointer_floats = target_floats * (taps * parts + 1);
  float* const memory = thread_scratch(
      Scratch::kPrivate, pointer_floats + (g.copied() ? tiles * kRows * depth : 0));
  auto** const targets = reinterpret_cast<float**>(memory);
  auto** const sources = reinterpret_cast<const float**>(memory + target_floats);
  find_pixels(g, begin, end, sources, targets, memory + pointer_floats);
  const bool plain = g.bias == nullptr && g.activation == CLESSIDRA_IDENTITY;
  const int64_t slice_taps = std::max<int64_t>(1, kSliceDepth / std::max<int64_t>(1, depth));
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t column = panel * g.panels.width;
    const int64_t columns = g.panels.columns_of(panel);
    const int64_t width = rounded_up(columns, kLanes);
    const float* const b = g.packed + column * taps * depth;
    // At least once, since without taps there still are a seed, a bias and an activation.
    for (int64_t tap = 0; tap < std::max<int64_t>(taps, 1); tap += slice_taps) {
      const int64_t slice = std::min(slice_taps, taps - tap);
      const bool complete = tap + slice == taps;
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t rows = std::min<int64_t>(kRows, end - begin - tile * kRows);
        kTiles[rows - 1][width / kLanes - 1](
            slice * parts, parts == 1 ? depth : g.sources.depths[0],
            parts == 1 ? depth : g.sources.depths[1],
            sources + (tile * taps + tap) * parts * kRows, b + tap * depth * width,
            targets + tile * kRows, column, columns, tap == 0 ? g.seed : 1.0f);
        if (complete && !plain) finish_tile(g, targets + tile * kRows, rows, column, columns);
      }
    }
  }
}

void multiply(ThreadPool& threads, const Product& g) {
  const int64_t points = g.points();
  if (points == 0 || g.panels.count == 0) return;
  if (points * g.panels.columns * g.taps() * g.depth() < kSmall) {
    for (int64_t begin = 0; begin < points; begin += kBlockPoints) {
      multiply_block(g, begin, std::min(begin + kBlockPoints, points), 0, g.panels.count);
    }
    return;
  }
  // About 8 tasks a thread, so that a thread that lost time leaves work to the others.
  const int64_t wanted = 8 * threads.threads();
  const int64_t block =
      std::min(kBlockPoints, rounded_up(ceil_div(points, wanted), kRows));
  const int64_t blocks = ceil_div(points, block);
  const int64_t groups = std::clamp<int64_t>(wanted / blocks, 1, g.panels.count);
  const int64_t group = ceil_div(g.panels.count, groups);
  threads.for_each(blocks * groups, [&](int64_t task) {
    const int64_t begin = task / groups * block;
    const int64_t first = task % groups * group;
    multiply_block(g, begin, std::min(begin + block, points), first,
                   std::min(first + group, g.panels.count));
  });
}

// Packs the filter and multiplies. element(tap row, tap column, depth, column) is a pointer to an
// element of the filter whose neighbours along the columns are `stride` floats apart.
template <class Element>
void pack_and_multiply(ThreadPool& threads, Product g, int64_t stride, const Element& element) {
  const int64_t padded = g.panels.padded_columns();
  const int64_t taps = g.taps();
  const int64_t depth = g.depth();
  float* const zeros = thread_scratch(Scratch::kShared, depth + taps * depth * padded);
  float* const packed = zeros + depth;
  std::fill_n(zeros, depth, 0.0f);
  threads.for_each(padded / kLanes, [&](int64_t vector) {
    const int64_t column = vector * kLanes;
    const int64_t panel = column / g.panels.width;
    const int64_t width = rounded_up(g.panels.columns_of(panel), kLanes);
    const int64_t lanes = std::min<int64_t>(kLanes, g.panels.columns - column);
    float* to = packed + panel * g.panels.width * taps * depth + column % g.panels.width;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t r = g.rows.first_tap + tap / g.columns.taps * g.rows.tap_step;
      const int64_t s = g.columns.first_tap + tap % g.columns.taps * g.columns.tap_step;
      for (int64_t d = 0; d < depth; ++d, to += width) {
        const float* const from = element(r, s, d, column);
        for (int64_t i = 0; i < kLanes; ++i) to[i] = i < lanes ? from[i * stride] : 0.0f;
      }
    }
  });
  g.packed = packed;
  g.zeros = zeros;
  multiply(threads, g);
}

// The gradient of a filter: rows are filters, columns are channels (of one tap and one source, or of
// all taps where the channels do not fill vectors: then each pixel's taps are copied side by side),
// and the chain goes over pixels.
struct FilterGradient {
  const clessidra_conv2d_backward_filter& c;
  Axis rows, columns;
  Sources sources;
  int64_t pixels, chunk, taps;
  bool copied;
  int64_t row_floats;  // of a pixel's copied taps, whole vectors
  const float* zeros;

  explicit FilterGradient(const clessidra_conv2d_backward_filter& c)
      : c(c),
        rows(forward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                          c.padding_height, c.dilation_height)),
        columns(forward_axis(c.width, c.output_width, c.filter_width, c.stride_width,
                             c.padding_width, c.dilation_width)),
        sources(sources_of(c)),
        pixels(int64_t{c.images} * c.output_height * c.output_width),
        chunk(pixels_per_chunk(pixels, elements(c))),
        taps(int64_t{c.filter_height} * c.filter_width),
        copied(sources.depths[0] % kLanes != 0 || sources.depths[1] % kLanes != 0),
        row_floats(rounded_up(taps * c.channels, kLanes)),
        zeros(nullptr) {}

  static int64_t elements(const clessidra_conv2d_backward_filter& c) {
    return int64_t{c.filters} * c.filter_height * c.filter_width * c.channels;
  }

  // The pointers of pixels [begin, end): one for each tap, `stride` apart, of the first source, then
  // of the second, or one to copies.
  void find_pixels(int64_t begin, int64_t end, const float** pointers, int64_t stride,
                   float* patches) const {
    Point point(begin, rows, columns);
    for (int64_t i = 0; i < end - begin; ++i, point.advance(rows, columns)) {
      float* patch = patches + i * row_floats;
      if (copied) {
        pointers[i] = patch;
        std::fill(patch + taps * c.channels, patch + row_floats, 0.0f);
      }
      for (int64_t part = 0; part < sources.count(); ++part) {
        const Source source{rows, columns, sources.images[part], sources.depths[part]};
        if (copied) {
          source.copy_taps(point, patch, c.channels);
          patch += source.depth;
        } else {
          source.for_taps(point, [&](int64_t tap, const float* pixel) {
            pointers[(part * taps + tap) * stride + i] = pixel == nullptr ? zeros : pixel;
          });
        }
      }
    }
  }

  // Calls body(columns, pointers, place) for the columns of each part that is one product: their
  // number, the number of its pointers in a pixel's and where the columns start in a filter.
  template <class Body>
  void for_parts(const Body& body) const {
    if (copied) {
      body(taps * c.channels, 0, 0);
      return;
    }
    for (int64_t part = 0; part < sources.count(); ++part) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        body(sources.depths[part], part * taps + tap,
             tap * c.channels + part * sources.depths[0]);
      }
    }
  }
};

// to = (seeded ? to : 0) + dy^T x for R filters and `columns` channels over some pixels; whole
// vectors of x are read.
template <int R, int V>
void filter_tile(int64_t pixels, const float* dy, int64_t dy_stride, const float* const* x,
                 int64_t first_column, float* to, int64_t to_stride, int64_t columns,
                 bool seeded) {
  Vec sum[R][V];
  const int64_t last = columns - (V - 1) * kLanes;
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sum[i][v] = Vec{};
      if (seeded) {
        sum[i][v] = load_columns(to + i * to_stride + v * kLanes, v < V - 1 ? kLanes : last);
      }
    }
  }
  for (int64_t p = 0; p < pixels; ++p, dy += dy_stride) {
    const float* const from = x[p] + first_column;
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(from + v * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(dy[i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      store_columns(to + i * to_stride + v * kLanes, sum[i][v], v < V - 1 ? kLanes : last);
    }
  }
}

using FilterTile = void (*)(int64_t pixels, const float* dy, int64_t dy_stride,
                            const float* const* x, int64_t first_column, float* to,
                            int64_t to_stride, int64_t columns, bool seeded);
constexpr FilterTile kFilterTiles[kRows][kVectors] = CLESSIDRA_ALL_TILES(filter_tile);

// The chunk's result for filters [first, last).
void chunk_gradient(const FilterGradient& g, int64_t chunk, int64_t first, int64_t last) {
  const clessidra_conv2d_backward_filter& c = g.c;
  const int64_t row_elements = g.taps * c.channels;
  float* const result = c.workspace + chunk * c.filters * row_elements;
  const int64_t begin = chunk * g.chunk;
  const int64_t end = std::min(begin + g.chunk, g.pixels);
  // One column of pointers for each tap of each source, or a single one to the copied taps.
  const int64_t block = g.copied
                            ? std::clamp<int64_t>(kPatchFloats / g.row_floats, 16, kFilterPixels)
                            : kFilterPixels;
  const int64_t groups = g.copied ? 1 : g.taps * g.sources.count();
  const int64_t pointer_floats = rounded_up(groups * block * kPointerFloats, kLanes);
  float* const memory =
      thread_scratch(Scratch::kPrivate, pointer_floats + (g.copied ? block * g.row_floats : 0));
  auto** const pointers = reinterpret_cast<const float**>(memory);
  float* const patches = memory + pointer_floats;
  for (int64_t pixel = begin; pixel < end; pixel += block) {
    const int64_t pixels = std::min(block, end - pixel);
    g.find_pixels(pixel, pixel + pixels, pointers, block, patches);
    g.for_parts([&](int64_t part_columns, int64_t group, int64_t place) {
      const Panels panels(part_columns);
      for (int64_t panel = 0; panel < panels.count; ++panel) {
        const int64_t column = panel * panels.width;
        const int64_t columns = panels.columns_of(panel);
        for (int64_t k = first; k < last; k += kRows) {
          const int64_t rows = std::min<int64_t>(kRows, last - k);
          kFilterTiles[rows - 1][(columns - 1) / kLanes](
              pixels, c.dy + pixel * c.filters + k, c.filters, pointers + group * block, column,
              result + k * row_elements + place + column, row_elements, columns, pixel > begin);
        }
      }
    });
  }
}

}  // namespace

void conv2d(ThreadPool& threads, const clessidra_conv2d& c) {
  const int64_t taps = int64_t{c.filter_height} * c.filter_width;
  const Product g{forward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                               c.padding_height, c.dilation_height),
                  forward_axis(c.width, c.output_width, c.filter_width, c.stride_width,
                               c.padding_width, c.dilation_width),
                  c.images,
                  sources_of(c),
                  c.y,
                  c.output_height,
                  c.output_width,
                  Panels(c.filters),
                  c.bias,
                  c.activation,
                  c.slope,
                  c.beta,
                  nullptr,
                  nullptr};
  pack_and_multiply(threads, g, taps * c.channels,
                    [&](int64_t r, int64_t s, int64_t channel, int64_t k) {
                      return c.filter + (k * taps + r * c.filter_width + s) * c.channels + channel;
                    });
}

void conv2d_backward_data(ThreadPool& threads, const clessidra_conv2d_backward_data& c) {
  const int64_t first_channels = c.channels - c.second_channels;
  // The channels [first, first + channels), which are all those of dx.
  const auto multiply_channels = [&](float* dx, int64_t first, int64_t channels, float beta) {
    for (int64_t row = 0; row < std::min(c.stride_height, c.height); ++row) {
      for (int64_t column = 0; column < std::min(c.stride_width, c.width); ++column) {
        const Product g{backward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                                      c.padding_height, c.dilation_height, row),
                        backward_axis(c.width, c.output_width, c.filter_width, c.stride_width,
                                      c.padding_width, c.dilation_width, column),
                        c.images,
                        {{c.dy, nullptr}, {c.filters, 0}},
                        dx,
                        c.height,
                        c.width,
                        Panels(channels),
                        c.bias == nullptr ? nullptr : c.bias + first,
                        c.activation,
                        c.slope,
                        beta,
                        nullptr,
                        nullptr};
        pack_and_multiply(
            threads, g, 1, [&](int64_t r, int64_t s, int64_t k, int64_t channel) {
              const int64_t tap = (k * c.filter_height + r) * c.filter_width + s;
              return c.filter + tap * c.channels + first + channel;
            });
      }
    }
  };
  multiply_channels(c.dx, 0, first_channels, c.beta);
  if (c.second_channels > 0) {
    multiply_channels(c.second_dx, first_channels, c.second_channels, c.second_beta);
  }
}

void conv2d_backward_filter(ThreadPool& threads, const clessidra_conv2d_backward_filter& c) {
  const int64_t elements = FilterGradient::elements(c);
  if (elements == 0) return;
  FilterGradient g(c);
  float* const zeros = thread_scratch(Scratch::kShared, c.channels);
  std::fill_n(zeros, c.channels, 0.0f);
  g.zeros = zeros;
  const int64_t chunks = ceil_div(g.pixels, g.chunk);
  const int64_t wanted = g.pixels * elements < kSmall ? 1 : 8 * threads.threads();
  const int64_t row_groups = std::clamp<int64_t>(wanted / std::max<int64_t>(1, chunks), 1,
                                                 ceil_div(c.filters, kRows));
  const int64_t rows = rounded_up(ceil_div(c.filters, row_groups), kRows);
  threads.for_each(chunks * row_groups, [&](int64_t task) {
    const int64_t first = task % row_groups * rows;
    const int64_t last = std::min<int64_t>(first + rows, c.filters);
    if (first < last) chunk_gradient(g, task / row_groups, first, last);
  });
  threads.for_ranges(elements, grain_rows(chunks), [&](int64_t begin, int64_t end) {
    const Vec beta = broadcast(c.beta);
    for_vectors(begin, end, [&](int64_t i, auto n) {
      Vec sum = chunks == 0 ? Vec{} : load_part(c.workspace + i, n);
      for (int64_t chunk = 1; chunk < chunks; ++chunk) {
        sum += load_part(c.workspace + chunk * elements + i, n);
      }
      if (c.beta != 0.0f) sum = beta * load_part(c.dfilter + i, n) + sum;
      store_part(c.dfilter + i, sum, n);
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
