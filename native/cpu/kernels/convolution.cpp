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
//
// One vector of columns has a load for every multiply-add. With filters 3 taps wide and no stride,
// rows are swept instead: a pixel is read once for the three points next to it. With so few columns
// that they fill a small part of the lanes, pixels are in the lanes: their rows are transposed first.
//
// Convolutions by Winograd's algorithm are in winograd.cpp.
#include "clessidra/convolution.h"

#include <algorithm>
#include <numeric>

#include "../scratch.h"
#include "activation.h"
#include "kernel_table.h"
#include "tiles.h"
#include "transpose.h"
#include "winograd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Rows of a tile of one, two and three vectors. 8 x 48 fills 24 of 32 AVX-512 registers, 4 x 24 fills
// 12 of 16 AVX2 registers; narrower tiles have more rows, for as many independent sums. Of pixels no
// more than have their pointers in registers; filters have one pointer.
#if defined(__AVX512F__)
constexpr int kPixelRows[kVectors] = {10, 10, 8};
constexpr int kFilterRows[kVectors] = {16, 8, 8};
#else
constexpr int kPixelRows[kVectors] = {6, 6, 4};
constexpr int kFilterRows[kVectors] = {8, 4, 4};
#endif
constexpr int64_t kSliceDepth = 768;
constexpr int64_t kBlockPoints = 512;
// Filter columns that one broadcast of a swept pixel serves, and points of each row of a sweep, whose
// sums wait in the first-level cache.
constexpr int kSweptTaps = 3;
constexpr int64_t kSweptPoints = 64;
// Columns up to which pixels are in the lanes, for rows of so many points.
constexpr int64_t kFewColumns = 3;
constexpr int64_t kLanePoints = kLanes / 2;
// Below this many multiply-adds another thread costs more than it brings.
constexpr int64_t kSmall = 1 << 16;
// Channels up to which copying a pixel's taps costs less than a pointer to each.
constexpr int64_t kFewChannels = 8;
// Pixels that a task of the filter's gradient looks at together, and floats of their gradients and
// copied taps, which share the first-level cache.
constexpr int64_t kFewPixels = 16;
constexpr int64_t kFilterPixels = 128;
constexpr int64_t kGradientFloats = 1 << 12;
constexpr int64_t kPatchFloats = 1 << 14;
// Floats of the filter's gradient that a task adds to, which stay in the second-level cache.
constexpr int64_t kFilterFloats = 48 << 10;
// The room that a pointer takes in scratch memory.
constexpr int64_t kPointerFloats = sizeof(void*) / sizeof(float);

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

  void advance(const Axis& rows, const Axis& columns) { skip(1, rows, columns); }
  // At most to the start of the next row.
  void skip(int64_t count, const Axis& rows, const Axis& columns) {
    column += count;
    if (column < columns.points) return;
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

  // Pointers to what each tap of the next `count` points reads, `stride` pointers from one tap to the
  // next; `outside` where that is no pixel. The points of a row together, for vectors of pointers.
  CLESSIDRA_FUNCTION void find_taps(Point& point, int64_t count, const float* outside,
                                    const float** to, int64_t stride) const {
    const int64_t step = columns.source_step * depth;
    while (count > 0) {
      const int64_t together = std::min(count, columns.points - point.column);
      const int64_t top = point.row * rows.source_step + rows.first_offset;
      const int64_t left = point.column * columns.source_step + columns.first_offset;
      const float** tap = to;
      for (int64_t r = 0; r < rows.taps; ++r) {
        const int64_t y = top + r * rows.offset_step;
        const bool row_inside = y >= 0 && y < rows.source_size;
        const float* const line =
            images + (point.image * rows.source_size + y) * columns.source_size * depth;
        for (int64_t s = 0; s < columns.taps; ++s, tap += stride) {
          const int64_t x = left + s * columns.offset_step;
          const uint64_t size = row_inside ? columns.source_size : 0;
          const float* const pixel = line + x * depth;
          for (int64_t i = 0; i < together; ++i) {
            const bool inside = static_cast<uint64_t>(x + i * columns.source_step) < size;
            tap[i] = inside ? pixel + i * step : outside;
          }
        }
      }
      to += together;
      count -= together;
      point.skip(together, rows, columns);
    }
  }

  // Copies the channels of all taps of the next `count` points, `stride` floats from one point to the
  // next, `tap_stride` from one tap to the next.
  CLESSIDRA_FUNCTION void copy_taps(Point& point, int64_t count, float* to, int64_t stride,
                                    int64_t tap_stride) const {
    if (columns.offset_step == 1 && tap_stride == depth) {
      copy_runs(point, count, to, stride);
      return;
    }
    for (; count > 0; --count, to += stride, point.advance(rows, columns)) {
      for_taps(point, [&](int64_t tap, const float* pixel) {
        copy(pixel, pixel == nullptr ? 0 : depth, to + tap * tap_stride, depth);
      });
    }
  }

  // The same where the taps of a row of the filter read adjacent pixels and stay adjacent.
  CLESSIDRA_FUNCTION void copy_runs(Point& point, int64_t count, float* to, int64_t stride) const {
    const int64_t run = columns.taps * depth;
    const int64_t step = columns.source_step;
    while (count > 0) {
      const int64_t together = std::min(count, columns.points - point.column);
      const int64_t left = point.column * step + columns.first_offset;
      // Points [first, last) read nothing to the left or right of the image.
      const int64_t room = columns.source_size - columns.taps - left;
      const int64_t last = room < 0 ? 0 : std::min(together, room / step + 1);
      const int64_t first = left < 0 ? std::min(last, ceil_div(-left, step)) : 0;
      int64_t y = point.row * rows.source_step + rows.first_offset;
      for (int64_t r = 0; r < rows.taps; ++r, y += rows.offset_step) {
        float* const row_to = to + r * run;
        const bool inside = y >= 0 && y < rows.source_size;
        const int64_t line = (point.image * rows.source_size + y) * columns.source_size + left;
        const auto copy_part = [&](int64_t i) {
          const int64_t x = left + i * step;
          const int64_t from = std::clamp<int64_t>(-x, 0, columns.taps);
          const int64_t end = std::clamp<int64_t>(columns.source_size - x, from, columns.taps);
          float* const point_to = row_to + i * stride;
          copy(nullptr, 0, point_to, from * depth);
          copy(images + (line + i * step + from) * depth, inside ? (end - from) * depth : 0,
               point_to + from * depth, run - from * depth);
        };
        for (int64_t i = 0; i < (inside ? first : together); ++i) copy_part(i);
        if (!inside) continue;
        const float* const from = images + line * depth;
        if (run <= kLanes) {
          for (int64_t i = first; i < last; ++i) {
            store_part(row_to + i * stride, load_part(from + i * step * depth, run), run);
          }
        } else {
          for (int64_t i = first; i < last; ++i) {
            copy(from + i * step * depth, run, row_to + i * stride, run);
          }
        }
        for (int64_t i = last; i < together; ++i) copy_part(i);
      }
      to += together * stride;
      count -= together;
      point.skip(together, rows, columns);
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
  const float* zeros;   // as many as the source has channels, in a line if swept

  int64_t taps() const { return rows.taps * columns.taps; }
  int64_t depth() const { return sources.depth(); }
  bool copied() const { return depth() <= kFewChannels && taps() > 1; }
  // The first point of row `row` of all images, and floats from one point to the next.
  float* target_row(int64_t row) const {
    const int64_t y = rows.target_first + row % rows.points * rows.target_step;
    const int64_t line = row / rows.points * target_height + y;
    return target + (line * target_width + columns.target_first) * panels.columns;
  }
  int64_t target_stride() const { return columns.target_step * panels.columns; }
  int64_t points() const { return images * rows.points * columns.points; }
  bool small() const { return points() * panels.columns * taps() * depth() < kSmall; }
  bool plain() const { return bias == nullptr && activation == CLESSIDRA_IDENTITY; }
  Source source(int64_t part) const {
    return {rows, columns, sources.images[part], sources.depths[part]};
  }
  int64_t tile_rows() const { return kPixelRows[panels.vectors() - 1]; }
  // Where the packed filter has a tap's channel: if swept, beside that of the row's other taps.
  int64_t place(int64_t tap, int64_t channel) const {
    if (!swept()) return tap * depth() + channel;
    return (tap / columns.taps * depth() + channel) * columns.taps + tap % columns.taps;
  }
  // Whether pixels are in the lanes.
  bool transposed() const {
    return panels.columns <= kFewColumns && taps() > 0 && columns.source_step == 1 &&
           columns.points >= kLanePoints;
  }
  // Whether neighbouring pixels of the source are neighbouring taps of a row of the filter.
  bool swept() const {
    return !transposed() && panels.width == kLanes && rows.taps > 0 && columns.taps == kSweptTaps &&
           columns.source_step == 1 && (columns.offset_step == 1 || columns.offset_step == -1);
  }
};

// targets[i] = seed * targets[i] + sources x b for R pixels and `columns` channels,
// V = ceil(columns / kLanes). A run are neighbouring floats, depth of them in the first run, third,
// ..., next_depth in the others. sources: [runs][stride], b: [floats of all runs][V * kLanes]. Every
// loop over the tile is unrolled, or the sums would not stay in registers.
template <int R, int V>
void multiply_tile(int64_t runs, int64_t depth, int64_t next_depth, const float* const* sources,
                   int64_t stride, const float* b, float* const* targets, int64_t first_column, int64_t columns,
                   float seed) {
  Vec sum[R][V];
  const int64_t last = columns - (V - 1) * kLanes;
  const Vec factor = broadcast(seed);
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const float* const p = targets[i] + first_column + v * kLanes;
      sum[i][v] = Vec{};
      if (seed != 0.0f) sum[i][v] = factor * load_columns(p, v < V - 1 ? kLanes : last);
    }
  }
  for (int64_t run = 0; run < runs; ++run, sources += stride) {
    const float* a[R];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) a[i] = sources[i];
    for (int64_t p = 0; p < depth; ++p, b += V * kLanes) {
      Vec row[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
        const Vec element = broadcast(a[i][p]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
      }
    }
    std::swap(depth, next_depth);
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* const p = targets[i] + first_column + v * kLanes;
      store_columns(p, sum[i][v], v < V - 1 ? kLanes : last);
    }
  }
}

