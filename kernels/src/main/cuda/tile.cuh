// Tiles of a matrix product C = A B, which gemm.cu and convolution.cu share; they differ in where the
// operands' elements lie. Each element of C is one chain of fused multiply-adds over the depth, kept
// in a register from the first to the last, so tiles of all sizes give the same bits.
//
//   tile of C (kRows x kColumns), one block
//     slice of the depth (kDepth) of both operands in shared memory, as [depth][row] and
//     [depth][column]; while one is used the next is loaded, first to registers, then to the other
//     half of the shared memory
//       tile of a warp, as a grid of lanes
//         tile of a thread in registers, groups of 4 rows and up to 4 columns that lie apart, so
//         that the lanes of a warp read neighbouring banks
//
// The launch picks the tile by the shape alone (CudaLaunches.java).
#ifndef CLESSIDRA_CUDA_TILE_CUH
#define CLESSIDRA_CUDA_TILE_CUH

#include "activation.cuh"

namespace clessidra {

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
  // Four more floats: lines and depths that are stored together then fall on different banks.
  static constexpr int kStrideOfA = kRows + 4;
  static constexpr int kStrideOfB = kColumns + 4;

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

template <class Tile>
struct Shared {
  alignas(16) float a[2][Tile::kDepth * Tile::kStrideOfA];
  alignas(16) float b[2][Tile::kDepth * Tile::kStrideOfB];
};

// How the threads of a block move a slice of an operand, by groups of 4 floats: kLines lines, which
// are rows of A or columns of B, by kDepth. Along: the 4 floats are neighbouring lines of one depth,
// else neighbouring depths of one line. An operand derives from this and has
//   load(depth, beyond)   fetches the next slice, of which `depth` are left; `beyond` stands for what
//                         lies past the end of the depth
template <int kLines, int kSliceDepth, int kThreads, bool kAlong>
class Slice {
 public:
  __device__ void store(float* slice) const {
    if (!active()) return;
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

 protected:
  static constexpr int kDepth = kSliceDepth;
  static constexpr int kStride = kLines + 4;
  // Along the lines a warp takes whole rows of the operand; across them two lanes take 32 bytes of a
  // line, a full sector, or one does where there are only as many threads as lines. All quads of a
  // thread start at the same line, kDepthStep apart.
  static constexpr int kSharers = kThreads < 2 * kLines ? 1 : 2;
  static constexpr int kTogether = kAlong ? kLines / 4 : kSharers * kLines;
  static constexpr int kDepthStep = kThreads / kTogether * (kAlong ? 1 : 4 * kSharers);
  static constexpr bool kAllActive = kDepthStep <= kDepth;
  static constexpr int kQuads = kAllActive ? kDepth / kDepthStep : 1;
  static_assert(kThreads % kTogether == 0 && (!kAllActive || kQuads * kDepthStep == kDepth));

  __device__ static int line() {
    const int thread = static_cast<int>(threadIdx.x);
    return kAlong ? thread % kTogether * 4 : thread / kSharers % kLines;
  }
  __device__ static int first_depth() {
    const int thread = static_cast<int>(threadIdx.x);
    return kAlong ? thread / kTogether
                  : thread / kTogether * (4 * kSharers) + thread % kSharers * 4;
  }
  // Whether the slice has something for this thread.
  __device__ static bool active() { return kAllActive || first_depth() < kDepth; }

  float4 quads_[kQuads] = {};
};

template <class Tile, bool kAlong>
using SliceOfA = Slice<Tile::kRows, Tile::kDepth, Tile::kThreads, kAlong>;
template <class Tile, bool kAlong>
using SliceOfB = Slice<Tile::kColumns, Tile::kDepth, Tile::kThreads, kAlong>;

// Four floats of which `left` may be there.
__device__ inline float4 load_quad(const float* start, int left, bool vectors, float beyond) {
  if (vectors && left >= 4) return *reinterpret_cast<const float4*>(start);
  return make_float4(left > 0 ? start[0] : beyond, left > 1 ? start[1] : beyond,
                     left > 2 ? start[2] : beyond, left > 3 ? start[3] : beyond);
}

// An operand that is a matrix in memory.
template <int kLines, int kSliceDepth, int kThreads, bool kAlong>
class MatrixSlice : public Slice<kLines, kSliceDepth, kThreads, kAlong> {
  using Base = Slice<kLines, kSliceDepth, kThreads, kAlong>;

 public:
  // The tile starts at `operand`, of which `lines` are there; stride: from one row of the matrix to
  // the next.
  __device__ MatrixSlice(const float* operand, int64_t stride, int lines, bool vectors)
      : from_(operand + (kAlong ? Base::first_depth() * stride + Base::line()
                                : Base::line() * stride + Base::first_depth())),
        stride_(stride),
        lines_(lines - Base::line()),
        vectors_(vectors) {}

  __device__ void load(int depth, float beyond) {
    if (!Base::active()) return;
    CLESSIDRA_UNROLL
    for (int q = 0; q < Base::kQuads; ++q) {
      const int p = Base::first_depth() + q * Base::kDepthStep;
      const bool there = kAlong ? p < depth : lines_ > 0;
      const int left = kAlong ? lines_ : depth - p;
      const float* const start = from_ + q * Base::kDepthStep * (kAlong ? stride_ : 1);
      this->quads_[q] = load_quad(start, there ? left : 0, vectors_, beyond);
    }
    from_ += Base::kDepth * (kAlong ? stride_ : 1);
  }

