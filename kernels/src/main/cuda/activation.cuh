// Activations and their derivatives; see clessidra_activation.
#ifndef CLESSIDRA_CUDA_ACTIVATION_CUH
#define CLESSIDRA_CUDA_ACTIVATION_CUH

#include "kernel.cuh"

namespace clessidra {

template <int kWidth>
__device__ inline Pack<kWidth> activate(int32_t activation, const Pack<kWidth>& x, float slope) {
  switch (activation) {
    case CLESSIDRA_RELU:
      return map(x, [](float v) { return v < 0.0f ? 0.0f : v; });
    case CLESSIDRA_LEAKY_RELU:
      return map(x, [=](float v) { return v > 0.0f ? v : slope * v; });
    case CLESSIDRA_SIGMOID:
      return map(x, [](float v) { return sigmoid(v); });
    case CLESSIDRA_TANH:
      return map(x, [](float v) { return hyperbolic_tangent(v); });
    case CLESSIDRA_SOFTPLUS:
      return map(x, [](float v) { return softplus(v); });
    default:
      return x;
  }
}

// The derivative at the point where the activation is y.
template <int kWidth>
__device__ inline Pack<kWidth> activation_derivative(int32_t activation, const Pack<kWidth>& y,
                                                     float slope) {
  switch (activation) {
    case CLESSIDRA_RELU:
      return map(y, [](float v) { return v > 0.0f ? 1.0f : 0.0f; });
    case CLESSIDRA_LEAKY_RELU:
      return map(y, [=](float v) { return v > 0.0f ? 1.0f : slope; });
    case CLESSIDRA_SIGMOID:
      return map(y, [](float v) { return v * (1.0f - v); });
    case CLESSIDRA_TANH:
      return map(y, [](float v) { return fma(-v, v, 1.0f); });
    case CLESSIDRA_SOFTPLUS:
      return map(y, [](float v) { return 1.0f - exponential(-v); });
    default:
      return map(y, [](float) { return 1.0f; });
  }
}

}  // namespace clessidra

#endif
