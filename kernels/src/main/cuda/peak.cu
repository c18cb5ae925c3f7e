// Fused multiply-adds with nothing but registers.
#include "peak.cuh"

#include "kernel.cuh"

namespace clessidra {

extern "C" __global__ void __launch_bounds__(kThreads)
    peak(const __grid_constant__ clessidra_peak arguments) {
  // Independent, so that none waits for another.
  constexpr int kChains = 8;
  constexpr int kTurns = CLESSIDRA_PEAK_MULTIPLY_ADDS / kChains;
  float chains[kChains];
  CLESSIDRA_UNROLL
  for (int j = 0; j < kChains; ++j) chains[j] = static_cast<float>(j + 1);
  for (int64_t i = 0; i < arguments.iterations; ++i) {
    CLESSIDRA_UNROLL
    for (int turn = 0; turn < kTurns; ++turn) {
      CLESSIDRA_UNROLL
      for (int j = 0; j < kChains; ++j) chains[j] = fma(chains[j], 0.99951171875f, 0.001f);
    }
  }
  float total = 0.0f;
  CLESSIDRA_UNROLL
  for (int j = 0; j < kChains; ++j) total += chains[j];
  arguments.results[thread_of_grid()] = total;
}
EMULATOR_KERNEL(peak)

}  // namespace clessidra
