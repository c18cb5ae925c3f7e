// Matrix product in three tile sizes, all of which give the same bits: each element of C is one chain
// of fused multiply-adds over k, kept in a register from the first to the last.
//
//   tile of C (kRows x kColumns), one block
//     slice of k (kDepth) of both operands in shared memory, as [k][row] and [k][column]; while one
//     is used the next is loaded, first to registers, then to the other half of the shared memory
//       tile of a warp, as a grid of lanes
//         tile of a thread in registers, groups of 4 rows and up to 4 columns that lie apart, so
//         that the lanes of a warp read neighbouring banks
//
// The launch picks the tile by the shape alone (CudaLaunches.java).
#include "activation.cuh"

namespace clessidra {

namespace {

__host__ __device__ constexpr int smaller(int a, int b) { return a < b ? a : b; }

template <int kTileRows, int kTileColumns, int kSliceDepth, int kWarpsDown, int kWarpsAcross,
          int kLanesDown>
struct Tile {
  static constexpr int kRows = kTileRows;
  static constexpr int kColumns = kTileColumns;
  static constexpr int kDepth = kSliceDepth;
  static constexpr int kLanesAcross = kWarp / kLanesDown;
  static constexpr int kThreads = kWarp * kWarpsDown * kWarpsAcross;
  static constexpr int kThreadRows = kRows / (kWarpsDown * kLanesDown);
  static constexpr int kThreadColumns = kColumns / (kWarpsAcross * kLanesAcross);
  static constexpr int kGroupRows = smaller(kThreadRows, 4);
  static constexpr int kGroupColumns = smaller(kThreadColumns, 4);

  // The row of the tile that this thread has as its row i, and likewise the column.
  __device__ static int row(int i) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp / kWarpsAcross;
    const int lane = static_cast<int>(threadIdx.x) % kWarp / kLanesAcross;
    return warp * (kRows / kWarpsDown) + i / kGroupRows * (kLanesDown * kGroupRows) +
           lane * kGroupRows + i % kGroupRows;
  }
  __device__ static int column(int j) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp % kWarpsAcross;
    const int lane = static_cast<int>(threadIdx.x) % kWarp % kLanesAcross;
    return warp * (kColumns / kWarpsAcross) + j / kGroupColumns * (kLanesAcross * kGroupColumns) +
           lane * kGroupColumns + j % kGroupColumns;
  }
};

// The tile's rows of A (or columns of B), kLines, for one slice of k after the other. Along: the
// lines stand side by side in memory, else the depths of a line do.
template <int kLines, int kDepth, int kThreads, bool kAlong>
class Slice {
 public:
  // Four more floats: lines and depths that are stored together then fall on different banks.
  static constexpr int kStride = kLines + 4;
  static constexpr int kFloats = kDepth * kStride;

  // The tile starts at `operand`, of which `lines` are there.
  __device__ Slice(const float* operand, int64_t stride, int lines, bool vectors)
      : from_(operand + (kAlong ? first_depth() * stride + line()
                                : line() * stride + first_depth())),
        stride_(stride),
        lines_(lines - line()),
        vectors_(vectors) {}

  // Loads the slice that starts at the current depth, of which `depth` are left.
  __device__ void load(int depth, float beyond) {
    CLESSIDRA_UNROLL
    for (int q = 0; q < kQuads; ++q) {
      const int p = first_depth() + q * kDepthStep;
      const float* const start = from_ + q * kDepthStep * (kAlong ? stride_ : 1);
      const int left = kAlong ? lines_ : depth - p;
      const bool there = kAlong ? p < depth : lines_ > 0;
      if (vectors_ && there && left >= 4) {
        quads_[q] = *reinterpret_cast<const float4*>(start);
      } else {
        quads_[q].x = there && left > 0 ? start[0] : beyond;
        quads_[q].y = there && left > 1 ? start[1] : beyond;
        quads_[q].z = there && left > 2 ? start[2] : beyond;
        quads_[q].w = there && left > 3 ? start[3] : beyond;
      }
    }
    from_ += kDepth * (kAlong ? stride_ : 1);
  }