using Tile = void (*)(int64_t runs, int64_t depth, int64_t next_depth,
                      const float* const* sources, int64_t stride, const float* b,
                      float* const* targets, int64_t first_column, int64_t columns, float seed);
constexpr Tile kTiles[][kVectors] = CLESSIDRA_ALL_TILES(multiply_tile, kPixelRows);

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

// The pointers of points [begin, end): of each tile, targets[rows] and pointers to what a tap reads of
// each source, sources[taps][1 or 2][rows], or sources[1][rows] to copies of all taps, which need
// `patches`.
void find_pixels(const Product& g, int64_t begin, int64_t end, const float** sources,
                 float** targets, float* patches) {
  const int64_t parts = g.sources.count();
  const int64_t taps = g.taps();
  const int64_t tile_rows = g.tile_rows();
  Point point(begin, g.rows, g.columns);
  for (int64_t left = end - begin; left > 0;) {
    const int64_t together = std::min(left, g.columns.points - point.column);
    const int64_t stride = g.target_stride();
    float* target = g.target_row(point.image * g.rows.points + point.row) + point.column * stride;
    for (int64_t i = 0; i < together; ++i, target += stride) *targets++ = target;
    left -= together;
    point.skip(together, g.rows, g.columns);
  }
  const int64_t patch = taps * g.depth();
  for (int64_t part = 0, first_channel = 0; part < parts; ++part) {
    const Source source = g.source(part);
    Point next(begin, g.rows, g.columns);
    if (g.copied()) {
      source.copy_taps(next, end - begin, patches + first_channel, patch, g.depth());
      first_channel += source.depth;
      continue;
    }
    const float** to = sources + part * tile_rows;
    for (int64_t i = begin; i < end; i += tile_rows, to += taps * parts * tile_rows) {
      source.find_taps(next, std::min(tile_rows, end - i), g.zeros, to, parts * tile_rows);
    }
  }
  if (!g.copied()) return;
  for (int64_t i = 0; i < end - begin; ++i) sources[i] = patches + i * patch;
}

