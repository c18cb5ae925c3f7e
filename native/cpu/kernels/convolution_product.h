// What the forms of direct convolutions share: the product that a convolution is, forward or backward
// for the data, where its points lie, and how a tile of it is finished.
#ifndef CLESSIDRA_CPU_CONVOLUTION_PRODUCT_H
#define CLESSIDRA_CPU_CONVOLUTION_PRODUCT_H

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "../thread_pool.h"
#include "activation.h"
#include "tiles.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// Rows of a tile of one, two and three vectors: as many pixels as have their pointers in registers.
// 8 x 48 fills 24 of 32 AVX-512 registers, 4 x 24 fills 12 of 16 AVX2 registers; narrower tiles have
// more rows, for as many independent sums.
#if defined(__AVX512F__)
constexpr int kPixelRows[kVectors] = {10, 10, 8};
#else
constexpr int kPixelRows[kVectors] = {6, 6, 4};
#endif
// Rows that are swept or multiplied together, and points of each that a strip has at most, whose sums wait
// in the first-level cache.
constexpr int kStripRows = kPixelRows[kVectors - 1];
constexpr int64_t kStripPoints = 64;
// Filter columns that one broadcast of a swept pixel serves.
constexpr int kSweptTaps = 3;
// Channels up to which images are copied with zeros around, and up to which pixels are in the lanes,
// for rows of so many points.
constexpr int64_t kFewSourceChannels = 8;
constexpr int64_t kFewTargetChannels = 3;
constexpr int64_t kLanePoints = kLanes / 2;
// Below this many multiply-adds another thread costs more than it brings.
constexpr int64_t kSmall = 1 << 16;
// The room that a pointer takes in scratch memory.
constexpr int64_t kPointerFloats = sizeof(void*) / sizeof(float);

// One dimension of a convolution: the points of the target along it, and what its taps read.
struct Axis {
  int64_t points, target_first, target_step;  // point i is target pixel target_first + i * step
  int64_t taps, first_tap, tap_step;          // tap t is filter row first_tap + t * step
  // Tap t of point i reads source pixel i * source_step + first_offset + t * offset_step.
  int64_t source_size, source_step, first_offset, offset_step;

  // Whether the lines from the first point's first tap to the last one's last are not many more than
  // those that taps read.
  bool is_dense() const {
    return source_step <= 2 * taps && (taps - 1) * std::abs(offset_step) <= source_size;
  }
};

inline Axis forward_axis(int64_t size, int64_t output, int64_t filter, int64_t stride,
                         int64_t padding, int64_t dilation) {
  return {output, 0, 1, filter, 0, 1, size, stride, -padding, dilation};
}

// The pixels phase, phase + stride, ... of an image whose gradient is wanted.
inline Axis backward_axis(int64_t size, int64_t output, int64_t filter, int64_t stride,
                          int64_t padding, int64_t dilation, int64_t phase) {
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
  bool few_source_channels() const {
    return depth() <= kFewSourceChannels && taps() > 1 && rows.is_dense() && columns.is_dense();
  }
  bool few_target_channels() const {
    return panels.columns <= kFewTargetChannels && columns.source_step == 1 &&
           columns.points >= kLanePoints;
  }
  // The first point of row `row` of all images, and floats from one point to the next.
  float* target_row(int64_t row) const {
    const int64_t y = rows.target_first + row % rows.points * rows.target_step;
    const int64_t line = row / rows.points * target_height + y;
    return target + (line * target_width + columns.target_first) * panels.columns;
  }
  int64_t target_stride() const { return columns.target_step * panels.columns; }
  int64_t points() const { return images * rows.points * columns.points; }
  int64_t multiply_adds() const { return points() * panels.columns * taps() * depth(); }
  bool small() const { return multiply_adds() < kSmall; }
  bool plain() const { return bias == nullptr && activation == CLESSIDRA_IDENTITY; }
  int64_t tile_rows() const { return kPixelRows[panels.vectors() - 1]; }
  // Whether neighbouring pixels of the source are neighbouring taps of a row of the filter.
  bool swept() const {
    return panels.width == kLanes && rows.taps > 0 && columns.taps == kSweptTaps &&
           columns.source_step == 1 && std::abs(columns.offset_step) == 1;
  }
};

// The products of all phases of a stride, [phases of rows][phases of columns].
struct Phases {
  std::vector<Product> products;
  int64_t rows, columns;

  const Product& at(int64_t row, int64_t column) const { return products[row * columns + column]; }
};

// Bias and activation for a tile that is complete and still in the cache.
inline void finish_tile(const Product& g, float* const* targets, int64_t rows,
                        int64_t first_column, int64_t columns) {
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

// sum[i] = seed * row(i), a pointer to `columns` floats; +0 without a seed.
template <int R, int V, class Row>
CLESSIDRA_FUNCTION void seed_tile(Vec (&sum)[R][V], float seed, int64_t columns, const Row& row) {
  const int64_t last = columns - (V - 1) * kLanes;
  const Vec factor = broadcast(seed);
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sum[i][v] = Vec{};
      if (seed == 0.0f) continue;
      sum[i][v] = factor * load_columns(row(i) + v * kLanes, v < V - 1 ? kLanes : last);
    }
  }
}
// row(i) = sum[i].
template <int R, int V, class Row>
CLESSIDRA_FUNCTION void store_tile(const Vec (&sum)[R][V], int64_t columns, const Row& row) {
  const int64_t last = columns - (V - 1) * kLanes;
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      store_columns(row(i) + v * kLanes, sum[i][v], v < V - 1 ? kLanes : last);
    }
  }
}

// The first channel of points [begin, end).
inline void find_targets(const Product& g, int64_t begin, int64_t end, float** targets) {
  Point point(begin, g.rows, g.columns);
  for (int64_t left = end - begin; left > 0;) {
    const int64_t together = std::min(left, g.columns.points - point.column);
    const int64_t stride = g.target_stride();
    float* target = g.target_row(point.image * g.rows.points + point.row) + point.column * stride;
    for (int64_t i = 0; i < together; ++i, target += stride) *targets++ = target;
    left -= together;
    point.skip(together, g.rows, g.columns);
  }
}

// Calls body(first, last, begin, end) for points [begin, end) of rows [first, last) of all images, at
// most kStripPoints of so many rows, until they were all; rows of one call lie in one group of
// `together` rows; all in one task if `small`.
template <class Body>
void for_strips_of_rows(ThreadPool& threads, const Product& g, int64_t together, int64_t most_rows,
                        bool small, const Body& body) {
  const int64_t groups = ceil_div(together, most_rows);
  const int64_t strips = ceil_div(g.columns.points, kStripPoints);
  const int64_t points = ceil_div(g.columns.points, strips);
  const int64_t tasks = g.images * g.rows.points / together * groups * strips;
  threads.for_ranges(tasks, small ? tasks : 1, [&](int64_t first_task, int64_t last_task) {
    for (int64_t task = first_task; task < last_task; ++task) {
      const int64_t group = task / strips;
      const int64_t end_row = (group / groups + 1) * together;
      const int64_t first = group / groups * together + group % groups * most_rows;
      const int64_t begin = task % strips * points;
      body(first, std::min(first + most_rows, end_row), begin,
           std::min(begin + points, g.columns.points));
    }
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
