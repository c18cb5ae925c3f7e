// Max pooling and up-sampling, channels in vectors. The gradients are gathered: each pixel adds up
// what the output pixels that read it have for it, in their order.
#include "clessidra/convolution.h"

#include <algorithm>

#include "../scratch.h"
#include "kernel_table.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

CLESSIDRA_FUNCTION int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Calls body(image, row) for the rows of all images; `work` is about the elements that a row reads.
template <class Body>
CLESSIDRA_FUNCTION void for_image_rows(ThreadPool& threads, int64_t images, int64_t height,
                                       int64_t work, const Body& body) {
  threads.for_ranges(images * height, grain_rows(work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i / height, i % height);
  });
}

// dx = r, or beta * dx + r.
template <class Count>
CLESSIDRA_FUNCTION void store_accumulated(float* dx, Vec r, float beta, Count n) {
  store_part(dx, beta == 0.0f ? r : broadcast(beta) * load_part(dx, n) + r, n);
}

// The windows along one dimension that contain a position, [first, last), for one position after the
// other: a division for each would take longer than what is done there.
class Windows {
 public:
  // position: the first one, from where the first window begins.
  Windows(int64_t position, int64_t window, int64_t stride, int64_t output_size)
      : stride_(stride),
        output_size_(output_size),
        first_(position < window ? 0 : (position - window) / stride + 1),
        to_first_(position < window ? window - position : stride - (position - window) % stride),
        last_(position / stride + 1),
        to_last_(stride - position % stride) {}

  int64_t first() const { return first_; }
  int64_t last() const { return std::min(last_, output_size_); }
  void advance() {
    if (--to_first_ == 0) {
      ++first_;
      to_first_ = stride_;
    }
    if (--to_last_ == 0) {
      ++last_;
      to_last_ = stride_;
    }
  }

 private:
  int64_t stride_, output_size_;
  int64_t first_, to_first_, last_, to_last_;  // to_...: positions until it rises
};

// What an output position of an up-sampling reads; NEAREST has its `low` alone.
template <bool kNearest>
CLESSIDRA_FUNCTION BilinearPosition position_of(int64_t i, int64_t size, int64_t output_size) {
  if constexpr (kNearest) return {i * size / output_size, 0, 0.0f};
  return bilinear_position(i, size, output_size);
}

// Scratch memory is of floats: so many hold a T.
template <class T>
constexpr int64_t kFloatsOf = sizeof(T) / sizeof(float);
static_assert(sizeof(BilinearPosition) % sizeof(float) == 0);

template <bool kNearest>
CLESSIDRA_FUNCTION void upsample_row(const clessidra_upsample& u, const BilinearPosition* columns,
                                     int64_t image, int64_t p) {
  const int64_t channels = u.channels;
  const int64_t line = u.width * channels;
  const float* const x = u.x + image * u.height * line;
  float* y = u.y + (image * u.output_height + p) * u.output_width * channels;
  const BilinearPosition rows = position_of<kNearest>(p, u.height, u.output_height);
  const float* const top = x + rows.low * line;
  const float* const bottom = x + rows.high * line;
  const Vec fy = broadcast(rows.fraction);
  for (int64_t q = 0; q < u.output_width; ++q, y += channels) {
    const int64_t left = columns[q].low * channels;
    const int64_t right = columns[q].high * channels;
    const Vec fx = broadcast(columns[q].fraction);
    for_vectors(0, channels, [&](int64_t i, auto n) {
      const Vec top_left = load_part(top + left + i, n);
      if constexpr (kNearest) {
        store_part(y + i, top_left, n);
      } else {
        const Vec bottom_left = load_part(bottom + left + i, n);
        const Vec above = fma(fx, load_part(top + right + i, n) - top_left, top_left);
        const Vec below = fma(fx, load_part(bottom + right + i, n) - bottom_left, bottom_left);
        store_part(y + i, fma(fy, below - above, above), n);
      }
    });
  }
}

// The positions along one dimension of an output that read one pixel, [first, last), and the first
// that has it as its low one.
struct Readers {
  int64_t first, first_low, last;
};