// Points [begin, end) and panels [first, last).
void multiply_block(const Product& g, int64_t begin, int64_t end, int64_t first, int64_t last) {
  const int64_t taps = g.copied() ? 1 : g.taps();
  const int64_t depth = g.copied() ? g.taps() * g.depth() : g.depth();
  const int64_t parts = g.copied() ? 1 : g.sources.count();
  const int64_t tile_rows = g.tile_rows();
  const int64_t tiles = ceil_div(end - begin, tile_rows);
  const int64_t target_floats = tiles * tile_rows * kPointerFloats;
  const int64_t pointer_floats = target_floats * (taps * parts + 1);
  float* const memory = thread_scratch(
      Scratch::kPrivate, pointer_floats + (g.copied() ? tiles * tile_rows * depth : 0));
  auto** const targets = reinterpret_cast<float**>(memory);
  auto** const sources = reinterpret_cast<const float**>(memory + target_floats);
  find_pixels(g, begin, end, sources, targets, memory + pointer_floats);
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
        const int64_t rows = std::min(tile_rows, end - begin - tile * tile_rows);
        kTiles[rows - 1][width / kLanes - 1](
            slice * parts, parts == 1 ? depth : g.sources.depths[0],
            parts == 1 ? depth : g.sources.depths[1],
            sources + (tile * taps + tap) * parts * tile_rows, tile_rows,
            b + tap * depth * width, targets + tile * tile_rows, column, columns, tap == 0 ? g.seed : 1.0f);
        if (complete && !g.plain()) finish_tile(g, targets + tile * tile_rows, rows, column, columns);
      }
    }
  }
}

