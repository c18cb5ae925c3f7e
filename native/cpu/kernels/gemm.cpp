// Matrix product after Goto & van de Geijn, "Anatomy of high-performance matrix multiplication"
// (ACM TOMS 2008), with the loops ordered for matrices of a few hundred to a few thousand:
//
//   strip of A (kStripRows x whole slices of depth) packed by all threads, in panels of kRows rows,
//   unless that does not pay
//     block of C (rows x columns), one task, taken by any thread
//       panel of C (rows x kColumns)
//         slice of depth at most kDepth, whose panel of B (slice x kColumns), packed by the task unless
//         rows are few, stays in a near cache; several panels at once where rows of B crowd
//           tile of C (kRows x kColumns) in registers
//
// Each element of C is one chain over k: a tile starts from what the slice before left, and threads
// divide C alone, never k. Between slices a panel lies with its rows side by side: those of C may be
// so far apart that they crowd into few sets of the caches.
#include <algorithm>

#include "../scratch.h"
#include "activation.h"
#include "kernel_table.h"
#include "tiles.h"
#include "transpose.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// 8 x 48 fills 24 of 32 AVX-512 registers, 4 x 24 fills 12 of 16 AVX2 registers.
#if defined(__AVX512F__)
constexpr int kRows = 8;
#else
constexpr int kRows = 4;
#endif
constexpr int kColumns = kVectors * kLanes;
constexpr int64_t kDepth = 400;
constexpr int64_t kStripRows = 2048;
constexpr int64_t kStripFloats = 1 << 20;
constexpr int64_t kBlockRows = 512;
// A is read where it stands if C has at most so many columns, so that a packed A would be read too
// seldom to pay; if it has so few rows; or, if it is stored transposed, is so shallow that its rows
// stay in the cache. Else packed rows are easier to foresee for the processor.
constexpr int64_t kFewColumns = 192;
constexpr int64_t kFewRows = 256;
constexpr int64_t kShallow = 64;
// B is read where it stands up to so many rows: packed, it would be read too seldom to pay. Up to more
// where its vectors are aligned and its rows not crowded, which are read as fast as packed ones; with
// AVX-512 not measured.
constexpr int64_t kDirectRows = 24;
constexpr int64_t kDirectRowsAligned = kLanes < 16 ? 128 : kDirectRows;
// How early the first of the tiles that read B where it stands, and who packs several panels, ask for
// its rows.
constexpr int64_t kRowsAhead = 8;
// Rows of B at multiples of these distances crowd into few sets: of all caches, of the nearest one.
constexpr int64_t kCrowdedFloats = 1024;
constexpr int64_t kCrowdedNearFloats = 256;
// Floats of B that are packed at once where its rows crowd and those of A are few: the rest of a line
// would be lost before the next panel needs it.
constexpr int64_t kPackedFloats = 1 << 16;
constexpr int kCacheLineFloats = 16;
// Rows of C that are worth a thread of their own.
constexpr int64_t kThreadRows = 64;

// to[p * width + i] = from[i * stride + p] for i < lines, p < depth; +0 for lines <= i < width.
void pack_across(const float* from, int64_t stride, int64_t lines, int64_t depth, float* to,
                 int64_t width) {
  transpose(from, stride, lines, depth, to, width);
  for (int64_t i = lines; i < width; ++i)
    for (int64_t p = 0; p < depth; ++p) to[p * width + i] = 0.0f;
}

// to[p * width + i] = from[p * stride + i] for i < lines, p < depth; +0 for lines <= i < width. More
// lines than the width become several panels, one behind the other.
template <int kWidth>
void pack_along(const float* from, int64_t stride, int64_t lines, int64_t depth, float* to) {
  if (lines == kWidth) {
    for (int64_t p = 0; p < depth; ++p) std::memcpy(to + p * kWidth, from + p * stride, 4 * kWidth);
    return;
  }
  const int64_t whole = lines / kWidth * kWidth;
  for (int64_t p = 0; p < depth; ++p) {
    const float* const row = from + p * stride;
    for (int64_t i = 0; i < whole; i += kCacheLineFloats) {
      __builtin_prefetch(row + kRowsAhead * stride + i);
    }
    float* const panel = to + p * kWidth;
    for (int64_t i = 0; i < whole; i += kWidth) {
      std::memcpy(panel + i * depth, row + i, 4 * kWidth);
    }
    for (int64_t i = 0; whole < lines && i < kWidth; ++i) {
      panel[whole * depth + i] = whole + i < lines ? row[whole + i] : 0.0f;
    }
  }
}

