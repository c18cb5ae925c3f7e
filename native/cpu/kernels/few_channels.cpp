// Direct convolutions of images of few channels: gray and colour ones, maps of classes.
//
// From such images: a pixel's channels fill no vector, and a pointer to each tap costs more than it
// leads to. The lines that some points read are copied with zeros around the images, so that one table
// says for all points how far each channel of each tap lies from the first. The columns of a filter's
// gradient are then its filters, not its taps.
//
// To such images: they would fill a small part of the lanes. The lanes are neighbouring points instead,
// whose sources' lines are transposed first, once for all phases of a stride.
#include "few_channels.h"

#include "../scratch.h"
#include "transpose.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Taps' channels of a tile of a filter's gradient, of one, two and three vectors of filters.
#if defined(__AVX512F__)
constexpr int kTapRows[kVectors] = {8, 8, 8};
#else
constexpr int kTapRows[kVectors] = {8, 4, 4};
#endif
// Vectors of points of a tile of one, two and three channels: enough independent sums.
constexpr int kLaneVectors[kFewTargetChannels] = {2, 1, 1};
// Floats of the transposed lines of a strip's own rows that stay in the first-level cache.
constexpr int64_t kLineFloats = 1 << 12;
// Points of a block of a filter's gradient.
constexpr int64_t kGradientPoints = 128;

// What the taps of points [begin, end) read, copied line by line with zeros around the images: tap t of
// every point, and each of its channels, then lies equally far from the first.
class PaddedLines {
 public:
  PaddedLines(const Axis& rows, const Axis& columns, const Sources& sources, int64_t begin,
              int64_t end)
      : rows_(rows),
        columns_(columns),
        sources_(sources),
        begin_(begin),
        end_(end),
        first_row_(begin / columns.points),
        last_row_((end - 1) / columns.points),
        // Of several rows all columns, so that the lines are alike.
        first_column_(first_row_ == last_row_ ? begin % columns.points : 0),
        last_column_(first_row_ == last_row_ ? (end - 1) % columns.points : columns.points - 1),
        down_((rows.taps - 1) * rows.offset_step),
        across_((columns.taps - 1) * columns.offset_step),
        pixels_((last_column_ - first_column_) * columns.source_step + std::abs(across_) + 1) {}

  // The most floats that copy() writes for so many points, wherever they begin.
  static int64_t most_floats(const Axis& rows, const Axis& columns, const Sources& sources,
                             int64_t points) {
    const int64_t most_rows = points / columns.points + 2;
    const int64_t most_images = most_rows / rows.points + 2;
    const int64_t steps = most_rows - ceil_div(most_rows, rows.points);
    const int64_t lines = steps * rows.source_step +
                          most_images * ((rows.taps - 1) * std::abs(rows.offset_step) + 1);
    const int64_t pixels = (columns.points - 1) * columns.source_step +
                           (columns.taps - 1) * std::abs(columns.offset_step) + 1;
    return lines * pixels * sources.depth();
  }

  // How far each channel of each tap lies from the first channel of the first tap.
  CLESSIDRA_FUNCTION void find_offsets(int64_t* offsets) const {
    const int64_t depth = sources_.depth();
    for (int64_t r = 0; r < rows_.taps; ++r) {
      for (int64_t s = 0; s < columns_.taps; ++s) {
        const int64_t pixel = r * rows_.offset_step * pixels_ + s * columns_.offset_step;
        for (int64_t c = 0; c < depth; ++c) *offsets++ = pixel * depth + c;
      }
    }
  }

  // Copies the lines to `to`, and finds what the first tap of each point reads.
  CLESSIDRA_FUNCTION void copy(float* to, const float** points) const {
    const int64_t depth = sources_.depth();
    const int64_t line = pixels_ * depth;
    const int64_t step = columns_.source_step * depth;
    const int64_t left =
        first_column_ * columns_.source_step + columns_.first_offset + std::min<int64_t>(across_, 0);
    for (int64_t row = first_row_; row <= last_row_;) {
      const int64_t image = row / rows_.points;
      const int64_t first = row % rows_.points;
      const int64_t count = std::min(last_row_ + 1 - row, rows_.points - first);
      const int64_t top =
          first * rows_.source_step + rows_.first_offset + std::min<int64_t>(down_, 0);
      const int64_t height = (count - 1) * rows_.source_step + std::abs(down_) + 1;
      for (int64_t y = 0; y < height; ++y) copy_line(image, top + y, left, to + y * line);
      const float* tap = to + std::max<int64_t>(-down_, 0) * line +
                         std::max<int64_t>(-across_, 0) * depth;
      for (int64_t i = row; i < row + count; ++i, tap += rows_.source_step * line) {
        const int64_t from = i == first_row_ ? begin_ - i * columns_.points : 0;
        const int64_t to_column = std::min(columns_.points, end_ - i * columns_.points);
        for (int64_t j = from; j < to_column; ++j) *points++ = tap + (j - first_column_) * step;
      }
      row += count;
      to += height * line;
    }
  }