template <bool kNearest>
Readers readers_of(int64_t i, int64_t size, int64_t output_size) {
  if constexpr (kNearest) {
    const int64_t first = first_nearest(i, size, output_size);
    return {first, first, first_nearest(i + 1, size, output_size)};
  }
  return {first_bilinear(i - 1, size, output_size), first_bilinear(i, size, output_size),
          first_bilinear(i + 1, size, output_size)};
}

// One dimension of an up-sampling: who reads each pixel, and the fraction of each position.
struct Dimension {
  int64_t size;
  const Readers* readers;
  const float* fractions;

  // How much of pixel i a position reads.
  CLESSIDRA_FUNCTION float weight(int64_t i, int64_t position) const {
    if (position < readers[i].first_low) return fractions[position];
    return i == size - 1 ? 1.0f : 1.0f - fractions[position];
  }
};

template <bool kNearest>
CLESSIDRA_FUNCTION void upsample_row_backward(const clessidra_upsample_backward& u,
                                              const Dimension& rows, const Dimension& columns,
                                              int64_t image, int64_t row) {
  const int64_t channels = u.channels;
  const float* const dy = u.dy + image * u.output_height * u.output_width * channels;
  float* const dx = u.dx + (image * u.height + row) * u.width * channels;
  const Readers down = rows.readers[row];
  for (int64_t column = 0; column < u.width; ++column) {
    const Readers across = columns.readers[column];
    for_strips(0, channels, [&](int64_t i, auto vectors, auto n) {
      Vec sums[vectors] = {};
      for (int64_t p = down.first; p < down.last; ++p) {
        const float row_weight = kNearest ? 1.0f : rows.weight(row, p);
        const float* from = dy + (p * u.output_width + across.first) * channels + i;
        for (int64_t q = across.first; q < across.last; ++q, from += channels) {
          const Vec weight =
              kNearest ? Vec{} : broadcast(row_weight * columns.weight(column, q));
          for (int v = 0; v < vectors; ++v) {
            const Vec part = load_part(from + v * kLanes, n);
            sums[v] = kNearest ? sums[v] + part : fma(weight, part, sums[v]);
          }
        }
      }
      for (int v = 0; v < vectors; ++v) {
        store_accumulated(dx + column * channels + i + v * kLanes, sums[v], u.beta, n);
      }
    });
  }
}

template <bool kNearest>
Dimension dimension_of(int64_t size, int64_t output_size, Readers* readers, float* fractions) {
  for (int64_t i = 0; i < size; ++i) readers[i] = readers_of<kNearest>(i, size, output_size);
  for (int64_t i = 0; !kNearest && i < output_size; ++i) {
    fractions[i] = bilinear_position(i, size, output_size).fraction;
  }
  return {size, readers, fractions};
}

}  // namespace

void max_pool(ThreadPool& threads, const clessidra_max_pool& m) {
  const int64_t channels = m.channels;
  const int64_t work = m.output_width * channels * m.window_height * m.window_width;
  for_image_rows(threads, m.images, m.output_height, work, [&](int64_t image, int64_t p) {
    const float* const x = m.x + image * m.height * m.width * channels;
    const int64_t top = p * m.stride_height - m.padding_height;
    const int64_t first_row = std::max<int64_t>(top, 0);
    const int64_t last_row = std::min<int64_t>(top + m.window_height, m.height);
    for (int64_t q = 0; q < m.output_width; ++q) {
      const int64_t left = q * m.stride_width - m.padding_width;
      const int64_t first_column = std::max<int64_t>(left, 0);
      const int64_t last_column = std::min<int64_t>(left + m.window_width, m.width);
      const int64_t to = ((image * m.output_height + p) * m.output_width + q) * channels;
      for_strips(0, channels, [&](int64_t i, auto vectors, auto n) {
        const int64_t start = first_row * m.width + first_column;
        Vec best[vectors];
        IntVec index[vectors];
        for (int v = 0; v < vectors; ++v) {
          best[v] = load_part(x + start * channels + i + v * kLanes, n);
          index[v] = IntVec{} + static_cast<int32_t>(start);
        }
        for (int64_t row = first_row; row < last_row; ++row) {
          for (int64_t column = first_column; column < last_column; ++column) {
            const int64_t pixel = row * m.width + column;
            for (int v = 0; v < vectors; ++v) {
              const Vec value = load_part(x + pixel * channels + i + v * kLanes, n);
              const IntVec taken = (value > best[v]) | (value != value);
              best[v] = taken ? value : best[v];
              index[v] = taken ? IntVec{} + static_cast<int32_t>(pixel) : index[v];
            }
          }
        }
        for (int v = 0; v < vectors; ++v) {
          store_part(m.y + to + i + v * kLanes, best[v], n);
          store_integers(m.indices + to + i + v * kLanes, index[v], n);
        }
      });
    }
  });
}