  __device__ void store(float* slice) const {
    CLESSIDRA_UNROLL
    for (int q = 0; q < kQuads; ++q) {
      float* const to = slice + (first_depth() + q * kDepthStep) * kStride + line();
      if constexpr (kAlong) {
        *reinterpret_cast<float4*>(to) = quads_[q];
      } else {
        to[0] = quads_[q].x;
        to[kStride] = quads_[q].y;
        to[2 * kStride] = quads_[q].z;
        to[3 * kStride] = quads_[q].w;
      }
    }
  }

 private:
  // Along the lines a warp takes whole rows of the operand; across them two lanes take 32 bytes of a
  // line, a full sector. All quads of a thread start at the same line.
  static constexpr int kQuads = kLines * kDepth / 4 / kThreads;
  static constexpr int kDepthStep = kAlong ? kThreads / (kLines / 4) : kThreads / (2 * kLines) * 8;
  static_assert(kThreads % (2 * kLines) == 0 && kQuads * kDepthStep == kDepth);

  __device__ static int line() {
    const int thread = static_cast<int>(threadIdx.x);
    return kAlong ? thread % (kLines / 4) * 4 : thread / 2 % kLines;
  }
  __device__ static int first_depth() {
    const int thread = static_cast<int>(threadIdx.x);
    return kAlong ? thread / (kLines / 4) : thread / (2 * kLines) * 8 + thread % 2 * 4;
  }

  const float* from_;
  int64_t stride_;
  int lines_;
  bool vectors_;
  float4 quads_[kQuads];
};

template <class Tile, bool kTranspose>
using SliceOfA = Slice<Tile::kRows, Tile::kDepth, Tile::kThreads, kTranspose>;
template <class Tile, bool kTranspose>
using SliceOfB = Slice<Tile::kColumns, Tile::kDepth, Tile::kThreads, !kTranspose>;

template <class Tile>
struct Shared {
  static constexpr int kStrideOfA = SliceOfA<Tile, false>::kStride;
  static constexpr int kStrideOfB = SliceOfB<Tile, false>::kStride;

  alignas(16) float a[2][SliceOfA<Tile, false>::kFloats];
  alignas(16) float b[2][SliceOfB<Tile, false>::kFloats];
};

// A group of floats at a multiple of its size.
template <int kGroup>
__device__ inline void load_group(const float* p, float* group) {
  if constexpr (kGroup == 4) {
    const float4 q = *reinterpret_cast<const float4*>(p);
    group[0] = q.x;
    group[1] = q.y;
    group[2] = q.z;
    group[3] = q.w;
  } else {
    static_assert(kGroup == 2);
    const float2 q = *reinterpret_cast<const float2*>(p);
    group[0] = q.x;
    group[1] = q.y;
  }
}

template <int kGroup>
__device__ inline void store_group(float* p, const float* group) {
  if constexpr (kGroup == 4) {
    *reinterpret_cast<float4*>(p) = make_float4(group[0], group[1], group[2], group[3]);
  } else {
    static_assert(kGroup == 2);
    *reinterpret_cast<float2*>(p) = make_float2(group[0], group[1]);
  }
}

// Adds the products of a slice to the chains of this thread.
template <class Tile>
__device__ inline void multiply_slice(const float* slice_a, const float* slice_b,
                                      float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const float* const a = slice_a + Tile::row(0);
  const float* const b = slice_b + Tile::column(0);
  CLESSIDRA_UNROLL
  for (int p = 0; p < Tile::kDepth; ++p) {
    float rows[Tile::kThreadRows];
    float columns[Tile::kThreadColumns];
    CLESSIDRA_UNROLL
    for (int i = 0; i < Tile::kThreadRows; i += Tile::kGroupRows) {
      load_group<Tile::kGroupRows>(a + p * Shared<Tile>::kStrideOfA + Tile::row(i) - Tile::row(0),
                                   rows + i);
    }
    CLESSIDRA_UNROLL
    for (int j = 0; j < Tile::kThreadColumns; j += Tile::kGroupColumns) {
      load_group<Tile::kGroupColumns>(
          b + p * Shared<Tile>::kStrideOfB + Tile::column(j) - Tile::column(0), columns + j);
    }
    CLESSIDRA_UNROLL
    for (int i = 0; i < Tile::kThreadRows; ++i) {
      CLESSIDRA_UNROLL
      for (int j = 0; j < Tile::kThreadColumns; ++j) {
        chains[i][j] = fma(rows[i], columns[j], chains[i][j]);
      }
    }
  }
}

