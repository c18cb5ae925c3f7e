// Convolutions as matrix products whose left operand is never stored: the rows are pixels, read
// through an array of pointers, one a tap, of which those outside the image point to zeros (Dukhan,
// "The Indirect Convolution Algorithm", 2019). So any size, stride, padding and dilation is the same
// loop.
//
// Forward, and backward for the data:
//   block of pixels x group of panels, one task, taken by any thread
//     panel of the filter (taps x depth x up to kVectors vectors of columns), packed for all
//       slice of taps, whose part of the panel stays in the second-level cache
//         tile (kPixelRows pixels x the panel's columns) in registers
// Backward for the data with a stride is one such product for each phase of the stride: the pixels of
// a phase all have the same taps. A 2 x 2 transposed convolution of stride 2 so becomes four
// products without a gap between their rows.
//
// One vector of columns has a load for every multiply-add. With filters 3 taps wide and no stride,
// rows are swept instead: a pixel is read once for the three points next to it.
//
// Convolutions from and to images of few channels are in few_channels.cpp, those by Winograd's
// algorithm in winograd.cpp.
#include "clessidra/convolution.h"

#include "../scratch.h"
#include "convolution_product.h"
#include "few_channels.h"
#include "kernel_table.h"
#include "winograd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Rows of a tile of a filter's gradient, of one, two and three vectors.
#if defined(__AVX512F__)
constexpr int kFilterRows[kVectors] = {16, 8, 8};
#else
constexpr int kFilterRows[kVectors] = {8, 4, 4};
#endif
constexpr int64_t kSliceDepth = 768;
constexpr int64_t kBlockPoints = 512;
// Pixels that a task of the filter's gradient looks at together, and floats of their gradients and
// copied taps, which share the first-level cache.
constexpr int64_t kFewPixels = 16;
constexpr int64_t kFilterPixels = 128;
constexpr int64_t kGradientFloats = 1 << 12;
constexpr int64_t kPatchFloats = 1 << 14;
// Floats of the filter's gradient that a task adds to, which stay in the second-level cache.
constexpr int64_t kFilterFloats = 48 << 10;

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
    for (; count > 0; --count, to += stride, point.skip(1, rows, columns)) {
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

// targets[i] = seed * targets[i] + sources x b for R pixels and `columns` channels,
// V = ceil(columns / kLanes). A run are neighbouring floats, depth of them in the first run, third,
// ..., next_depth in the others. sources: [runs][stride], b: [floats of all runs][V * kLanes]. Every
// loop over the tile is unrolled, or the sums would not stay in registers.
template <int R, int V>
void multiply_tile(int64_t runs, int64_t depth, int64_t next_depth, const float* const* sources,
                   int64_t stride, const float* b, float* const* targets, int64_t first_column, int64_t columns,
                   float seed) {
  const auto target = [=](int i) { return targets[i] + first_column; };
  Vec sum[R][V];
  seed_tile(sum, seed, columns, target);
  for (int64_t run = 0; run < runs; ++run, sources += stride) {
    const float* a[R];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) a[i] = sources[i];
#pragma GCC unroll 4
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
  store_tile(sum, columns, target);
}

using Tile = void (*)(int64_t runs, int64_t depth, int64_t next_depth,
                      const float* const* sources, int64_t stride, const float* b,
                      float* const* targets, int64_t first_column, int64_t columns, float seed);
constexpr Tile kTiles[][kVectors] = CLESSIDRA_ALL_TILES(multiply_tile, kPixelRows);

// Points [begin, end) and panels [first, last).
void multiply_block(const Product& g, int64_t begin, int64_t end, int64_t first, int64_t last) {
  if (g.few_source_channels()) return multiply_few_source_channels(g, begin, end, first, last);
  const int64_t taps = g.taps();
  const int64_t depth = g.depth();
  const int64_t parts = g.sources.count();
  const int64_t tile_rows = g.tile_rows();
  const int64_t tiles = ceil_div(end - begin, tile_rows);
  // Of each tile, targets[rows] and what a tap reads of each source, sources[taps][parts][rows].
  float* const memory = thread_scratch(
      Scratch::kPrivate, tiles * tile_rows * (taps * parts + 1) * kPointerFloats);
  auto** const targets = reinterpret_cast<float**>(memory);
  auto** const sources = const_cast<const float**>(targets) + tiles * tile_rows;
  find_targets(g, begin, end, targets);
  for (int64_t part = 0; part < parts; ++part) {
    const Source source{g.rows, g.columns, g.sources.images[part], g.sources.depths[part]};
    Point next(begin, g.rows, g.columns);
    const float** to = sources + part * tile_rows;
    for (int64_t i = begin; i < end; i += tile_rows, to += taps * parts * tile_rows) {
      source.find_taps(next, std::min(tile_rows, end - i), g.zeros, to, parts * tile_rows);
    }
  }
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
            slice * parts, g.sources.depths[0], g.sources.depths[parts - 1],
            sources + (tile * taps + tap) * parts * tile_rows, tile_rows, b + tap * depth * width,
            targets + tile * tile_rows, column, columns, tap == 0 ? g.seed : 1.0f);
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

constexpr void (*kSweeps[])(const Sweep&) = {
    sweep_tile<1>, sweep_tile<2>, sweep_tile<3>, sweep_tile<4>,
#if defined(__AVX512F__)
    sweep_tile<5>, sweep_tile<6>, sweep_tile<7>, sweep_tile<8>,
#endif
};
static_assert(std::size(kSweeps) == kStripRows);

// Points [begin, end) of rows [first, last) of all images, at most kStripPoints of kStripRows.
void sweep_strip(const Product& g, int64_t first, int64_t last, int64_t begin, int64_t end) {
  const bool forward = g.columns.offset_step > 0;
  const int64_t start = forward ? begin : end - 1;
  const int64_t rows = last - first;
  const int64_t step = g.target_stride();
  float* targets[kStripRows];
  const float* lines[2 * kStripRows];
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
    float* points[kStripPoints];
    for (int64_t point = 0; point < end - begin; ++point) {
      points[point] = targets[i] + point * (forward ? step : -step);
    }
    finish_tile(g, points, end - begin, 0, g.panels.columns);
  }
}