using Tile = void (*)(int64_t depth, const float* a, int64_t lda, const float* b, int64_t b_stride,
                      const float* start, int64_t start_stride, float* c, int64_t ldc,
                      int64_t columns, float seed, const float* next_c);

// How a tile finds A: in a packed panel of kRows rows, where it stands, or where it stands transposed.
enum class Layout { kPanel, kPlain, kTransposed };

template <Layout kLayout, bool kFetches = false>
struct Tiles {
  // c = seed * start + a b for R x columns of C, V = ceil(columns / kLanes); b has rows of b_stride
  // floats, all V vectors of which may be read. Every loop over the tile is unrolled, or the sums
  // would not stay in registers.
  // On the way it fetches the rows that the next tile writes, and if kFetches those of B,
  // neither of which the processor can foresee.
  template <int R, int V>
  static void multiply(int64_t depth, const float* a, int64_t lda, const float* b, int64_t b_stride,
                       const float* start, int64_t start_stride, float* c, int64_t ldc,
                       int64_t columns, float seed, const float* next_c) {
    Vec sum[R][V];
    const int64_t last = columns - (V - 1) * kLanes;
    if (seed == 0.0f) {
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[i][v] = Vec{};
    } else {
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
        for (int v = 0; v < V - 1; ++v) sum[i][v] = load(start + i * start_stride + v * kLanes);
        sum[i][V - 1] = load_columns(start + i * start_stride + (V - 1) * kLanes, last);
      }
      if (seed != 1.0f) {
        const Vec factor = broadcast(seed);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) sum[i][v] = sum[i][v] * factor;
      }
    }
    const auto step = [&]() __attribute__((always_inline)) {
      Vec row[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        row[v] = load(b + v * kLanes);
        if constexpr (kFetches) __builtin_prefetch(b + kRowsAhead * b_stride + v * kLanes);
      }
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        const Vec element = broadcast(a[kLayout == Layout::kPlain ? i * lda : i]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[i][v] = fma(element, row[v], sum[i][v]);
      }
      a += kLayout == Layout::kPanel ? kRows : kLayout == Layout::kPlain ? 1 : lda;
      b += kLayout == Layout::kPanel ? kColumns : b_stride;  // a constant saves an instruction
    };
    int64_t p = 0;
    for (; p < kRows && p < depth; ++p) {
      for (int v = 0; v < V; ++v) __builtin_prefetch(next_c + p * ldc + v * kLanes, 1);
      step();
    }
#pragma GCC unroll 4
    for (; p < depth; ++p) step();
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < V - 1; ++v) store(c + i * ldc + v * kLanes, sum[i][v]);
      store_columns(c + i * ldc + (V - 1) * kLanes, sum[i][V - 1], last);
    }
  }
};

constexpr int kMostRows[kVectors] = {kRows, kRows, kRows};
using Panel = Tiles<Layout::kPanel>;
using Plain = Tiles<Layout::kPlain>;
using PlainFetching = Tiles<Layout::kPlain, true>;
using Transposed = Tiles<Layout::kTransposed>;
constexpr Tile kPanelTiles[][kVectors] = CLESSIDRA_ALL_TILES(Panel::multiply, kMostRows);
constexpr Tile kPlainTiles[][kVectors] = CLESSIDRA_ALL_TILES(Plain::multiply, kMostRows);
constexpr Tile kFetchingTiles[][kVectors] =
    CLESSIDRA_ALL_TILES(PlainFetching::multiply, kMostRows);
constexpr Tile kTransposedTiles[][kVectors] = CLESSIDRA_ALL_TILES(Transposed::multiply, kMostRows);

// c = activation(c + bias).
void finish(float* c, int64_t ldc, int64_t rows, int64_t columns, const float* bias,
            int32_t activation, float slope) {
  const Vec leak = broadcast(slope);
  with_activation(activation, [&](auto f) {
    with_flag(bias != nullptr, [&](auto biased) {
      for (int64_t i = 0; i < rows; ++i) {
        float* const row = c + i * ldc;
        for_vectors(0, columns, [&](int64_t j, auto n) {
          Vec x = load_part(row + j, n);
          if constexpr (biased) x += load_part(bias + j, n);
          store_part(row + j, activate<f>(x, leak), n);
        });
      }
    });
  });
}

