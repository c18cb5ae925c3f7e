// Column sums of terms over the rows of each image; the order is that of clessidra_reduce_columns.
#ifndef CLESSIDRA_CPU_COLUMN_SUM_H
#define CLESSIDRA_CPU_COLUMN_SUM_H

#include <algorithm>
#include <array>
#include <utility>

#include "kernel_table.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// kSums column sums at once of [images, rows, columns]: terms_of(image)(i, n) gives a function of
// (row, terms) that sets terms[0..kSums) to those of columns i to i + n - 1. workspace: kSums *
// images * chunks * columns floats, chunks = max(1, ceil(rows / CLESSIDRA_COLUMN_CHUNK)).
template <int kSums>
struct ColumnSums {
  int64_t images, rows, columns, chunks;
  float* workspace;

  ColumnSums(int64_t images, int64_t rows, int64_t columns, float* workspace)
      : images(images),
        rows(rows),
        columns(columns),
        chunks(rows <= kChunk ? 1 : (rows + kChunk - 1) / kChunk),
        workspace(workspace) {}

  // The sums of an image after compute().
  float* of(int64_t sum, int64_t image) const {
    return workspace + (sum * images + image) * chunks * columns;
  }

  // kStrip: vectors of columns side by side.
  template <int kStrip = 4, class Terms>
  void compute(ThreadPool& threads, const Terms& terms_of) const {
    threads.for_ranges(images * chunks, grain_rows(kChunk * columns),
                       [&](int64_t first, int64_t last) {
      while (first < last) {
        const int64_t image = first / chunks;
        const int64_t end = std::min(last, (image + 1) * chunks);
        const auto terms_of_image = terms_of(image);
        for (; first < end; ++first) add_chunk<kStrip>(image, first % chunks, terms_of_image);
      }
    });
    // A whole number of cache lines for each task.
    const int64_t block = (grain_rows(chunks) + 15) / 16 * 16;
    const int64_t blocks = (columns + block - 1) / block;
    if (chunks == 1) return;
    threads.for_each(kSums * images * blocks, [&](int64_t task) {
      const int64_t begin = task % blocks * block;
      fold(workspace + task / blocks * chunks * columns, begin,
           begin + block < columns ? begin + block : columns);
    });
  }

 private:
  static constexpr int64_t kChunk = CLESSIDRA_COLUMN_CHUNK;

  template <int kStrip, class Terms>
  CLESSIDRA_FUNCTION void add_chunk(int64_t image, int64_t chunk, const Terms& terms_of) const {
    const int64_t begin = chunk * kChunk;
    const int64_t end = begin + kChunk < rows ? begin + kChunk : rows;
    for_strips<kStrip>(0, columns, [&](int64_t i, auto vectors, auto n) {
      const auto set_terms =
          each_vector<vectors>([&](int64_t v) { return terms_of(i + v * kLanes, n); });
      Vec sums[vectors][kSums] = {};
      for (int64_t row = begin; row < end; ++row) {
        for (int v = 0; v < vectors; ++v) {
          Vec terms[kSums];
          set_terms[v](row, terms);
          for (int s = 0; s < kSums; ++s) sums[v][s] += terms[s];
        }
      }
      for (int v = 0; v < vectors; ++v) {
        for (int s = 0; s < kSums; ++s) {
          store_part(of(s, image) + chunk * columns + i + v * kLanes, sums[v][s], n);
        }
      }
    });
  }

  // make(0), make(1), ...: there is no array of what is not yet made.
  template <int kCount, class Make>
  CLESSIDRA_FUNCTION static auto each_vector(const Make& make) {
    return [&]<size_t... kVector>(std::index_sequence<kVector...>) {
      return std::array{make(kVector)...};
    }(std::make_index_sequence<kCount>{});
  }

  // Columns [begin, end) of the chunks to one row, the first.
  void fold(float* x, int64_t begin, int64_t end) const {
    for (int64_t left = chunks; left > 1; left = (left + kChunk - 1) / kChunk) {
      for (int64_t row = 0; row < left; row += kChunk) {
        const int64_t last = row + kChunk < left ? row + kChunk : left;
        for_vectors(begin, end, [&](int64_t i, auto n) {
          Vec sum{};
          for (int64_t r = row; r < last; ++r) sum += load_part(x + r * columns + i, n);
          store_part(x + row / kChunk * columns + i, sum, n);
        });
      }
    }
  }
};

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
