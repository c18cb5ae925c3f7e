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

template <class Count>
CLESSIDRA_FUNCTION IntVec load_integers(const int32_t* p, Count n) {
  return bits(load_part(reinterpret_cast<const float*>(p), n));
}
template <class Count>
CLESSIDRA_FUNCTION void store_integers(int32_t* p, IntVec v, Count n) {
  store_part(reinterpret_cast<float*>(p), from_bits(v), n);
}

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

// The windows along one dimension that contain a position: [first, last).
struct Windows {
  int64_t first, last;
};
CLESSIDRA_FUNCTION Windows windows_of(int64_t position, int64_t window, int64_t stride,
                                      int64_t padding, int64_t output_size) {
  const int64_t end = position + padding;
  return {end < window ? 0 : (end - window) / stride + 1, std::min(end / stride + 1, output_size)};
}

// One dimension of an up-sampling: which of the output reads a pixel, and how much of it.
template <bool kNearest>
struct Readers {
  int64_t size, output_size;
  const float* fractions;  // of each position of the output, BILINEAR only

  // The positions that read pixel i are [first(i), last(i)).
  int64_t first(int64_t i) const {
    return kNearest ? first_nearest(i, size, output_size)
                    : first_bilinear(i - 1, size, output_size);
  }
  int64_t last(int64_t i) const {
    return kNearest ? first_nearest(i + 1, size, output_size)
                    : first_bilinear(i + 1, size, output_size);
  }
  // Those from here on have the pixel as their low one.
  int64_t first_low(int64_t i) const { return first_bilinear(i, size, output_size); }
  float weight(int64_t i, int64_t position, int64_t first_low) const {
    if (position < first_low) return fractions[position];
    return i == size - 1 ? 1.0f : 1.0f - fractions[position];
  }
};

template <bool kNearest>
CLESSIDRA_FUNCTION void upsample_row(const clessidra_upsample& u, int64_t image, int64_t p) {
  const int64_t channels = u.channels;
  const int64_t line = u.width * channels;
  const float* const x = u.x + image * u.height * line;
  float* y = u.y + (image * u.output_height + p) * u.output_width * channels;
  const BilinearPosition rows = bilinear_position(p, u.height, u.output_height);
  const Vec fy = broadcast(rows.fraction);
  for (int64_t q = 0; q < u.output_width; ++q, y += channels) {
    if constexpr (kNearest) {
      const float* const from =
          x + p * u.height / u.output_height * line + q * u.width / u.output_width * channels;
      for_vectors(0, channels, [&](int64_t i, auto n) {
        store_part(y + i, load_part(from + i, n), n);
      });
    } else {
      const BilinearPosition columns = bilinear_position(q, u.width, u.output_width);
      const Vec fx = broadcast(columns.fraction);
      const float* const top = x + rows.low * line;
      const float* const bottom = x + rows.high * line;
      const int64_t left = columns.low * channels;
      const int64_t right = columns.high * channels;
      for_vectors(0, channels, [&](int64_t i, auto n) {
        const Vec top_left = load_part(top + left + i, n);
        const Vec bottom_left = load_part(bottom + left + i, n);
        const Vec above = fma(fx, load_part(top + right + i, n) - top_left, top_left);
        const Vec below = fma(fx, load_part(bottom + right + i, n) - bottom_left, bottom_left);
        store_part(y + i, fma(fy, below - above, above), n);
      });
    }
  }
}