void multiply(ThreadPool& threads, const Product& g) {
  const int64_t points = g.points();
  if (points == 0 || g.panels.count == 0) return;
  if (g.swept()) {
    for_strips_of_rows(threads, g, g.images * g.rows.points, kStripRows, g.small(),
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

// Packs the filter: each panel's taps, or for a sweep its rows of taps, in which a channel lies beside
// that of the row's other taps. element(tap row, tap column, depth, column) is a pointer to an element
// of the filter whose neighbours along the columns are `stride` floats apart.
template <class Element>
void pack(ThreadPool& threads, const Product& g, bool swept, int64_t stride, const Element& element,
          float* packed) {
  const int64_t taps = g.taps();
  const int64_t depth = g.depth();
  threads.for_each(g.panels.padded_columns() / kLanes, [&](int64_t vector) {
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
        const int64_t place = swept ? (tap / g.columns.taps * depth + d) * g.columns.taps +
                                          tap % g.columns.taps
                                    : tap * depth + d;
        float* const to = panel_start + place * width;
        for (int64_t i = 0; i < kLanes; ++i) to[i] = i < lanes ? from[i * stride] : 0.0f;
      }
    }
  });
}

// Packs the filters and multiplies, all phases of a stride; `stride` and `element` as above.
template <class Element>
void pack_and_multiply(ThreadPool& threads, Phases phases, int64_t stride, const Element& element) {
  const auto packed_floats = [](const Product& g) {
    return g.taps() * g.depth() * g.panels.padded_columns();
  };
  if (phases.products[0].few_target_channels()) {
    int64_t floats = 0;
    for (const Product& g : phases.products) floats += packed_floats(g);
    float* packed = thread_scratch(Scratch::kShared, floats);
    for (Product& g : phases.products) {
      pack(threads, g, false, stride, element, packed);
      g.packed = packed;
      packed += packed_floats(g);
    }
    multiply_few_target_channels(threads, phases);
    return;
  }
  for (Product& g : phases.products) {
    const int64_t zero_floats = g.swept() ? g.columns.source_size * g.depth() : g.depth();
    float* const zeros = thread_scratch(Scratch::kShared, zero_floats + packed_floats(g));
    std::fill_n(zeros, zero_floats, 0.0f);
    pack(threads, g, g.swept(), stride, element, zeros + zero_floats);
    g.packed = zeros + zero_floats;
    g.zeros = zeros;
    multiply(threads, g);
  }
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

  // Filters are then in the lanes, so they have to fill them about as well as taps would.
  bool few_channels() const {
    const int64_t depth = taps * c.channels;
    return c.channels <= kFewSourceChannels && taps > 1 && rows.is_dense() && columns.is_dense() &&
           4 * rounded_up(c.filters, kLanes) * depth <= 5 * c.filters * rounded_up(depth, kLanes);
  }

  static int64_t elements(const clessidra_conv2d_backward_filter& c) {
    return int64_t{c.filters} * c.filter_height * c.filter_width * c.channels;
  }

  // The pointers of pixels [begin, end), `stride` apart for each tap of the first source, then of the
  // second.
  void find_pixels(int64_t begin, int64_t end, const float** pointers, int64_t stride) const {
    for (int64_t part = 0; part < sources.count(); ++part) {
      const Source source{rows, columns, sources.images[part], sources.depths[part]};
      Point point(begin, rows, columns);
      source.find_taps(point, end - begin, zeros, pointers + part * taps * stride, stride);
    }
  }

  // The taps of pixels [begin, end), side by side for each pixel.
  void copy_pixels(int64_t begin, int64_t end, float* to) const {
    for (int64_t part = 0; part < sources.count(); ++part) {
      const Source source{rows, columns, sources.images[part], sources.depths[part]};
      Point point(begin, rows, columns);
      source.copy_taps(point, end - begin, to + part * sources.depths[0], row_floats, c.channels);
    }
  }

  // Copies vectors [first, first + V) of the taps of pixels that find_pixels found: a tile would have
  // as many pointers to load as vectors.
  template <int V>
  void pack_vectors(int64_t pixels, const float* const* pointers, int64_t stride, int64_t first,
                    float* to) const {
    const float* const* pixel[V];
    int64_t offset[V];
    for (int v = 0; v < V; ++v) {
      const int64_t element = (first + v) * kLanes;
      const int64_t channel = element % c.channels;
      const int64_t part = channel < sources.depths[0] ? 0 : 1;
      pixel[v] = pointers + (part * taps + element / c.channels) * stride;
      offset[v] = channel - part * sources.depths[0];
    }
    for (int64_t p = 0; p < pixels; ++p, to += V * kLanes) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) store(to + v * kLanes, load(pixel[v][p] + offset[v]));
    }
  }
  static constexpr void (FilterGradient::*kPackVectors[])(int64_t, const float* const*, int64_t, int64_t,
                                                          float*) const = {
      &FilterGradient::pack_vectors<1>, &FilterGradient::pack_vectors<2>,
      &FilterGradient::pack_vectors<3>};
};

