// What is done column by column with [images, rows, columns]: sums over the rows of an image, in the
// order that clessidra/kernels.h states for columns, and passes over all elements.
#ifndef CLESSIDRA_CUDA_COLUMNS_CUH
#define CLESSIDRA_CUDA_COLUMNS_CUH

#include "reduction.cuh"

namespace clessidra {

constexpr int64_t kColumnChunk = CLESSIDRA_COLUMN_CHUNK;
// Columns whose chunks one block finishes: 32 bytes of a row.
constexpr int kColumnTile = 8;

__device__ inline int64_t column_chunks_of(int64_t rows) {
  return (rows + kColumnChunk - 1) / kColumnChunk;
}
__device__ inline int64_t end_of_column_chunk(int64_t chunk, int64_t rows) {
  const int64_t end = (chunk + 1) * kColumnChunk;
  return end < rows ? end : rows;
}

// Bands of rows whose chunks one block combines at once; one even of no rows.
__device__ inline int64_t bands_of(int64_t rows) {
  return rows == 0 ? 1 : column_chunks_of(column_chunks_of(rows));
}

// The rows [begin, end) combined in sequence; terms(row) gives one term for each of kCount results.
// kLoads: rows that are on their way at a time.
template <class Combine, int kCount, int kLoads, class Terms>
__device__ inline Pack<kCount> combine_rows(int64_t begin, int64_t end, const Terms& terms) {
  const auto combine = [](float result, float x) { return Combine::combine(result, x); };
  Pack<kCount> result = repeated<kCount>(Combine::kStart);
  int64_t row = begin;
  for (; row + kLoads <= end; row += kLoads) {
    Pack<kCount> loaded[kLoads];
    CLESSIDRA_UNROLL
    for (int i = 0; i < kLoads; ++i) loaded[i] = terms(row + i);
    CLESSIDRA_UNROLL
    for (int i = 0; i < kLoads; ++i) result = map(result, loaded[i], combine);
  }
  for (; row < end; ++row) result = map(result, terms(row), combine);
  return result;
}

// The first two levels for images of [rows, columns], by all blocks of the grid: body(image, band,
// column, results) gets what a column of a band comes to. terms_of(image, column) gives a function that
// has the terms of the image's row in a Pack<kCount>.
template <class Combine, int kCount, class TermsOf, class Body>
__device__ inline void combine_bands(int64_t images, int64_t rows, int64_t columns,
                                     const TermsOf& terms_of, const Body& body) {
  static_assert(kColumnChunk * kColumnTile == kThreads);
  __shared__ Pack<kCount> results[kThreads];  // of a chunk and a column each
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t bands = bands_of(rows);
  const int64_t tiles = (columns + kColumnTile - 1) / kColumnTile;
  for (int64_t i = blockIdx.x; i < images * bands * tiles; i += gridDim.x) {
    const Division place = divide(i, tiles);
    const Division part = divide(place.quotient, bands);
    const int64_t column = place.remainder * kColumnTile + thread % kColumnTile;
    const int64_t first_chunk = part.remainder * kColumnChunk;
    const int64_t chunk = first_chunk + thread / kColumnTile;
    if (column < columns && chunk * kColumnChunk < rows) {
      results[thread] = combine_rows<Combine, kCount, kCount == 1 ? kColumnChunk : 8>(
          chunk * kColumnChunk, end_of_column_chunk(chunk, rows),
          terms_of(part.quotient, column));
    }
    __syncthreads();
    if (column < columns && thread < kColumnTile) {
      const int64_t chunks =
          end_of_column_chunk(part.remainder, column_chunks_of(rows)) - first_chunk;
      body(part.quotient, part.remainder, column,
           combine_rows<Combine, kCount, 8>(0, chunks, [&](int64_t row) {
             return results[row * kColumnTile + thread];
           }));
    }
    __syncthreads();
  }
}

// The rows of x[rows, columns], which are overwritten, combined into the first: by one block, for
// the kColumnTile columns from `begin` on that are before `end`. All its threads can read the result.
template <class Combine>
__device__ inline void combine_columns_in_place(float* x, int64_t rows, int64_t columns,
                                                int64_t begin, int64_t end) {
  constexpr int kGroups = kThreads / kColumnTile;
  const int thread = static_cast<int>(threadIdx.x);
  const int group = thread / kColumnTile;
  const int64_t column = begin + thread % kColumnTile;
  for (; rows > 1; rows = column_chunks_of(rows)) {
    // As in combine_in_place: all have read before one writes.
    const int64_t chunks = column_chunks_of(rows);
    for (int64_t turn = 0; turn < chunks; turn += kGroups) {
      const int64_t chunk = turn + group;
      const bool takes = column < end && chunk < chunks;
      Pack<1> result{};
      if (takes) {
        result = combine_rows<Combine, 1, kColumnChunk>(
            chunk * kColumnChunk, end_of_column_chunk(chunk, rows),
            [=](int64_t row) { return load<1>(x + row * columns + column); });
      }
      __syncthreads();
      if (takes) store(x + chunk * columns + column, result);
    }
    __syncthreads();
  }
}

// kCount sums of each column over the rows of each image, in a workspace of kCount * images * bands
// * columns floats.
template <int kCount>
struct ColumnSums {
  int64_t images, rows, columns, bands;
  float* workspace;