// A row of the filter and a strip of rows of the target, in the order of the pixels that it reads.
struct Sweep {
  int64_t points, target_step;  // floats from one point to the next
  float* const* targets;        // the first point of each row
  int64_t columns;
  float seed;
  int64_t pixel, pixel_step, pixels;  // the first pixel of a line to read, of so many that there are
  int64_t parts, depths[2];
  const float* const* lines;  // [parts][rows]
  const float* zeros;
  const float* b;  // [depth][kSweptTaps][kLanes]
};

// targets[i] = seed * targets[i] + source taps x b for R rows. A pixel's channel is broadcast once for
// the points that read it, at tap 0, 1, ...: each point passes through the columns of sum[i].
template <int R>
void sweep_tile(const Sweep& s) {
  constexpr int kTaps = kSweptTaps;
  Vec sum[R][kTaps] = {};
  int64_t pixel = s.pixel;
  for (int64_t step = 0; step < s.points + kTaps - 1; ++step, pixel += s.pixel_step) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (int t = kTaps - 1; t > 0; --t) sum[i][t] = sum[i][t - 1];
      sum[i][0] = Vec{};
    }
    if (s.seed != 0.0f && step < s.points) {
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
        sum[i][0] = broadcast(s.seed) * load_part(s.targets[i] + step * s.target_step, s.columns);
      }
    }
    const bool inside = pixel >= 0 && pixel < s.pixels;
    const float* b = s.b;
    for (int64_t part = 0; part < s.parts; ++part) {
      const int64_t depth = s.depths[part];
      const float* a[R];
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
        a[i] = inside ? s.lines[part * R + i] + pixel * depth : s.zeros;
      }
      for (int64_t p = 0; p < depth; ++p, b += kTaps * kLanes) {
        Vec row[kTaps];
#pragma GCC unroll 4
        for (int t = 0; t < kTaps; ++t) row[t] = load(b + t * kLanes);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
          const Vec element = broadcast(a[i][p]);
#pragma GCC unroll 4
          for (int t = 0; t < kTaps; ++t) sum[i][t] = fma(element, row[t], sum[i][t]);
        }
      }
    }
    if (step < kTaps - 1) continue;
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      store_part(s.targets[i] + (step - kTaps + 1) * s.target_step, sum[i][kTaps - 1], s.columns);
    }
  }
}