template <bool kNearest>
CLESSIDRA_FUNCTION void upsample_row_backward(const clessidra_upsample_backward& u,
                                              const Readers<kNearest>& rows,
                                              const Readers<kNearest>& columns, int64_t image,
                                              int64_t row) {
  const int64_t channels = u.channels;
  const float* const dy = u.dy + image * u.output_height * u.output_width * channels;
  float* const dx = u.dx + (image * u.height + row) * u.width * channels;
  const int64_t top = rows.first(row);
  const int64_t bottom = rows.last(row);
  const int64_t low_row = rows.first_low(row);
  for (int64_t column = 0; column < u.width; ++column) {
    const int64_t left = columns.first(column);
    const int64_t right = columns.last(column);
    const int64_t low_column = columns.first_low(column);
    for_vectors(0, channels, [&](int64_t i, auto n) {
      Vec sum{};
      for (int64_t p = top; p < bottom; ++p) {
        for (int64_t q = left; q < right; ++q) {
          const Vec part = load_part(dy + (p * u.output_width + q) * channels + i, n);
          if constexpr (kNearest) {
            sum += part;
          } else {
            const float weight =
                rows.weight(row, p, low_row) * columns.weight(column, q, low_column);
            sum = fma(broadcast(weight), part, sum);
          }
        }
      }
      store_accumulated(dx + column * channels + i, sum, u.beta, n);
    });
  }
}

// The fractions of all positions of an output.
void fill_fractions(float* fractions, int64_t size, int64_t output_size) {
  for (int64_t i = 0; i < output_size; ++i) {
    fractions[i] = bilinear_position(i, size, output_size).fraction;
  }
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
      for_vectors(0, channels, [&](int64_t i, auto n) {
        const int64_t start = first_row * m.width + first_column;
        Vec best = load_part(x + start * channels + i, n);
        IntVec index = IntVec{} + static_cast<int32_t>(start);
        for (int64_t row = first_row; row < last_row; ++row) {
          for (int64_t column = first_column; column < last_column; ++column) {
            const int64_t pixel = row * m.width + column;
            const Vec value = load_part(x + pixel * channels + i, n);
            const IntVec taken = (value > best) | (value != value);
            best = taken ? value : best;
            index = taken ? IntVec{} + static_cast<int32_t>(pixel) : index;
          }
        }
        store_part(m.y + to + i, best, n);
        store_integers(m.indices + to + i, index, n);
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
    const Windows rows =
        windows_of(row, m.window_height, m.stride_height, m.padding_height, m.output_height);
    for (int64_t column = 0; column < m.width; ++column) {
      const Windows columns =
          windows_of(column, m.window_width, m.stride_width, m.padding_width, m.output_width);
      const int32_t pixel = static_cast<int32_t>(row * m.width + column);
      for_vectors(0, channels, [&](int64_t i, auto n) {
        Vec sum{};
        for (int64_t p = rows.first; p < rows.last; ++p) {
          for (int64_t q = columns.first; q < columns.last; ++q) {
            const int64_t window = (from + p * m.output_width + q) * channels + i;
            const Vec added = sum + load_part(m.dy + window, n);
            sum = load_integers(m.indices + window, n) == pixel ? added : sum;
          }
        }
        store_accumulated(dx + column * channels + i, sum, m.beta, n);
      });
    }
  });
}

void upsample(ThreadPool& threads, const clessidra_upsample& u) {
  with_flag(u.interpolation == CLESSIDRA_NEAREST, [&](auto nearest) {
    const int64_t work = int64_t{u.output_width} * u.channels;
    for_image_rows(threads, u.images, u.output_height, work,
                   [&](int64_t image, int64_t row) { upsample_row<nearest>(u, image, row); });
  });
}

void upsample_backward(ThreadPool& threads, const clessidra_upsample_backward& u) {
  float* const row_fractions =
      thread_scratch(Scratch::kShared, int64_t{u.output_height} + u.output_width);
  float* const column_fractions = row_fractions + u.output_height;
  fill_fractions(row_fractions, u.height, u.output_height);
  fill_fractions(column_fractions, u.width, u.output_width);
  with_flag(u.interpolation == CLESSIDRA_NEAREST, [&](auto nearest) {
    const Readers<nearest> rows{u.height, u.output_height, row_fractions};
    const Readers<nearest> columns{u.width, u.output_width, column_fractions};
    const int64_t work = int64_t{u.output_width} * u.channels * ceil_div(u.output_height, u.height);
    for_image_rows(threads, u.images, u.height, work, [&](int64_t image, int64_t row) {
      upsample_row_backward(u, rows, columns, image, row);
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
