// Activations and their derivatives over Vec. The switch stands outside the loops.
#ifndef CLESSIDRA_CPU_ACTIVATION_H
#define CLESSIDRA_CPU_ACTIVATION_H

#include "clessidra/kernels.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// Calls body(f), f being the activation as a function from Vec to Vec.
template <class Body>
CLESSIDRA_FUNCTION void with_activation(int32_t activation, float slope, const Body& body) {
  const Vec zero{};
  const Vec leak = broadcast(slope);
  switch (activation) {
    case CLESSIDRA_RELU:
      return body([=](Vec x) { return x > zero ? x : zero; });
    case CLESSIDRA_LEAKY_RELU:
      return body([=](Vec x) { return x > zero ? x : leak * x; });
    case CLESSIDRA_SIGMOID:
      return body([](Vec x) { return sigmoid(x); });
    case CLESSIDRA_TANH:
      return body([](Vec x) { return hyperbolic_tangent(x); });
    case CLESSIDRA_SOFTPLUS:
      return body([](Vec x) { return softplus(x); });
    default:
      return body([](Vec x) { return x; });
  }
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