template <class Tile, bool kTransposeA, bool kTransposeB>
__device__ inline void multiply(const clessidra_gemm& g, int row, int column,
                                Shared<Tile>& shared,
                                float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const int64_t lda = g.lda;
  const int64_t ldb = g.ldb;
  SliceOfA<Tile, kTransposeA> a(kTransposeA ? g.a + row : g.a + row * lda, lda, g.m - row,
                                aligned(g.a) && g.lda % 4 == 0);
  SliceOfB<Tile, kTransposeB> b(kTransposeB ? g.b + column * ldb : g.b + column, ldb,
                                g.n - column, aligned(g.b) && g.ldb % 4 == 0);
  // Past the end of k the product is -0 * 0 = -0, which added leaves every number as it is.
  const auto load = [&](int depth) {
    a.load(depth, -0.0f);
    b.load(depth, 0.0f);
  };
  const auto store = [&](int half) {
    a.store(shared.a[half]);
    b.store(shared.b[half]);
  };
  load(g.k);
  store(0);
  __syncthreads();
  int half = 0;
  for (int depth = g.k; depth > 0; depth -= Tile::kDepth) {
    const bool more = depth > Tile::kDepth;
    if (more) load(depth - Tile::kDepth);
    multiply_slice<Tile>(shared.a[half], shared.b[half], chains);
    if (more) {
      half = 1 - half;
      store(half);
      __syncthreads();
    }
  }
}

// A group of columns in a row of C, of which only `left` may be there.
template <int kGroup>
__device__ inline void load_columns(const float* row, int left, bool vectors,
                                    float (&group)[kGroup]) {
  if (vectors && left >= kGroup) {
    load_group<kGroup>(row, group);
  } else {
    CLESSIDRA_UNROLL
    for (int e = 0; e < kGroup; ++e) {
      if (e < left) group[e] = row[e];
    }
  }
}
template <int kGroup>
__device__ inline void store_columns(float* row, int left, bool vectors,
                                     const float (&group)[kGroup]) {
  if (vectors && left >= kGroup) {
    store_group<kGroup>(row, group);
  } else {
    CLESSIDRA_UNROLL
    for (int e = 0; e < kGroup; ++e) {
      if (e < left) row[e] = group[e];
    }
  }
}

// The chains of this thread before the first product; the tile starts at (row, column).
template <class Tile>
__device__ inline void start_chains(const clessidra_gemm& g, int row, int column,
                                    float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const bool vectors = aligned(g.c) && g.ldc % 4 == 0;
  const int rows = g.m - row;
  const int columns = g.n - column;
  float* const c = g.c + int64_t{row} * g.ldc + column;
  CLESSIDRA_UNROLL
  for (int i = 0; i < Tile::kThreadRows; ++i) {
    const int line = Tile::row(i);
    CLESSIDRA_UNROLL
    for (int j = 0; j < Tile::kThreadColumns; j += Tile::kGroupColumns) {
      const int place = Tile::column(j);
      float group[Tile::kGroupColumns] = {};
      if (g.beta != 0.0f && line < rows) {
        load_columns(c + int64_t{line} * g.ldc + place, columns - place, vectors, group);
      }
      CLESSIDRA_UNROLL
      for (int e = 0; e < Tile::kGroupColumns; ++e) {
        chains[i][j + e] = g.beta == 0.0f ? 0.0f : g.beta * group[e];
      }
    }
  }
}