 private:
  CLESSIDRA_FUNCTION void copy_line(int64_t image, int64_t y, int64_t left, float* to) const {
    const int64_t depth = sources_.depth();
    const bool exists = y >= 0 && y < rows_.source_size;
    const int64_t first = exists ? std::clamp<int64_t>(-left, 0, pixels_) : pixels_;
    const int64_t last = std::clamp<int64_t>(columns_.source_size - left, first, pixels_);
    std::fill_n(to, first * depth, 0.0f);
    std::fill_n(to + last * depth, (pixels_ - last) * depth, 0.0f);
    const int64_t pixel = (image * rows_.source_size + y) * columns_.source_size + left;
    for (int64_t part = 0, channel = 0; part < sources_.count(); ++part) {
      const int64_t channels = sources_.depths[part];
      const float* const from = sources_.images[part] + pixel * channels;
      if (channels == depth) {
        std::copy_n(from + first * depth, (last - first) * depth, to + first * depth);
      } else {
        for (int64_t x = first; x < last; ++x) {
          std::copy_n(from + x * channels, channels, to + x * depth + channel);
        }
      }
      channel += channels;
    }
  }

  const Axis& rows_;
  const Axis& columns_;
  const Sources& sources_;
  const int64_t begin_, end_, first_row_, last_row_, first_column_, last_column_;
  const int64_t down_, across_;  // from the first tap to the last, in lines and pixels
  const int64_t pixels_;         // of a line
};

// targets[i] = seed * targets[i] + source taps x b for R points and `columns` channels, where b has
// `depth` rows of V vectors and row p belongs to what lies offsets[p] after points[i].
template <int R, int V>
void padded_tile(int64_t depth, const int64_t* offsets, const float* const* points, const float* b,
                 float* const* targets, int64_t first_column, int64_t columns, float seed) {
  const auto target = [=](int i) { return targets[i] + first_column; };
  Vec sum[R][V];
  seed_tile(sum, seed, columns, target);
  const float* a[R];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) a[i] = points[i];
#pragma GCC unroll 2
  for (int64_t p = 0; p < depth; ++p, b += V * kLanes) {
    const int64_t offset = offsets[p];
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec element = broadcast(a[i][offset]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
    }
  }
  store_tile(sum, columns, target);
}

using PaddedTile = void (*)(int64_t depth, const int64_t* offsets, const float* const* points,
                            const float* b, float* const* targets, int64_t first_column,
                            int64_t columns, float seed);
constexpr PaddedTile kPaddedTiles[][kVectors] = CLESSIDRA_ALL_TILES(padded_tile, kPixelRows);

// sums[r] = (seeded ? sums[r] : 0) + dy x for R of what the taps read and V vectors of filters over
// some pixels: x lies offsets[r] after points[p].
template <int R, int V>
void padded_filter_tile(int64_t pixels, const float* dy, int64_t dy_stride, int64_t columns,
                        const float* const* points, const int64_t* offsets, float* sums,
                        int64_t sums_stride, bool seeded) {
  const auto row_of_sums = [=](int r) { return sums + r * sums_stride; };
  Vec sum[R][V];
  seed_tile(sum, seeded ? 1.0f : 0.0f, V * kLanes, row_of_sums);
  const int64_t last = columns - (V - 1) * kLanes;
  int64_t offset[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) offset[r] = offsets[r];
#pragma GCC unroll 2
  for (int64_t p = 0; p < pixels; ++p, dy += dy_stride) {
    const float* const x = points[p];
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load_columns(dy + v * kLanes, v < V - 1 ? kLanes : last);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec element = broadcast(x[offset[r]]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = fma(row[v], element, sum[r][v]);
    }
  }
  store_tile(sum, V * kLanes, row_of_sums);
}

using PaddedFilterTile = void (*)(int64_t pixels, const float* dy, int64_t dy_stride,
                                  int64_t columns, const float* const* points,
                                  const int64_t* offsets, float* sums, int64_t sums_stride,
                                  bool seeded);
constexpr PaddedFilterTile kPaddedFilterTiles[][kVectors] =
    CLESSIDRA_ALL_TILES(padded_filter_tile, kTapRows);

