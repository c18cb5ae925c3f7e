// Activations and their derivatives, chosen at compile time; see clessidra_activation.
#ifndef CLESSIDRA_CPU_ACTIVATION_H
#define CLESSIDRA_CPU_ACTIVATION_H

#include "clessidra/kernels.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

template <int kActivation>
CLESSIDRA_FUNCTION Vec activate(Vec x, Vec slope) {
  if constexpr (kActivation == CLESSIDRA_RELU) return larger(broadcast(0.0f), x);
  if constexpr (kActivation == CLESSIDRA_LEAKY_RELU) return x > broadcast(0.0f) ? x : slope * x;
  if constexpr (kActivation == CLESSIDRA_SIGMOID) return sigmoid(x);
  if constexpr (kActivation == CLESSIDRA_TANH) return hyperbolic_tangent(x);
  if constexpr (kActivation == CLESSIDRA_SOFTPLUS) return softplus(x);
  if constexpr (kActivation == CLESSIDRA_IDENTITY) return x;
}

// The derivative at the point where the activation is y.
template <int kActivation>
CLESSIDRA_FUNCTION Vec activation_derivative(Vec y, Vec slope) {
  const Vec one = broadcast(1.0f);
  if constexpr (kActivation == CLESSIDRA_RELU) return y > broadcast(0.0f) ? one : broadcast(0.0f);
  if constexpr (kActivation == CLESSIDRA_LEAKY_RELU) return y > broadcast(0.0f) ? one : slope;
  if constexpr (kActivation == CLESSIDRA_SIGMOID) return y * (one - y);
  if constexpr (kActivation == CLESSIDRA_TANH) return fma(-y, y, one);
  if constexpr (kActivation == CLESSIDRA_SOFTPLUS) return one - exponential(-y);
  if constexpr (kActivation == CLESSIDRA_IDENTITY) return one;
}

// Calls body with the activation as a compile-time constant.
template <class Body>
CLESSIDRA_FUNCTION void with_activation(int32_t activation, const Body& body) {
  switch (activation) {
    case CLESSIDRA_RELU:
      return body(std::integral_constant<int, CLESSIDRA_RELU>{});
    case CLESSIDRA_LEAKY_RELU:
      return body(std::integral_constant<int, CLESSIDRA_LEAKY_RELU>{});
    case CLESSIDRA_SIGMOID:
      return body(std::integral_constant<int, CLESSIDRA_SIGMOID>{});
    case CLESSIDRA_TANH:
      return body(std::integral_constant<int, CLESSIDRA_TANH>{});
    case CLESSIDRA_SOFTPLUS:
      return body(std::integral_constant<int, CLESSIDRA_SOFTPLUS>{});
    default:
      return body(std::integral_constant<int, CLESSIDRA_IDENTITY>{});
  }
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