constexpr int kSweptRows = kPixelRows[kVectors - 1];
constexpr void (*kSweeps[])(const Sweep&) = {
    sweep_tile<1>, sweep_tile<2>, sweep_tile<3>, sweep_tile<4>,
#if defined(__AVX512F__)
    sweep_tile<5>, sweep_tile<6>, sweep_tile<7>, sweep_tile<8>,
#endif
};
static_assert(std::size(kSweeps) == kSweptRows);

// Points [begin, end) of rows [first, last) of all images, at most kSweptPoints of kSweptRows.
void sweep_strip(const Product& g, int64_t first, int64_t last, int64_t begin, int64_t end) {
  const bool forward = g.columns.offset_step > 0;
  const int64_t start = forward ? begin : end - 1;
  const int64_t rows = last - first;
  const int64_t step = g.target_stride();
  float* targets[kSweptRows];
  const float* lines[2 * kSweptRows];
  for (int64_t i = 0; i < rows; ++i) targets[i] = g.target_row(first + i) + start * step;
  for (int64_t r = 0; r < g.rows.taps; ++r) {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t image = (first + i) / g.rows.points;
      const int64_t y = (first + i) % g.rows.points * g.rows.source_step + g.rows.first_offset +
                        r * g.rows.offset_step;
      const int64_t line = (image * g.rows.source_size + y) * g.columns.source_size;
      for (int64_t part = 0; part < g.sources.count(); ++part) {
        lines[part * rows + i] = y >= 0 && y < g.rows.source_size
                                     ? g.sources.images[part] + line * g.sources.depths[part]
                                     : g.zeros;
      }
    }
    kSweeps[rows - 1]({end - begin, forward ? step : -step, targets, g.panels.columns,
                       r == 0 ? g.seed : 1.0f, start + g.columns.first_offset,
                       g.columns.offset_step, g.columns.source_size, g.sources.count(),
                       {g.sources.depths[0], g.sources.depths[1]}, lines, g.zeros,
                       g.packed + r * g.depth() * kSweptTaps * kLanes});
  }
  if (g.plain()) return;
  for (int64_t i = 0; i < rows; ++i) {
    float* points[kSweptPoints];
    for (int64_t point = 0; point < end - begin; ++point) {
      points[point] = targets[i] + point * (forward ? step : -step);
    }
    finish_tile(g, points, end - begin, 0, g.panels.columns);
  }
}

// Transposed lines of one image: [line][depth][pixels].
struct Transposed {
  const float* lines;
  int64_t pixels;
  int64_t tap_step, row_step;       // lines from one tap, and from one row of the target, to the next
  int64_t first_line, first_pixel;  // that tap 0 of the first point reads
};

// sums[row][column] += source taps x filter for `rows` rows of K columns, a vector of points each;
// those after the last row are like it.
template <int K>
void lane_tile(const Product& g, const Transposed& t, int64_t rows, float* sums) {
  constexpr int R = kSweptRows;
  const int64_t depth = g.depth();
  Vec sum[R][K];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) sum[i][k] = load(sums + (i * K + k) * kLanes);
  }
  const float* b = g.packed;
  for (int64_t r = 0; r < g.rows.taps; ++r) {
    for (int64_t s = 0; s < g.columns.taps; ++s) {
      const float* a[R];
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
        const int64_t line =
            t.first_line + std::min<int64_t>(i, rows - 1) * t.row_step + r * t.tap_step;
        a[i] = t.lines + line * depth * t.pixels + t.first_pixel + s * g.columns.offset_step;
      }
      int64_t pixel = 0;
      for (int64_t p = 0; p < depth; ++p, b += kLanes, pixel += t.pixels) {
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
          const Vec element = load(a[i] + pixel);
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) sum[i][k] = fma(element, broadcast(b[k]), sum[i][k]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) store(sums + (i * K + k) * kLanes, sum[i][k]);
  }
}

constexpr void (*kLaneTiles[])(const Product&, const Transposed&, int64_t, float*) = {
    lane_tile<1>, lane_tile<2>, lane_tile<3>};
static_assert(std::size(kLaneTiles) == kFewColumns);

