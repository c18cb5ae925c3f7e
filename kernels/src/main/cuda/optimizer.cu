// Optimizers on flat arrays of parameters, one pass each, and the state they step by.
#include "kernel.cuh"

namespace clessidra {

namespace {

__device__ inline double learning_rate(const clessidra_schedule& arguments, uint64_t step) {
  const double s = static_cast<double>(step);
  switch (arguments.kind) {
    case CLESSIDRA_WARMUP_COSINE: {
      const double warmup = static_cast<double>(arguments.warmup);
      if (s < warmup) return arguments.base * (s + 1.0) / warmup;
      const double length = static_cast<double>(arguments.total - arguments.warmup);
      const double t = (s - warmup) / (length > 1.0 ? length : 1.0);
      const double wave = 1.0 + cosine_of_half_turns(t < 1.0 ? t : 1.0);
      return arguments.floor + (arguments.base - arguments.floor) * wave / 2.0;
    }
    case CLESSIDRA_STEP_DECAY: {
      double rate = arguments.base;
      const uint64_t decays = step / static_cast<uint64_t>(arguments.every);
      // What is zero by now, or decays by a factor of one, has no use for millions of decays more.
      for (uint64_t i = 0; i < decays && rate * arguments.factor != rate; ++i) {
        rate *= arguments.factor;
      }
      return rate;
    }
    default:
      return arguments.base;
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(1)
    advance(const __grid_constant__ clessidra_advance arguments) {
  arguments.state->step += 1;
}
EMULATOR_KERNEL(advance)

extern "C" __global__ void __launch_bounds__(1)
    schedule(const __grid_constant__ clessidra_schedule arguments) {
  clessidra_training_state& state = *arguments.state;
  state.learning_rate = static_cast<float>(learning_rate(arguments, state.step));
  state.beta1_power *= arguments.beta1;
  state.beta2_power *= arguments.beta2;
}
EMULATOR_KERNEL(schedule)

extern "C" __global__ void __launch_bounds__(1)
    linear_warmup(const __grid_constant__ clessidra_linear_warmup arguments) {
  const uint64_t steps = static_cast<uint64_t>(arguments.steps);
  const uint64_t step = *arguments.step;
  arguments.y[0] =
      step < steps ? static_cast<float>(static_cast<double>(step) / static_cast<double>(steps))
                   : 1.0f;
}
EMULATOR_KERNEL(linear_warmup)

extern "C" __global__ void __launch_bounds__(kThreads)
    sgd(const __grid_constant__ clessidra_sgd arguments) {
  float* const parameters = arguments.parameters;
  const float* const gradients = arguments.gradients;
  float* const velocity = arguments.velocity;
  const float rate = -arguments.state->learning_rate;
  const float scale = arguments.state->gradient_scale;
  for_elements(
      arguments.count, aligned(parameters, gradients, velocity),
      [&]<int kWidth>(int64_t i, Width<kWidth>) {
        Pack<kWidth> p = load<kWidth>(parameters + i);
        Pack<kWidth> v = load<kWidth>(velocity + i);
        const Pack<kWidth> gradient = load<kWidth>(gradients + i);
        CLESSIDRA_UNROLL
        for (int j = 0; j < kWidth; ++j) {
          float g = gradient.v[j] * scale;
          if (arguments.weight_decay != 0.0f) g = fma(arguments.weight_decay, p.v[j], g);
          v.v[j] = fma(arguments.momentum, v.v[j], g);
          p.v[j] = fma(rate, arguments.nesterov ? fma(arguments.momentum, v.v[j], g) : v.v[j],
                       p.v[j]);
        }
        store(velocity + i, v);
        store(parameters + i, p);
      });
}
EMULATOR_KERNEL(sgd)

// Four blocks a multiprocessor leave registers enough for four elements a thread.
extern "C" __global__ void __launch_bounds__(kThreads, 4)
    adam(const __grid_constant__ clessidra_adam arguments) {
  // Double precision is slow on many GPUs: one thread of a block computes what all share.
  __shared__ float shared_rate;
  __shared__ float shared_correction;
  const clessidra_training_state& state = *arguments.state;
  if (threadIdx.x == 0) {
    const double rate = double{state.learning_rate} / (1.0 - state.beta1_power);
    shared_rate = -static_cast<float>(rate);
    shared_correction = static_cast<float>(1.0 / sqrt(1.0 - state.beta2_power));
  }
  __syncthreads();
  const float rate = shared_rate;
  const float correction = shared_correction;
  const float scale = state.gradient_scale;
  const float shrink = -state.learning_rate * arguments.weight_decay;
  const float first = 1.0f - arguments.beta1;
  const float second = 1.0f - arguments.beta2;
  const bool decays = arguments.weight_decay != 0.0f;
  float* const parameters = arguments.parameters;
  const float* const gradients = arguments.gradients;
  float* const first_moment = arguments.first_moment;
  float* const second_moment = arguments.second_moment;
  for_elements(arguments.count, aligned(parameters, gradients, first_moment, second_moment),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 Pack<kWidth> p = load<kWidth>(parameters + i);
                 Pack<kWidth> m = load<kWidth>(first_moment + i);
                 Pack<kWidth> v = load<kWidth>(second_moment + i);
                 const Pack<kWidth> gradient = load<kWidth>(gradients + i);
                 CLESSIDRA_UNROLL
                 for (int j = 0; j < kWidth; ++j) {
                   float g = gradient.v[j] * scale;
                   if (decays && !arguments.decoupled) g = fma(arguments.weight_decay, p.v[j], g);
                   m.v[j] = fma(first, g - m.v[j], m.v[j]);
                   v.v[j] = fma(second, fma(g, g, -v.v[j]), v.v[j]);
                   if (decays && arguments.decoupled) p.v[j] = fma(shrink, p.v[j], p.v[j]);
                   const float root = fma(square_root(v.v[j]), correction, arguments.epsilon);
                   p.v[j] = fma(rate, m.v[j] / root, p.v[j]);
                 }
                 store(first_moment + i, m);
                 store(second_moment + i, v);
                 store(parameters + i, p);
               });
}
EMULATOR_KERNEL(adam)

extern "C" __global__ void __launch_bounds__(kThreads)
    average(const __grid_constant__ clessidra_average arguments) {
  __shared__ float shared_rate;
  if (threadIdx.x == 0) {
    const double s = static_cast<double>(arguments.state->step);
    const double ramp = (1.0 + s) / (10.0 + s);
    shared_rate = 1.0f - static_cast<float>(arguments.decay < ramp ? arguments.decay : ramp);
  }
  __syncthreads();
  const float rate = shared_rate;
  const float* const x = arguments.x;
  float* const y = arguments.y;
  for_elements(arguments.count, aligned(x, y), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    store(y + i, map(load<kWidth>(x + i), load<kWidth>(y + i),
                     [&](float value, float old) { return fma(rate, value - old, old); }));
  });
}
EMULATOR_KERNEL(average)

}  // namespace clessidra
