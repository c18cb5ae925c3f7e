// The limit that kernels are held to.
#include "kernel_table.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// More chains than two units of four cycles can have in flight, and few enough for 16 registers.
double run_multiply_adds(int64_t iterations) {
  constexpr int kChains = 12;
  constexpr int kTurns = kPeakMultiplyAdds / (kChains * kLanes);
  Vec chains[kChains];
  for (int j = 0; j < kChains; ++j) chains[j] = broadcast(static_cast<float>(j + 1));
  const Vec factor = broadcast(0.99951171875f);
  const Vec addend = broadcast(0.001f);
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 4
    for (int turn = 0; turn < kTurns; ++turn) {
#pragma GCC unroll 12
      for (int j = 0; j < kChains; ++j) {
#if defined(__FMA__)
        chains[j] = fma(chains[j], factor, addend);
#else
        // This instruction set has no fused multiply-add: its limit is one of each.
        chains[j] = chains[j] * factor + addend;
#endif
      }
    }
  }
  double total = 0.0;
  for (int j = 0; j < kChains; ++j) {
    for (int lane = 0; lane < kLanes; ++lane) total += static_cast<double>(chains[j][lane]);
  }
  return total;
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