// to = (seeded ? to : 0) + dy^T x for R filters and `columns` channels over some pixels; whole
// vectors of x are read.
template <int R, int V>
void filter_tile(int64_t pixels, const float* dy, int64_t dy_stride, const float* x,
                 int64_t x_stride, float* to, int64_t to_stride, int64_t columns, bool seeded) {
  const auto filter = [=](int i) { return to + i * to_stride; };
  Vec sum[R][V];
  seed_tile(sum, seeded ? 1.0f : 0.0f, columns, filter);
#pragma GCC unroll 4
  for (int64_t p = 0; p < pixels; ++p, dy += dy_stride, x += x_stride) {
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(x + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(dy[i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
  }
  store_tile(sum, columns, filter);
}

using FilterTile = void (*)(int64_t pixels, const float* dy, int64_t dy_stride, const float* x,
                            int64_t x_stride, float* to, int64_t to_stride, int64_t columns,
                            bool seeded);
constexpr FilterTile kFilterTiles[][kVectors] = CLESSIDRA_ALL_TILES(filter_tile, kFilterRows);

// The chunk's result for filters [first, last).
void chunk_gradient(const FilterGradient& g, int64_t chunk, int64_t first, int64_t last) {
  const clessidra_conv2d_backward_filter& c = g.c;
  const int64_t row_elements = g.taps * c.channels;
  float* const result = c.workspace + chunk * c.filters * row_elements;
  const int64_t begin = chunk * g.chunk;
  const int64_t end = std::min(begin + g.chunk, g.pixels);
  if (g.few_channels()) {
    gradient_of_few_channels(g.rows, g.columns, g.sources, begin, end, c.dy + first, c.filters,
                             last - first, result + first * row_elements);
    return;
  }
  const int64_t block = std::clamp<int64_t>(
      g.copied ? kPatchFloats / g.row_floats : kGradientFloats / (last - first),
      kFewPixels, kFilterPixels);
  const Panels panels(row_elements);
  // Copied taps of pixels [pixels][row_floats], or pointers [sources][taps][pixels] to them and the
  // vectors of a panel [pixels][vectors].
  const int64_t pointer_floats =
      rounded_up(g.copied ? 0 : g.sources.count() * g.taps * block * kPointerFloats, kLanes);
  const int64_t x_stride = g.copied ? g.row_floats : panels.width;
  float* const memory = thread_scratch(Scratch::kPrivate, pointer_floats + block * x_stride);
  auto** const pointers = reinterpret_cast<const float**>(memory);
  float* const x = memory + pointer_floats;
  // Of each pixel the lanes after its taps stay zero.
  if (g.copied) std::fill_n(x, block * g.row_floats, 0.0f);
  for (int64_t pixel = begin; pixel < end; pixel += block) {
    const int64_t pixels = std::min(block, end - pixel);
    if (g.copied) {
      g.copy_pixels(pixel, pixel + pixels, x);
    } else {
      g.find_pixels(pixel, pixel + pixels, pointers, block);
    }
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      const int64_t column = panel * panels.width;
      const int64_t columns = panels.columns_of(panel);
      const int64_t vectors = ceil_div(columns, kLanes);
      if (!g.copied) {
        (g.*FilterGradient::kPackVectors[vectors - 1])(pixels, pointers, block, column / kLanes, x);
      }
      const int64_t tile_rows = kFilterRows[vectors - 1];
      for (int64_t k = first; k < last; k += tile_rows) {
        const int64_t rows = std::min(tile_rows, last - k);
        kFilterTiles[rows - 1][vectors - 1](
            pixels, c.dy + pixel * c.filters + k, c.filters, g.copied ? x + column : x,
            g.copied ? x_stride : vectors * kLanes, result + k * row_elements + column,
            row_elements, columns, pixel > begin);
      }
    }
  }
}

}  // namespace

void conv2d(ThreadPool& threads, const clessidra_conv2d& c) {
  if (c.algorithm == CLESSIDRA_WINOGRAD) return winograd_conv2d(threads, c);
  const int64_t taps = int64_t{c.filter_height} * c.filter_width;
  Product g{forward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                         c.padding_height, c.dilation_height),
            forward_axis(c.width, c.output_width, c.filter_width, c.stride_width,
                         c.padding_width, c.dilation_width),
            c.images,
            sources_of(c),
            c.y,
            c.output_height,
            c.output_width,
            Panels::without_single_vectors(c.filters),
            c.bias,
            c.activation,
            c.slope,
            c.beta,
            nullptr,
            nullptr};
  pack_and_multiply(threads, {{g}, 1, 1}, taps * c.channels,
                    [&](int64_t r, int64_t s, int64_t channel, int64_t k) {
                      return c.filter + (k * taps + r * c.filter_width + s) * c.channels + channel;
                    });
}