// Lines of one image with their pixels beside each other: [line][depth][pixels]. Of both dimensions,
// the first that the taps of some points of all phases read, and how many.
struct Transposed {
  float* lines;
  int64_t top, height, left, pixels;
};

// sums = sums + source taps x filter for `rows` rows of points in the lanes of kLaneVectors[K - 1]
// vectors, and K columns of each: sums[row][vector][column], `stride` floats from one vector of points
// to the next. source: what tap 0 of the first row reads.
template <int K>
void lane_tile(const Product& g, const Transposed& t, const float* source, int64_t rows, float* sums,
               int64_t stride) {
  constexpr int R = kStripRows;
  constexpr int P = kLaneVectors[K - 1];
  const int64_t depth = g.depth();
  const auto vector_of_sums = [=](int i) { return sums + i * stride; };
  Vec sum[R * P][K];
  seed_tile(sum, 1.0f, K * kLanes, vector_of_sums);
  const int64_t line = depth * t.pixels;
  const float* b = g.packed;
  for (int64_t r = 0; r < g.rows.taps; ++r) {
    for (int64_t s = 0; s < g.columns.taps; ++s) {
      const float* a[R];
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
        // Rows after the last one are like it.
        a[i] = source + (std::min<int64_t>(i, rows - 1) * g.rows.source_step +
                         r * g.rows.offset_step) * line + s * g.columns.offset_step;
      }
      int64_t pixel = 0;
#pragma GCC unroll 2
      for (int64_t p = 0; p < depth; ++p, b += kLanes, pixel += t.pixels) {
#pragma GCC unroll 16
        for (int i = 0; i < R * P; ++i) {
          const Vec element = load(a[i / P] + pixel + i % P * kLanes);
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) sum[i][k] = fma(element, broadcast(b[k]), sum[i][k]);
        }
      }
    }
  }
  store_tile(sum, K * kLanes, vector_of_sums);
}

constexpr void (*kLaneTiles[])(const Product&, const Transposed&, const float*, int64_t, float*,
                               int64_t) = {lane_tile<1>, lane_tile<2>, lane_tile<3>};
static_assert(std::size(kLaneTiles) == kFewTargetChannels);

// The sources that points [begin, end) of an axis read in all phases: from `first` on, `count`.
struct Span {
  int64_t first, count;

  template <class AxisOf>
  Span(int64_t begin, int64_t end, int64_t phases, const AxisOf& axis_of)
      : first(INT64_MAX), count(0) {
    int64_t last = INT64_MIN;
    for (int64_t phase = 0; phase < phases; ++phase) {
      const Axis& axis = axis_of(phase);
      const int64_t across = (axis.taps - 1) * axis.offset_step;
      if (axis.taps == 0) continue;
      first = std::min(first, begin * axis.source_step + axis.first_offset +
                                  std::min<int64_t>(across, 0));
      last = std::max(last, (end - 1) * axis.source_step + axis.first_offset +
                                std::max<int64_t>(across, 0));
    }
    if (first > last) first = last = 0;  // no taps at all
    count = last - first + 1;
  }
};

// Calls body(lane, element, i) for the first `floats` places i = lane * elements + element.
template <class Body>
CLESSIDRA_FUNCTION void for_interleaved(int64_t floats, int64_t elements, const Body& body) {
  for (int64_t i = 0, lane = 0; i < floats; ++lane) {
    const int64_t count = std::min(elements, floats - i);
    for (int64_t element = 0; element < count; ++element, ++i) body(lane, element, i);
  }
}

// sums[element][lane] = seed * from[lane * elements + element], of which `floats` are there; zeros
// without a seed.
void load_interleaved(float seed, const float* from, int64_t floats, int64_t elements, float* sums) {
  std::fill_n(sums, elements * kLanes, 0.0f);
  if (seed == 0.0f) return;
  for_interleaved(floats, elements, [&](int64_t lane, int64_t element, int64_t i) {
    sums[element * kLanes + lane] = seed * from[i];
  });
}

// to[lane * elements + element] = sums[element][lane], `floats` of them.
void store_interleaved(const float* sums, int64_t elements, float* to, int64_t floats) {
  if (elements == 1) {
    store_columns(to, load(sums), floats);
  } else if (elements == 2) {
    Vec halves[2];
    interleave(load(sums), load(sums + kLanes), halves[0], halves[1]);
    store_columns(to, halves[0], floats);
    if (floats > kLanes) store_columns(to + kLanes, halves[1], floats - kLanes);
  } else {
    for_interleaved(floats, elements, [&](int64_t lane, int64_t element, int64_t i) {
      to[i] = sums[element * kLanes + lane];
    });
  }
}

