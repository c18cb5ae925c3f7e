// Matrix product in three tile sizes (tile.cuh).
#include "tile.cuh"

namespace clessidra {

namespace {

template <class Tile, bool kTransposeA, bool kTransposeB>
__device__ inline void multiply_matrices(
    const clessidra_gemm& g, int row, int column, Shared<Tile>& shared,
    float (&chains)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const int64_t lda = g.lda;
  const int64_t ldb = g.ldb;
  MatrixAsA<Tile, kTransposeA> a(kTransposeA ? g.a + row : g.a + row * lda, lda, g.m - row,
                                 aligned(g.a) && g.lda % 4 == 0);
  MatrixAsB<Tile, !kTransposeB> b(kTransposeB ? g.b + column * ldb : g.b + column, ldb,
                                  g.n - column, aligned(g.b) && g.ldb % 4 == 0);
  multiply(a, b, g.k, shared, chains);
}

template <class Tile>
__device__ inline void make_tile(const clessidra_gemm& g) {
  __shared__ Shared<Tile> shared;
  const uint32_t across = (static_cast<uint32_t>(g.n) + Tile::kColumns - 1) / Tile::kColumns;
  const int row = static_cast<int>(blockIdx.x / across * Tile::kRows);
  const int column = static_cast<int>(blockIdx.x % across * Tile::kColumns);
  float* const c = g.c + int64_t{row} * g.ldc + column;
  const Target target{
      [&](int i) { return i < g.m - row ? c + int64_t{i} * g.ldc : nullptr; }, g.n - column,
      aligned(g.c) && g.ldc % 4 == 0};
  float chains[Tile::kThreadRows][Tile::kThreadColumns];
  start_chains<Tile>(target, g.beta, chains);
  if (g.transpose_a) {
    if (g.transpose_b) {
      multiply_matrices<Tile, true, true>(g, row, column, shared, chains);
    } else {
      multiply_matrices<Tile, true, false>(g, row, column, shared, chains);
    }
  } else {
    if (g.transpose_b) {
      multiply_matrices<Tile, false, true>(g, row, column, shared, chains);
    } else {
      multiply_matrices<Tile, false, false>(g, row, column, shared, chains);
    }
  }
  finish_chains<Tile>(target, g.bias == nullptr ? nullptr : g.bias + column, g.activation, g.slope,
                      chains);
}

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