void conv2d_backward_data(ThreadPool& threads, const clessidra_conv2d_backward_data& c) {
  if (c.algorithm == CLESSIDRA_WINOGRAD) return winograd_conv2d_backward_data(threads, c);
  const int64_t first_channels = c.channels - c.second_channels;
  // The channels [first, first + channels), which are all those of dx.
  const auto multiply_channels = [&](float* dx, int64_t first, int64_t channels, float beta) {
    Phases phases{{}, std::min(c.stride_height, c.height), std::min(c.stride_width, c.width)};
    for (int64_t row = 0; row < phases.rows; ++row) {
      for (int64_t column = 0; column < phases.columns; ++column) {
        phases.products.push_back(
            {backward_axis(c.height, c.output_height, c.filter_height, c.stride_height,
                           c.padding_height, c.dilation_height, row),
             backward_axis(c.width, c.output_width, c.filter_width, c.stride_width,
                           c.padding_width, c.dilation_width, column),
             c.images,
             {{c.dy, nullptr}, {c.filters, 0}},
             dx,
             c.height,
             c.width,
             Panels::without_single_vectors(channels),
             c.bias == nullptr ? nullptr : c.bias + first,
             c.activation,
             c.slope,
             beta,
             nullptr,
             nullptr});
      }
    }
    pack_and_multiply(
        threads, std::move(phases), 1, [&](int64_t r, int64_t s, int64_t k, int64_t channel) {
          const int64_t tap = (k * c.filter_height + r) * c.filter_width + s;
          return c.filter + tap * c.channels + first + channel;
        });
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
