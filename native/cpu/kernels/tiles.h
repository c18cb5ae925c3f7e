// What the kernels that multiply matrices share: how columns are cut into panels, how the last vector
// of a tile of registers is read and written, and tables of such tiles.
#ifndef CLESSIDRA_CPU_TILES_H
#define CLESSIDRA_CPU_TILES_H

#include <algorithm>

#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// Vectors of columns that a tile of registers has at most.
constexpr int kVectors = 3;

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

// Columns cut into panels of at most so many vectors, all about as wide.
struct Panels {
  int64_t columns, width, count;

  explicit Panels(int64_t columns, int64_t most_vectors = kVectors) : columns(columns) {
    const int64_t vectors = ceil_div(columns, kLanes);
    width = ceil_div(vectors, std::max<int64_t>(1, ceil_div(vectors, most_vectors))) * kLanes;
    count = columns == 0 ? 0 : ceil_div(columns, width);
  }
  // For tiles that have more rows if they are two vectors wide: none of one vector alone, which would
  // have a load for each multiply-add, where the columns can be cut so.
  static Panels without_single_vectors(int64_t columns) {
    const int64_t vectors = ceil_div(columns, kLanes);
    return Panels(columns, vectors % kVectors == 1 && vectors % 2 == 0 ? 2 : kVectors);
  }

  int64_t padded_columns() const { return rounded_up(columns, kLanes); }
  int64_t columns_of(int64_t panel) const { return std::min(width, columns - panel * width); }
  int64_t vectors() const { return width / kLanes; }
};

// A table of functions for tiles of 1 to 16 rows and 1 to kVectors vectors; those that have more rows
// than `most` says are not used.
#define CLESSIDRA_TILES(function, most, rows)                                               \
  {                                                                                         \
    function<std::min(rows, most[0]), 1>, function<std::min(rows, most[1]), 2>,             \
        function<std::min(rows, most[2]), 3>                                                \
  }
#define CLESSIDRA_ALL_TILES(function, most)                                                 \
  {                                                                                         \
    CLESSIDRA_TILES(function, most, 1), CLESSIDRA_TILES(function, most, 2),                 \
        CLESSIDRA_TILES(function, most, 3), CLESSIDRA_TILES(function, most, 4),             \
        CLESSIDRA_TILES(function, most, 5), CLESSIDRA_TILES(function, most, 6),             \
        CLESSIDRA_TILES(function, most, 7), CLESSIDRA_TILES(function, most, 8),             \
        CLESSIDRA_TILES(function, most, 9), CLESSIDRA_TILES(function, most, 10),            \
        CLESSIDRA_TILES(function, most, 11), CLESSIDRA_TILES(function, most, 12),           \
        CLESSIDRA_TILES(function, most, 13), CLESSIDRA_TILES(function, most, 14),           \
        CLESSIDRA_TILES(function, most, 15), CLESSIDRA_TILES(function, most, 16)            \
  }

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