// One task: C rows [row, row_end) and columns [column, column_end) for depth [0, depth) of a strip.
struct Strip {
  const clessidra_gemm& g;
  // Slices (the last may be less deep), each of panels of kRows rows; null for A where it stands.
  const float* packed_a;
  int64_t first_row, rows, padded_rows;
  int64_t first_depth, depth, slice_depth;

  bool reads_b_directly() const {
    if (g.transpose_b || packed_a != nullptr || packs_panels_together()) return false;
    const bool even = g.ldb % kLanes == 0 && g.ldb % kCrowdedNearFloats != 0;
    return rows <= (even ? kDirectRowsAligned : kDirectRows);
  }

  bool packs_panels_together() const {
    return !g.transpose_b && packed_a == nullptr && rows <= kDirectRowsAligned &&
           g.ldb % kCrowdedFloats == 0;
  }

  // Where row i of A for the slice from depth p of the strip starts.
  const float* panel_of_a(int64_t p, int64_t slice, int64_t i) const {
    if (packed_a != nullptr) return packed_a + p * padded_rows + i * slice;
    return g.transpose_a ? g.a + (first_depth + p) * g.lda + first_row + i
                         : g.a + (first_row + i) * g.lda + first_depth + p;
  }

  // Where the panel of B for depth p of the strip and column j starts.
  const float* panel_of_b(int64_t p, int64_t j) const {
    return g.transpose_b ? g.b + j * g.ldb + first_depth + p : g.b + (first_depth + p) * g.ldb + j;
  }

  // Asks for a share of the rows of the panel of B for depth [p, p + slice) and column j: those that
  // are due before row i of `end`. They lie far apart, and packing them would wait for each.
  // Inlined in any case: GCC takes calls of a function for dead that does nothing but this.
  CLESSIDRA_FUNCTION void fetch_panel_of_b(int64_t p, int64_t slice, int64_t j, int64_t i,
                                           int64_t end) const {
    const int64_t last = slice * std::min(i + kRows, end) / end;
    for (int64_t r = slice * i / end; r < last; ++r)
      for (int v = 0; v < kColumns; v += kCacheLineFloats) __builtin_prefetch(panel_of_b(p + r, j) + v);
  }

  void multiply(int64_t row, int64_t row_end, int64_t column, int64_t column_end) const {
    const bool plain = g.bias == nullptr && g.activation == CLESSIDRA_IDENTITY;
    const bool direct = reads_b_directly();
    const bool together = packs_panels_together();
    const int64_t block_rows = row_end - row;
    const int64_t group =
        together ? std::min(std::max<int64_t>(1, kPackedFloats / (slice_depth * kColumns)) * kColumns,
                            rounded_up(column_end - column, kColumns))
                 : kColumns;
    float* const packed = thread_scratch(Scratch::kPrivate, (slice_depth + block_rows) * group);
    for (int64_t first = column; first < column_end; first += group) {
      const int64_t group_end = std::min(first + group, column_end);
      for (int64_t p = 0; p < depth; p += slice_depth) {
        const int64_t slice = std::min(slice_depth, depth - p);
        const bool last = p + slice == depth;
        if (together) {
          pack_along<kColumns>(panel_of_b(p, first), g.ldb, group_end - first, slice, packed);
        }
        for (int64_t j = first; j < group_end; j += kColumns) {
          const int64_t columns = std::min<int64_t>(kColumns, group_end - j);
          float* const c = g.c + (first_row + row) * g.ldc + j;
          float* const panel = packed + (j - first) * slice;
          float* const sums = packed + slice_depth * group + (j - first) * block_rows;
          const float* start = p == 0 ? c : sums;
          const int64_t start_stride = p == 0 ? g.ldc : kColumns;
          float* to = last ? c : sums;
          const int64_t to_stride = last ? g.ldc : kColumns;
          const float seed = first_depth + p == 0 ? g.beta : 1.0f;
          const float* b = panel;
          int64_t b_stride = kColumns;
          if (g.transpose_b) {
            pack_across(panel_of_b(p, j), g.ldb, columns, slice, panel, kColumns);
          } else if (direct && columns % kLanes == 0) {
            b = panel_of_b(p, j);
            b_stride = g.ldb;
          } else if (!together) {
            pack_along<kColumns>(panel_of_b(p, j), g.ldb, columns, slice, panel);
          }
          const int64_t next_p = last ? 0 : p + slice;
          const int64_t next_slice = std::min(slice_depth, depth - next_p);
          const int64_t next_j = last ? j + kColumns : j;
          const bool fetches = b == panel && !g.transpose_b && !together && next_j < column_end;
          float* const next_panel = last ? c + kColumns : sums;
          for (int64_t i = row; i < row_end; i += kRows) {
            if (fetches) fetch_panel_of_b(next_p, next_slice, next_j, i - row, block_rows);
            const int64_t tile_rows = std::min<int64_t>(kRows, row_end - i);
            float* const next_to = to + kRows * to_stride;
            const auto& tiles = packed_a != nullptr      ? kPanelTiles
                                : g.transpose_a          ? kTransposedTiles
                                : i == row && b != panel ? kFetchingTiles
                                                         : kPlainTiles;
            tiles[tile_rows - 1][(columns - 1) / kLanes](
                slice, panel_of_a(p, slice, i), g.lda, b, b_stride, start, start_stride, to,
                to_stride, columns, seed, i + kRows < row_end ? next_to : next_panel);
            start += kRows * start_stride;
            to = next_to;
          }
          if (last && first_depth + depth == g.k && !plain) {
            finish(c, g.ldc, block_rows, columns, g.bias == nullptr ? nullptr : g.bias + j,
                   g.activation, g.slope);
          }
        }
      }
    }
  }
};