void max_pool_backward(ThreadPool& threads, const clessidra_max_pool_backward& m) {
  const int64_t channels = m.channels;
  const int64_t overlap = ceil_div(m.window_height, m.stride_height) *
                          ceil_div(m.window_width, m.stride_width);
  for_image_rows(threads, m.images, m.height, m.width * channels * overlap,
                 [&](int64_t image, int64_t row) {
    const int64_t from = image * m.output_height * m.output_width;
    float* const dx = m.dx + (image * m.height + row) * m.width * channels;
    const Windows rows(row + m.padding_height, m.window_height, m.stride_height, m.output_height);
    const int64_t top = rows.first();
    const int64_t bottom = rows.last();
    Windows columns(m.padding_width, m.window_width, m.stride_width, m.output_width);
    for (int64_t column = 0; column < m.width; ++column, columns.advance()) {
      const int32_t pixel = static_cast<int32_t>(row * m.width + column);
      const int64_t left = columns.first();
      const int64_t right = columns.last();
      for_strips(0, channels, [&](int64_t i, auto vectors, auto n) {
        Vec sums[vectors] = {};
        for (int64_t p = top; p < bottom; ++p) {
          for (int64_t q = left; q < right; ++q) {
            const int64_t window = (from + p * m.output_width + q) * channels + i;
            for (int v = 0; v < vectors; ++v) {
              const Vec added = sums[v] + load_part(m.dy + window + v * kLanes, n);
              const IntVec index = load_integers(m.indices + window + v * kLanes, n);
              sums[v] = index == pixel ? added : sums[v];
            }
          }
        }
        for (int v = 0; v < vectors; ++v) {
          store_accumulated(dx + column * channels + i + v * kLanes, sums[v], m.beta, n);
        }
      });
    }
  });
}

void upsample(ThreadPool& threads, const clessidra_upsample& u) {
  BilinearPosition* const columns = reinterpret_cast<BilinearPosition*>(
      thread_scratch(Scratch::kShared, u.output_width * kFloatsOf<BilinearPosition>));
  with_flag(u.interpolation == CLESSIDRA_NEAREST, [&](auto nearest) {
    for (int64_t q = 0; q < u.output_width; ++q) {
      columns[q] = position_of<nearest>(q, u.width, u.output_width);
    }
    const int64_t work = int64_t{u.output_width} * u.channels;
    for_image_rows(threads, u.images, u.output_height, work, [&](int64_t image, int64_t row) {
      upsample_row<nearest>(u, columns, image, row);
    });
  });
}

void upsample_backward(ThreadPool& threads, const clessidra_upsample_backward& u) {
  const int64_t reader_floats = (int64_t{u.height} + u.width) * kFloatsOf<Readers>;
  float* const fractions =
      thread_scratch(Scratch::kShared, reader_floats + u.output_height + u.output_width) +
      reader_floats;
  Readers* const readers = reinterpret_cast<Readers*>(fractions - reader_floats);
  with_flag(u.interpolation == CLESSIDRA_NEAREST, [&](auto nearest) {
    const Dimension rows =
        dimension_of<nearest>(u.height, u.output_height, readers, fractions);
    const Dimension columns = dimension_of<nearest>(
        u.width, u.output_width, readers + u.height, fractions + u.output_height);
    const int64_t work = int64_t{u.output_width} * u.channels * ceil_div(u.output_height, u.height);
    for_image_rows(threads, u.images, u.height, work, [&](int64_t image, int64_t row) {
      upsample_row_backward<nearest>(u, rows, columns, image, row);
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