 private:
  const float* from_;
  int64_t stride_;
  int lines_;
  bool vectors_;
};

template <class Tile, bool kAlong>
using MatrixAsA = MatrixSlice<Tile::kRows, Tile::kDepth, Tile::kThreads, kAlong>;
template <class Tile, bool kAlong>
using MatrixAsB = MatrixSlice<Tile::kColumns, Tile::kDepth, Tile::kThreads, kAlong>;

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
      load_group<Tile::kGroupRows>(a + p * Tile::kStrideOfA + Tile::row(i) - Tile::row(0),
                                   rows + i);
    }
    CLESSIDRA_UNROLL
    for (int j = 0; j < Tile::kThreadColumns; j += Tile::kGroupColumns) {
      load_group<Tile::kGroupColumns>(
          b + p * Tile::kStrideOfB + Tile::column(j) - Tile::column(0), columns + j);
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

// Adds the products of two operands to the chains of this thread.
template <class Tile, class A, class B>
__device__ inline void multiply(A& a, B& b, int depth, Shared<Tile>& shared,
                                float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  if (depth == 0) return;
  // Past the end of the depth the product is -0 * 0 = -0, which added leaves every number as it is.
  const auto load = [&](int left) {
    a.load(left, -0.0f);
    b.load(left, 0.0f);
  };
  const auto store = [&](int half) {
    a.store(shared.a[half]);
    b.store(shared.b[half]);
  };
  load(depth);
  store(0);
  __syncthreads();
  int half = 0;
  for (int left = depth; left > 0; left -= Tile::kDepth) {
    const bool more = left > Tile::kDepth;
    if (more) load(left - Tile::kDepth);
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

// Where the results go: line(i) points to where row i of the tile starts, null if it is not there.
template <class Line>
struct Target {
  Line line;
  int columns;  // that are there, from the tile's first on
  bool vectors;
};
template <class Line>
Target(Line, int, bool) -> Target<Line>;

// The chains of this thread before the first product.
template <class Tile, class Line>
__device__ inline void start_chains(const Target<Line>& target, float beta,
                                    float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  CLESSIDRA_UNROLL
  for (int i = 0; i < Tile::kThreadRows; ++i) {
    CLESSIDRA_UNROLL
    for (int j = 0; j < Tile::kThreadColumns; ++j) chains[i][j] = 0.0f;
  }
  if (beta == 0.0f) return;
  CLESSIDRA_UNROLL
  for (int i = 0; i < Tile::kThreadRows; ++i) {
    const float* const line = target.line(Tile::row(i));
    CLESSIDRA_UNROLL
    for (int j = 0; j < Tile::kThreadColumns; j += Tile::kGroupColumns) {
      const int place = Tile::column(j);
      float group[Tile::kGroupColumns] = {};
      if (line != nullptr) {
        load_columns(line + place, target.columns - place, target.vectors, group);
      }
      CLESSIDRA_UNROLL
      for (int e = 0; e < Tile::kGroupColumns; ++e) chains[i][j + e] = beta * group[e];
    }
  }
}

// Bias and activation, and the results to memory; bias: of the tile's first column, or null.
template <class Tile, class Line>
__device__ inline void finish_chains(
    const Target<Line>& target, const float* bias, int32_t activation, float slope,
    const float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const bool rectify = activation == CLESSIDRA_RELU;
  const bool leak = activation == CLESSIDRA_LEAKY_RELU;
  CLESSIDRA_UNROLL
  for (int j = 0; j < Tile::kThreadColumns; j += Tile::kGroupColumns) {
    const int place = Tile::column(j);
    float shift[Tile::kGroupColumns];
    CLESSIDRA_UNROLL
    for (int e = 0; e < Tile::kGroupColumns; ++e) {
      shift[e] = bias != nullptr && place + e < target.columns ? bias[place + e] : -0.0f;
    }
    CLESSIDRA_UNROLL
    for (int i = 0; i < Tile::kThreadRows; ++i) {
      float y[Tile::kGroupColumns];
      CLESSIDRA_UNROLL
      for (int e = 0; e < Tile::kGroupColumns; ++e) {
        const float x = chains[i][j + e] + shift[e];
        y[e] = rectify ? (x < 0.0f ? 0.0f : x) : leak && !(x > 0.0f) ? slope * x : x;
      }
      float* const line = target.line(Tile::row(i));
      if (line != nullptr) {
        store_columns(line + place, target.columns - place, target.vectors, y);
      }
    }
  }
  // The other activations take too many instructions to have them once for every register: a thread
  // goes again over what it stored.
  if (activation > CLESSIDRA_LEAKY_RELU) {
#pragma unroll 1
    for (int i = 0; i < Tile::kThreadRows * Tile::kThreadColumns; ++i) {
      float* const line = target.line(Tile::row(i / Tile::kThreadColumns));
      const int place = Tile::column(i % Tile::kThreadColumns);
      if (line != nullptr && place < target.columns) {
        line[place] = activate(activation, Pack<1>{{line[place]}}, slope).v[0];
      }
    }
  }
}

using Tile128 = Tile<128, 128, 8, 2, 4, 8>;
using Tile64 = Tile<64, 64, 8, 2, 2, 4>;
using Tile32 = Tile<32, 32, 32, 2, 2, 4>;

}  // namespace clessidra

#endif