// Packs rows [i, i + kRows) of the strip into every slice.
void pack_panel(const Strip& s, int64_t i, float* packed) {
  const clessidra_gemm& g = s.g;
  const int64_t row = s.first_row + i;
  const int64_t rows = std::min<int64_t>(kRows, s.rows - i);
  for (int64_t p = 0; p < s.depth; p += s.slice_depth) {
    const int64_t slice = std::min(s.slice_depth, s.depth - p);
    const int64_t k = s.first_depth + p;
    float* to = packed + p * s.padded_rows + i * slice;
    if (g.transpose_a) {
      pack_along<kRows>(g.a + k * g.lda + row, g.lda, rows, slice, to);
    } else {
      pack_across(g.a + row * g.lda + k, g.lda, rows, slice, to, kRows);
    }
  }
}

// Rows of B that a product of one row takes at once, and how many of their columns: these sums stay in
// the first-level cache, and so do the rows that are asked for early.
constexpr int kRowsAtOnce = 8;
constexpr int64_t kColumnsAtOnce = 512;

// c[column + j] = fma(a[p + r], b[p + r][column + j], c[column + j]) for r = 0 to R - 1 in turn.
template <int R>
void add_rows(const clessidra_gemm& g, int64_t p, int64_t column, int64_t columns) {
  const int64_t step = g.transpose_a ? g.lda : 1;
  const float* const b = g.b + p * g.ldb + column;
  float* const c = g.c + column;
  Vec element[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) element[r] = broadcast(g.a[(p + r) * step]);
  for_vectors(0, columns, [&](int64_t j, auto n) {
    Vec sum = load_part(c + j, n);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      __builtin_prefetch(b + (r + R) * g.ldb + j);
      sum = fma(element[r], load_part(b + r * g.ldb + j, n), sum);
    }
    store_part(c + j, sum, n);
  });
}

// A product of one row: B is read once, in pieces as long as can be, and that is what takes the time.
void multiply_single_row(ThreadPool& threads, const clessidra_gemm& g, bool small) {
  const int64_t turns = small ? 1 : threads.threads();
  const int64_t tasks = ceil_div(g.n, kColumnsAtOnce * turns) * turns;
  const int64_t grain = ceil_div(ceil_div(g.n, kLanes), tasks) * kLanes;
  const Vec seed = broadcast(g.beta);
  threads.for_ranges(g.n, grain, [&](int64_t column, int64_t column_end) {
    const int64_t columns = column_end - column;
    float* const c = g.c + column;
    for_vectors(0, columns, [&](int64_t j, auto n) {
      store_part(c + j, g.beta == 0.0f ? Vec{} : seed * load_part(c + j, n), n);
    });
    int64_t p = 0;
    for (; p + kRowsAtOnce <= g.k; p += kRowsAtOnce) add_rows<kRowsAtOnce>(g, p, column, columns);
    for (; p < g.k; ++p) add_rows<1>(g, p, column, columns);
    finish(c, g.ldc, 1, columns, g.bias == nullptr ? nullptr : g.bias + column, g.activation,
           g.slope);
  });
}