// Bias and activation, and the results to memory.
template <class Tile>
__device__ inline void finish_chains(
    const clessidra_gemm& g, int row, int column,
    const float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const bool vectors = aligned(g.c) && g.ldc % 4 == 0;
  const int rows = g.m - row;
  const int columns = g.n - column;
  float* const c = g.c + int64_t{row} * g.ldc + column;
  const bool rectify = g.activation == CLESSIDRA_RELU;
  const bool leak = g.activation == CLESSIDRA_LEAKY_RELU;
  CLESSIDRA_UNROLL
  for (int j = 0; j < Tile::kThreadColumns; j += Tile::kGroupColumns) {
    const int place = Tile::column(j);
    float bias[Tile::kGroupColumns];
    CLESSIDRA_UNROLL
    for (int e = 0; e < Tile::kGroupColumns; ++e) {
      bias[e] = g.bias != nullptr && place + e < columns ? g.bias[column + place + e] : -0.0f;
    }
    CLESSIDRA_UNROLL
    for (int i = 0; i < Tile::kThreadRows; ++i) {
      const int line = Tile::row(i);
      float y[Tile::kGroupColumns];
      CLESSIDRA_UNROLL
      for (int e = 0; e < Tile::kGroupColumns; ++e) {
        const float x = chains[i][j + e] + bias[e];
        y[e] = rectify ? (x < 0.0f ? 0.0f : x) : leak && !(x > 0.0f) ? g.slope * x : x;
      }
      if (line < rows) {
        store_columns(c + int64_t{line} * g.ldc + place, columns - place, vectors, y);
      }
    }
  }
  // The other activations take too many instructions to have them once for every register: a thread
  // goes again over what it stored.
  if (g.activation > CLESSIDRA_LEAKY_RELU) {
#pragma unroll 1
    for (int i = 0; i < Tile::kThreadRows * Tile::kThreadColumns; ++i) {
      const int line = Tile::row(i / Tile::kThreadColumns);
      const int place = Tile::column(i % Tile::kThreadColumns);
      if (line < rows && place < columns) {
        float* const y = c + int64_t{line} * g.ldc + place;
        *y = activate(g.activation, Pack<1>{{*y}}, g.slope).v[0];
      }
    }
  }
}

template <class Tile>
__device__ inline void make_tile(const clessidra_gemm& g) {
  __shared__ Shared<Tile> shared;
  const uint32_t across = (static_cast<uint32_t>(g.n) + Tile::kColumns - 1) / Tile::kColumns;
  const int row = static_cast<int>(blockIdx.x / across * Tile::kRows);
  const int column = static_cast<int>(blockIdx.x % across * Tile::kColumns);
  float chains[Tile::kThreadRows][Tile::kThreadColumns];
  start_chains<Tile>(g, row, column, chains);
  if (g.k > 0) {
    if (g.transpose_a) {
      if (g.transpose_b) {
        multiply<Tile, true, true>(g, row, column, shared, chains);
      } else {
        multiply<Tile, true, false>(g, row, column, shared, chains);
      }
    } else {
      if (g.transpose_b) {
        multiply<Tile, false, true>(g, row, column, shared, chains);
      } else {
        multiply<Tile, false, false>(g, row, column, shared, chains);
      }
    }
  }
  finish_chains<Tile>(g, row, column, chains);
}

using Tile128 = Tile<128, 128, 8, 2, 4, 8>;
using Tile64 = Tile<64, 64, 8, 2, 2, 4>;
using Tile32 = Tile<32, 32, 32, 2, 2, 4>;

}  // namespace

extern "C" __global__ void __launch_bounds__(Tile128::kThreads, 2)
    gemm_128x128(const __grid_constant__ clessidra_gemm arguments) {
  make_tile<Tile128>(arguments);
}
EMULATOR_KERNEL(gemm_128x128)

extern "C" __global__ void __launch_bounds__(Tile64::kThreads, 5)
    gemm_64x64(const __grid_constant__ clessidra_gemm arguments) {
  make_tile<Tile64>(arguments);
}
EMULATOR_KERNEL(gemm_64x64)

extern "C" __global__ void __launch_bounds__(Tile32::kThreads, 4)
    gemm_32x32(const __grid_constant__ clessidra_gemm arguments) {
  make_tile<Tile32>(arguments);
}
EMULATOR_KERNEL(gemm_32x32)

}  // namespace clessidra