// Points [begin, end) of rows [first, last) of all images, which are of one image.
void transposed_strip(const Product& g, int64_t first, int64_t last, int64_t begin, int64_t end) {
  const int64_t depth = g.depth();
  const int64_t count = g.panels.columns;
  const int64_t rows = last - first;
  const int64_t image = first / g.rows.points;
  const int64_t down = (g.rows.taps - 1) * g.rows.offset_step;
  const int64_t across = (g.columns.taps - 1) * g.columns.offset_step;
  const int64_t top = first % g.rows.points * g.rows.source_step + g.rows.first_offset +
                      std::min<int64_t>(down, 0);
  const int64_t left = begin + g.columns.first_offset + std::min<int64_t>(across, 0);
  const int64_t height = (rows - 1) * g.rows.source_step + std::abs(down) + 1;
  const int64_t width = rounded_up(end - begin, kLanes) + std::abs(across);
  const int64_t inside = std::clamp<int64_t>(-left, 0, width);
  const int64_t outside = std::clamp<int64_t>(g.columns.source_size - left, inside, width);
  float* const lines = thread_scratch(Scratch::kPrivate, height * depth * width);
  // All of it: only some ends of lines are outside, but they are short.
  std::fill_n(lines, height * depth * width, 0.0f);
  for (int64_t y = 0; y < height; ++y) {
    if (top + y < 0 || top + y >= g.rows.source_size) continue;
    const int64_t line = image * g.rows.source_size + top + y;
    const int64_t pixel = line * g.columns.source_size + left + inside;
    for (int64_t part = 0; part < g.sources.count(); ++part) {
      const int64_t channels = g.sources.depths[part];
      transpose(g.sources.images[part] + pixel * channels, channels, outside - inside, channels,
                lines + (y * depth + part * g.sources.depths[0]) * width + inside, width);
    }
  }
  const int64_t stride = g.target_stride();
  const Vec leak = broadcast(g.slope);
  for (int64_t point = begin; point < end; point += kLanes) {
    const int64_t points = std::min<int64_t>(kLanes, end - point);
    float sums[kSweptRows * kFewColumns * kLanes] = {};
    // Calls body(sum, target element) for each.
    const auto for_elements = [&](const auto& body) {
      for (int64_t i = 0; i < rows; ++i) {
        float* const row = g.target_row(first + i) + point * stride;
        for (int64_t k = 0; k < count; ++k) {
          for (int64_t lane = 0; lane < points; ++lane) {
            body(sums[(i * count + k) * kLanes + lane], row[lane * stride + k]);
          }
        }
      }
    };
    if (g.seed != 0.0f) for_elements([&](float& sum, float& y) { sum = g.seed * y; });
    const Transposed transposed{lines, width, g.rows.offset_step, g.rows.source_step,
                                std::max<int64_t>(-down, 0),
                                std::max<int64_t>(-across, 0) + point - begin};
    kLaneTiles[count - 1](g, transposed, rows, sums);
    with_activation(g.activation, [&](auto f) {
      for (int64_t i = 0; i < rows * count; ++i) {
        Vec x = load(sums + i * kLanes);
        if (g.bias != nullptr) x += broadcast(g.bias[i % count]);
        store(sums + i * kLanes, activate<f>(x, leak));
      }
    });
    for_elements([](float& sum, float& y) { y = sum; });
  }
}

// Calls body(first, last, begin, end) for points [begin, end) of rows [first, last) of all images, at
// most kSweptPoints of kSweptRows, until they were all; rows of one call lie in one group of
// `together` rows.
template <class Body>
void for_strips_of_rows(ThreadPool& threads, const Product& g, int64_t together, const Body& body) {
  const int64_t groups = ceil_div(together, kSweptRows);
  const int64_t strips = ceil_div(g.columns.points, kSweptPoints);
  const int64_t points = ceil_div(g.columns.points, strips);
  const int64_t tasks = g.images * g.rows.points / together * groups * strips;
  threads.for_ranges(tasks, g.small() ? tasks : 1, [&](int64_t first_task, int64_t last_task) {
    for (int64_t task = first_task; task < last_task; ++task) {
      const int64_t group = task / strips;
      const int64_t end_row = (group / groups + 1) * together;
      const int64_t first = group / groups * together + group % groups * kSweptRows;
      const int64_t begin = task % strips * points;
      body(first, std::min(first + kSweptRows, end_row), begin,
           std::min(begin + points, g.columns.points));
    }
  });
}