// The lines that are `t`, transposed, with zeros around the image. Not inlined: it needs the registers.
__attribute__((noinline)) void transpose_lines(const Product& g, int64_t image, const Transposed& t) {
  const int64_t depth = g.depth();
  const int64_t inside = std::clamp<int64_t>(-t.left, 0, t.pixels);
  const int64_t outside = std::clamp<int64_t>(g.columns.source_size - t.left, inside, t.pixels);
  for (int64_t y = 0; y < t.height; ++y) {
    float* const to = t.lines + y * depth * t.pixels;
    if (t.top + y < 0 || t.top + y >= g.rows.source_size) {
      std::fill_n(to, depth * t.pixels, 0.0f);
      continue;
    }
    const auto clear = [=](int64_t x, auto n) { store_part(to + x, Vec{}, n); };
    for (int64_t p = 0; p < depth; ++p) {
      for_vectors(p * t.pixels, p * t.pixels + inside, clear);
      for_vectors(p * t.pixels + outside, (p + 1) * t.pixels, clear);
    }
    const int64_t line = image * g.rows.source_size + t.top + y;
    const int64_t pixel = line * g.columns.source_size + t.left + inside;
    for (int64_t part = 0; part < g.sources.count(); ++part) {
      const int64_t channels = g.sources.depths[part];
      transpose(g.sources.images[part] + pixel * channels, channels, outside - inside, channels,
                to + part * g.sources.depths[0] * t.pixels + inside, t.pixels);
    }
  }
}

// Points [begin, end) of rows [first, last) of all images, which are of one image, in all phases.
void transposed_strip(const Phases& phases, int64_t first, int64_t last, int64_t begin,
                      int64_t end) {
  const Product& g = phases.at(0, 0);
  const int64_t image = first / g.rows.points;
  first -= image * g.rows.points;
  last -= image * g.rows.points;
  const Span lines(first, last, phases.rows,
                   [&](int64_t i) -> const Axis& { return phases.at(i, 0).rows; });
  const int64_t columns = g.panels.columns;
  const int64_t vectors = kLaneVectors[columns - 1];
  const Span pixels(begin, begin + rounded_up(end - begin, vectors * kLanes), phases.columns,
                    [&](int64_t i) -> const Axis& { return phases.at(0, i).columns; });
  const int64_t elements = phases.columns * columns;  // of a point, in all phases of columns
  const int64_t sum_stride = elements * kLanes;
  const int64_t sum_floats = kStripRows * vectors * sum_stride;
  float* const sums = thread_scratch(
      Scratch::kPrivate, sum_floats + lines.count * g.depth() * pixels.count);
  const Transposed t{sums + sum_floats, lines.first, lines.count, pixels.first, pixels.count};
  transpose_lines(g, image, t);
  // Tiles have all rows and vectors, of which the last ones may not have that many.
  std::fill_n(sums, sum_floats, 0.0f);
  for (int64_t row_phase = 0; row_phase < phases.rows; ++row_phase) {
    const Product& h = phases.at(row_phase, 0);
    const int64_t last_row = std::min(last, h.rows.points);
    const int64_t target_line = h.rows.target_step * h.target_width * columns;
    for (int64_t row = first; row < last_row; row += kStripRows) {
      const int64_t rows = std::min<int64_t>(kStripRows, last_row - row);
      float* const target_row = h.target_row(image * h.rows.points + row);
      for (int64_t tile = begin; tile < end; tile += vectors * kLanes) {
        // Calls body(sums, target, floats) for each vector of points of each row.
        const auto for_vectors_of_points = [&](const auto& body) {
          for (int64_t v = 0; v < vectors && tile + v * kLanes < end; ++v) {
            const int64_t point = tile + v * kLanes;
            const int64_t floats = std::min(std::min(end, point + kLanes) * phases.columns,
                                            h.target_width) * columns - point * elements;
            float* target = target_row + point * elements;
            float* of_points = sums + v * sum_stride;
            for (int64_t i = 0; i < rows; ++i) {
              body(of_points, target, floats);
              target += target_line;
              of_points += vectors * sum_stride;
            }
          }
        };
        for_vectors_of_points([&](float* to, const float* target, int64_t floats) {
          load_interleaved(h.seed, target, floats, elements, to);
        });
        for (int64_t phase = 0; phase < phases.columns; ++phase) {
          const Product& p = phases.at(row_phase, phase);
          const float* const source =
              t.lines +
              (row * p.rows.source_step + p.rows.first_offset - t.top) * p.depth() * t.pixels +
              tile + p.columns.first_offset - t.left;
          kLaneTiles[columns - 1](p, t, source, rows, sums + phase * columns * kLanes, sum_stride);
        }
        with_activation(g.activation, [&](auto f) {
          const Vec leak = broadcast(g.slope);
          for_vectors_of_points([&](float* of_points, float* target, int64_t floats) {
            for (int64_t e = 0; e < elements; ++e) {
              Vec x = load(of_points + e * kLanes);
              if (g.bias != nullptr) x += broadcast(g.bias[e % columns]);
              store(of_points + e * kLanes, activate<f>(x, leak));
            }
            store_interleaved(of_points, elements, target, floats);
          });
        });
      }
    }
  }
}

}  // namespace