// c = activation(beta * c + bias), what is left of a product of depth 0.
void finish_without_product(ThreadPool& threads, const clessidra_gemm& g) {
  const Vec seed = broadcast(g.beta);
  threads.for_ranges(g.m, grain_rows(g.n), [&](int64_t begin, int64_t end) {
    float* const c = g.c + begin * g.ldc;
    for (int64_t i = 0; g.beta != 1.0f && i < end - begin; ++i) {
      float* const row = c + i * g.ldc;
      for_vectors(0, g.n, [&](int64_t j, auto n) {
        store_part(row + j, g.beta == 0.0f ? Vec{} : seed * load_part(row + j, n), n);
      });
    }
    finish(c, g.ldc, end - begin, g.n, g.bias, g.activation, g.slope);
  });
}

}  // namespace

void gemm(ThreadPool& threads, const clessidra_gemm& g) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) return finish_without_product(threads, g);
  // Below this many multiply-adds another thread costs more than it brings.
  const bool small = int64_t{g.m} * g.n * g.k < 1 << 16;
  if (g.m == 1 && !g.transpose_b) return multiply_single_row(threads, g, small);
  // Slices of about the same depth: each costs a pass over C.
  const int64_t slices = std::max<int64_t>(1, ceil_div(g.k, kDepth));
  const int64_t slice_depth = std::max<int64_t>(1, ceil_div(g.k, slices));
  for (int64_t row = 0; row < g.m; row += kStripRows) {
    const int64_t rows = std::min<int64_t>(kStripRows, g.m - row);
    const int64_t panels = ceil_div(rows, kRows);
    const int64_t strip_depth =
        slice_depth * std::max<int64_t>(1, kStripFloats / (panels * kRows * slice_depth));
    for (int64_t p = 0; p < std::max(g.k, 1); p += strip_depth) {
      const int64_t depth = std::min<int64_t>(strip_depth, g.k - p);
      Strip strip{g, nullptr, row, rows, panels * kRows, p, depth, slice_depth};
      if (g.n > kFewColumns && (g.transpose_a ? g.k > kShallow : rows > kFewRows)) {
        float* const packed = thread_scratch(Scratch::kShared, panels * kRows * depth);
        const int64_t panels_per_task = std::max<int64_t>(1, (1 << 14) / (kRows * (depth + 1)));
        threads.for_ranges(
            panels, small ? panels : panels_per_task, [&](int64_t begin, int64_t end) {
              for (int64_t i = begin; i < end; ++i) pack_panel(strip, i * kRows, packed);
            });
        strip.packed_a = packed;
      }
      const int64_t column_panels = ceil_div(g.n, kColumns);
      if (small) {
        strip.multiply(0, rows, 0, g.n);
        continue;
      }
      // About 8 tasks a thread, so that a thread that lost time leaves work to the others; 2 where a task
      // has to be wide.
      // With few columns it is the rows that give every thread work: threads that write the same rows
      // at the same time would fight over the cache lines in which their columns meet.
      const int64_t row_blocks = std::max(
          ceil_div(rows, kBlockRows),
          std::min({int64_t{threads.threads()}, ceil_div(4 * threads.threads(), column_panels),
                    ceil_div(rows, kThreadRows)}));
      const int64_t block_rows = ceil_div(ceil_div(rows, row_blocks), kRows) * kRows;
      const int64_t wanted = (strip.packs_panels_together() ? 2 : 8) * threads.threads();
      const int64_t block_panels =
          std::clamp<int64_t>(row_blocks * column_panels / wanted, 1, column_panels);
      const int64_t column_blocks = ceil_div(column_panels, block_panels);
      // A thread's share is rows of blocks: their part of A stays in its cache, while all threads read
      // the same part of B.
      threads.for_each(row_blocks * column_blocks, [&](int64_t task) {
        const int64_t i = task / column_blocks * block_rows;
        const int64_t j = task % column_blocks * block_panels * kColumns;
        strip.multiply(i, std::min(i + block_rows, rows), j,
                       std::min<int64_t>(j + block_panels * kColumns, g.n));
      });
    }
  }
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