  template <class Operation>
  __device__ explicit ColumnSums(const Operation& operation)
      : images(operation.images),
        rows(operation.rows),
        columns(operation.columns),
        bands(bands_of(operation.rows)),
        workspace(operation.workspace) {}

  // The sums of an image, when finish has been called for its columns.
  __device__ float* of(int sum, int64_t image) const {
    return workspace + (sum * images + image) * bands * columns;
  }

  // The sums of bands, by all blocks of the grid.
  template <class TermsOf>
  __device__ void add_bands(const TermsOf& terms_of) const {
    combine_bands<Add, kCount>(
        images, rows, columns, terms_of,
        [&](int64_t image, int64_t band, int64_t column, const Pack<kCount>& results) {
          CLESSIDRA_UNROLL
          for (int sum = 0; sum < kCount; ++sum) {
            of(sum, image)[band * columns + column] = results.v[sum];
          }
        });
  }

  // The rest of the columns [begin, end) of an image, by one block, all of whose threads can read
  // the sums.
  __device__ void finish(int64_t image, int64_t begin, int64_t end) const {
    for (int sum = 0; sum < kCount; ++sum) {
      for (int64_t tile = begin; tile < end; tile += kColumnTile) {
        combine_columns_in_place<Add>(of(sum, image), bands, columns, tile, end);
      }
    }
  }
};

// Calls body(image, begin, end) for tiles of an image's columns, by whole blocks. A tile consists of
// whole groups of `group_columns` columns and has kColumnTile columns or one group.
template <class Body>
__device__ inline void for_column_tiles(int64_t images, int64_t columns, int64_t group_columns,
                                        const Body& body) {
  const int64_t width =
      group_columns < kColumnTile ? kColumnTile / group_columns * group_columns : group_columns;
  const int64_t tiles = (columns + width - 1) / width;
  for (int64_t i = blockIdx.x; i < images * tiles; i += gridDim.x) {
    const Division place = divide(i, tiles);
    const int64_t begin = place.remainder * width;
    body(place.quotient, begin, begin + width < columns ? begin + width : columns);
  }
}

// Rows that a thread takes in a pass over all elements: what belongs to a column serves them all.
constexpr int kRowGroup = 4;

// Some neighbouring columns of the rows [first, last) of an image, kRowGroup at most.
struct RowGroup {
  int64_t image, column, first, last;

  // Calls body(i, row) for each row, row counted over all images, i from 0 on.
  template <class Operation, class Body>
  __device__ void for_rows(const Operation& operation, const Body& body) const {
    CLESSIDRA_UNROLL
    for (int i = 0; i < kRowGroup; ++i) {
      if (first + i < last) body(i, image * operation.rows + first + i);
    }
  }
};

// All threads of the grid call body(group, Width<4>), where the columns and `vectors` allow it, or
// body(group, Width<1>), until all elements of [images, rows, columns] have been taken.
template <class Operation, class Body>
__device__ inline void for_row_groups(const Operation& operation, bool vectors, const Body& body) {
  const int64_t rows = operation.rows;
  const int64_t groups = (rows + kRowGroup - 1) / kRowGroup;
  for_elements(operation.images * groups * operation.columns,
               vectors && operation.columns % 4 == 0,
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Division place = divide(i, operation.columns);
                 const Division part = divide(place.quotient, groups);
                 const int64_t first = part.remainder * kRowGroup;
                 const int64_t last = first + kRowGroup < rows ? first + kRowGroup : rows;
                 body(RowGroup{part.quotient, place.remainder, first, last}, Width<kWidth>{});
               });
}

}  // namespace clessidra

#endif