void multiply_few_source_channels(const Product& g, int64_t begin, int64_t end, int64_t first,
                                  int64_t last) {
  const int64_t depth = g.taps() * g.depth();
  const PaddedLines lines(g.rows, g.columns, g.sources, begin, end);
  const int64_t points = end - begin;
  float* memory = thread_scratch(
      Scratch::kPrivate, (depth + 2 * points) * kPointerFloats +
                             PaddedLines::most_floats(g.rows, g.columns, g.sources, points));
  auto* const offsets = reinterpret_cast<int64_t*>(memory);
  auto** const sources = reinterpret_cast<const float**>(offsets + depth);
  auto** const targets = const_cast<float**>(sources + points);
  lines.find_offsets(offsets);
  lines.copy(memory + (depth + 2 * points) * kPointerFloats, sources);
  find_targets(g, begin, end, targets);
  const int64_t tile_rows = g.tile_rows();
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t column = panel * g.panels.width;
    const int64_t columns = g.panels.columns_of(panel);
    const int64_t vectors = ceil_div(columns, kLanes);
    for (int64_t tile = 0; tile < points; tile += tile_rows) {
      const int64_t rows = std::min(tile_rows, points - tile);
      kPaddedTiles[rows - 1][vectors - 1](depth, offsets, sources + tile, g.packed + column * depth,
                                          targets + tile, column, columns, g.seed);
      if (!g.plain()) finish_tile(g, targets + tile, rows, column, columns);
    }
  }
}

void gradient_of_few_channels(const Axis& rows, const Axis& columns, const Sources& sources,
                              int64_t begin, int64_t end, const float* dy, int64_t dy_stride,
                              int64_t filters, float* to) {
  const int64_t depth = rows.taps * columns.taps * sources.depth();
  const Panels panels(filters);
  const int64_t width = panels.padded_columns();
  const int64_t points = std::min(kGradientPoints, end - begin);
  const int64_t pointer_floats = rounded_up((depth + points) * kPointerFloats, kLanes);
  const int64_t line_floats = PaddedLines::most_floats(rows, columns, sources, points);
  float* const memory =
      thread_scratch(Scratch::kPrivate, pointer_floats + depth * width + line_floats);
  auto* const offsets = reinterpret_cast<int64_t*>(memory);
  auto** const pixels = reinterpret_cast<const float**>(offsets + depth);
  float* const sums = memory + pointer_floats;
  for (int64_t point = begin; point < end; point += kGradientPoints) {
    const int64_t count = std::min(kGradientPoints, end - point);
    const PaddedLines padded(rows, columns, sources, point, point + count);
    padded.find_offsets(offsets);
    padded.copy(sums + depth * width, pixels);
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      const int64_t column = panel * panels.width;
      const int64_t panel_columns = panels.columns_of(panel);
      const int64_t vectors = ceil_div(panel_columns, kLanes);
      const int64_t tile_rows = kTapRows[vectors - 1];
      for (int64_t t = 0; t < depth; t += tile_rows) {
        const int64_t tile = std::min(tile_rows, depth - t);
        kPaddedFilterTiles[tile - 1][vectors - 1](
            count, dy + point * dy_stride + column, dy_stride, panel_columns, pixels, offsets + t,
            sums + t * width + column, width, point > begin);
      }
    }
  }
  transpose(sums, width, depth, filters, to, depth);
}

void multiply_few_target_channels(ThreadPool& threads, const Phases& phases) {
  const Product& g = phases.at(0, 0);
  if (g.points() == 0 || g.panels.count == 0) return;
  int64_t multiply_adds = 0;
  for (const Product& phase : phases.products) multiply_adds += phase.multiply_adds();
  // Where they fit, more rows at once, whose taps then have less lines twice.
  const int64_t line = g.depth() * std::min(g.columns.points, kStripPoints);
  const int64_t rows = std::max<int64_t>(1, kLineFloats / line / kStripRows) * kStripRows;
  for_strips_of_rows(threads, g, g.rows.points, rows, multiply_adds < kSmall,
                     [&](auto... strip) { transposed_strip(phases, strip...); });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