void multiply(ThreadPool& threads, const Product& g) {
  const int64_t points = g.points();
  if (points == 0 || g.panels.count == 0) return;
  if (g.transposed()) {
    for_strips_of_rows(threads, g, g.rows.points,
                       [&](auto... strip) { transposed_strip(g, strip...); });
    return;
  }
  if (g.swept()) {
    for_strips_of_rows(threads, g, g.images * g.rows.points,
                       [&](auto... strip) { sweep_strip(g, strip...); });
    return;
  }
  if (g.small()) {
    for (int64_t begin = 0; begin < points; begin += kBlockPoints) {
      multiply_block(g, begin, std::min(begin + kBlockPoints, points), 0, g.panels.count);
    }
    return;
  }
  // About 8 tasks a thread, so that a thread that lost time leaves work to the others.
  const int64_t wanted = 8 * threads.threads();
  const int64_t block =
      std::min(kBlockPoints, rounded_up(ceil_div(points, wanted), g.tile_rows()));
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
  const int64_t zero_floats = g.swept() ? g.columns.source_size * depth : depth;
  float* const zeros = thread_scratch(Scratch::kShared, zero_floats + taps * depth * padded);
  float* const packed = zeros + zero_floats;
  std::fill_n(zeros, zero_floats, 0.0f);
  threads.for_each(padded / kLanes, [&](int64_t vector) {
    const int64_t column = vector * kLanes;
    const int64_t panel = column / g.panels.width;
    const int64_t width = rounded_up(g.panels.columns_of(panel), kLanes);
    const int64_t lanes = std::min<int64_t>(kLanes, g.panels.columns - column);
    float* const panel_start = packed + panel * g.panels.width * taps * depth + column % g.panels.width;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t r = g.rows.first_tap + tap / g.columns.taps * g.rows.tap_step;
      const int64_t s = g.columns.first_tap + tap % g.columns.taps * g.columns.tap_step;
      for (int64_t d = 0; d < depth; ++d) {
        const float* const from = element(r, s, d, column);
        float* const to = panel_start + g.place(tap, d) * width;
        for (int64_t i = 0; i < kLanes; ++i) to[i] = i < lanes ? from[i * stride] : 0.0f;
      }
    }
  });
  g.packed = packed;
  g.zeros = zeros;
  multiply(threads, g);
}

// The gradient of a filter: rows are filters, columns are channels of all taps (copied side by side
// for each pixel where the channels do not fill vectors), and the chain goes over pixels.
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
    for (int64_t part = 0; part < sources.count(); ++part) {
      const Source source{rows, columns, sources.images[part], sources.depths[part]};
      Point point(begin, rows, columns);
      if (copied) {
        for (int64_t i = 0; i < end - begin; ++i) pointers[i] = patches + i * row_floats;
        source.copy_taps(point, end - begin, patches + part * sources.depths[0], row_floats,
                         c.channels);
      } else {
        source.find_taps(point, end - begin, zeros, pointers + part * taps * stride, stride);
      }
    }
  }

  // Where the channels of vector j of a filter are read: which of a pixel's pointers, and how far on.
  struct Place {
    int64_t pointer, offset;
  };
  Place place(int64_t vector) const {
    const int64_t element = vector * kLanes;
    if (copied) return {0, element};
    const int64_t channel = element % c.channels;
    const int64_t part = channel < sources.depths[0] ? 0 : 1;
    return {part * taps + element / c.channels, channel - part * sources.depths[0]};
  }
};

// to = (seeded ? to : 0) + dy^T x for R filters and `columns` channels over some pixels; whole
// vectors of x are read, vector v of pixel p from x[v][p] + offsets[v].
template <int R, int V>
void filter_tile(int64_t pixels, const float* dy, int64_t dy_stride,
                 const float* const* const* x, const int64_t* offsets, float* to,
                 int64_t to_stride, int64_t columns, bool seeded) {
  Vec sum[R][V];
  const int64_t last = columns - (V - 1) * kLanes;
#pragma GCC unroll 16
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
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(x[v][p] + offsets[v]);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(dy[i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      store_columns(to + i * to_stride + v * kLanes, sum[i][v], v < V - 1 ? kLanes : last);
    }
  }
}

using FilterTile = void (*)(int64_t pixels, const float* dy, int64_t dy_stride,
                            const float* const* const* x, const int64_t* offsets, float* to,
                            int64_t to_stride, int64_t columns, bool seeded);
constexpr FilterTile kFilterTiles[][kVectors] = CLESSIDRA_ALL_TILES(filter_tile, kFilterRows);

// The chunk's result for filters [first, last).
void chunk_gradient(const FilterGradient& g, int64_t chunk, int64_t first, int64_t last) {
  const clessidra_conv2d_backward_filter& c = g.c;
  const int64_t row_elements = g.taps * c.channels;
  float* const result = c.workspace + chunk * c.filters * row_elements;
  const int64_t begin = chunk * g.chunk;
  const int64_t end = std::min(begin + g.chunk, g.pixels);
  // One column of pointers for each tap of each source, or a single one to the copied taps.
  const int64_t block = std::clamp<int64_t>(
      g.copied ? kPatchFloats / g.row_floats : kGradientFloats / (last - first),
      kFewPixels, kFilterPixels);
  const int64_t groups = g.copied ? 1 : g.taps * g.sources.count();
  const int64_t pointer_floats = rounded_up(groups * block * kPointerFloats, kLanes);
  float* const memory =
      thread_scratch(Scratch::kPrivate, pointer_floats + (g.copied ? block * g.row_floats : 0));
  auto** const pointers = reinterpret_cast<const float**>(memory);
  float* const patches = memory + pointer_floats;
  // Of each pixel the lanes after its taps stay zero.
  if (g.copied) std::fill_n(patches, block * g.row_floats, 0.0f);
  const Panels panels(row_elements);
  for (int64_t pixel = begin; pixel < end; pixel += block) {
    const int64_t pixels = std::min(block, end - pixel);
    g.find_pixels(pixel, pixel + pixels, pointers, block, patches);
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      const int64_t column = panel * panels.width;
      const int64_t columns = panels.columns_of(panel);
      const int64_t vectors = ceil_div(columns, kLanes);
      const float* const* x[kVectors];
      int64_t offsets[kVectors];
      for (int64_t v = 0; v < vectors; ++v) {
        const FilterGradient::Place place = g.place(panel * panels.vectors() + v);
        x[v] = pointers + place.pointer * block;
        offsets[v] = place.offset;
      }
      const int64_t tile_rows = kFilterRows[vectors - 1];
      for (int64_t k = first; k < last; k += tile_rows) {
        const int64_t rows = std::min(tile_rows, last - k);
        kFilterTiles[rows - 1][vectors - 1](
            pixels, c.dy + pixel * c.filters + k, c.filters, x, offsets,
            result + k * row_elements + column, row_elements, columns, pixel > begin);
      }
    }
  }
}

}  // namespace

void conv2d(ThreadPool& threads, const clessidra_conv2d& c) {
  if (c.algorithm == CLESSIDRA_WINOGRAD) return winograd_conv2d(threads, c);
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
  if (c.algorithm == CLESSIDRA_WINOGRAD) return winograd_conv2d_backward_data(threads, c);
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
  if (c.algorithm == CLESSIDRA_WINOGRAD) return winograd_conv2d_backward_filter(threads, c);
  const int64_t elements = FilterGradient::elements(c);
  if (elements == 0) return;
  FilterGradient g(c);
  float* const zeros = thread_scratch(Scratch::kShared, c.channels);
  std::fill_n(zeros, c.channels, 0.0f);
  g.zeros = zeros;
  const int64_t chunks = ceil_div(g.pixels, g.chunk);
  const int64_t wanted = g.pixels * elements < kSmall ? 1 : 8 * threads.threads();
  const int64_t row_elements = elements / c.filters;
  const int64_t fitting = std::max<int64_t>(1, kFilterFloats / row_elements);
  const int64_t rows = rounded_up(
      std::min(fitting, ceil_div(c.filters, ceil_div(wanted, std::max<int64_t>(1, chunks)))),
      kFilterRows[0]);
  const int64_t row_groups = ceil_div(c.filters, rows);
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
