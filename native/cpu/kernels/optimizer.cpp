// Optimizers on flat arrays of parameters, one pass each, and the state they step by.
#include "kernel_table.h"
#include "simd.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Floats that Adam asks for before it needs them: four streams are more than the processor foresees.
constexpr int64_t kAhead = 512;

double learning_rate(const clessidra_schedule& arguments, uint64_t step) {
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

void advance(ThreadPool&, const clessidra_advance& arguments) { arguments.state->step += 1; }

void schedule(ThreadPool&, const clessidra_schedule& arguments) {
  clessidra_training_state& state = *arguments.state;
  state.learning_rate = static_cast<float>(learning_rate(arguments, state.step));
  state.beta1_power *= arguments.beta1;
  state.beta2_power *= arguments.beta2;
}

void linear_warmup(ThreadPool&, const clessidra_linear_warmup& arguments) {
  const uint64_t steps = static_cast<uint64_t>(arguments.steps);
  const uint64_t step = *arguments.step;
  arguments.y[0] =
      step < steps ? static_cast<float>(static_cast<double>(step) / static_cast<double>(steps))
                   : 1.0f;
}

void sgd(ThreadPool& threads, const clessidra_sgd& arguments) {
  const clessidra_training_state state = *arguments.state;
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    float* const parameters = arguments.parameters;
    const float* const gradients = arguments.gradients;
    float* const velocity = arguments.velocity;
    const Vec gradient_scale = broadcast(state.gradient_scale);
    const Vec momentum = broadcast(arguments.momentum);
    const Vec weight_decay = broadcast(arguments.weight_decay);
    const Vec rate = broadcast(-state.learning_rate);
    with_flag(arguments.weight_decay != 0.0f, [&](auto decay) {
      with_flag(arguments.nesterov != 0, [&](auto nesterov) {
        for_vectors(begin, end, [&](int64_t i, auto n) {
          const Vec p = load_part(parameters + i, n);
          Vec g = load_part(gradients + i, n) * gradient_scale;
          if constexpr (decay) g = fma(weight_decay, p, g);
          const Vec v = fma(momentum, load_part(velocity + i, n), g);
          store_part(velocity + i, v, n);
          store_part(parameters + i, fma(rate, nesterov ? fma(momentum, v, g) : v, p), n);
        });
      });
    });
  });
}

void adam(ThreadPool& threads, const clessidra_adam& arguments) {
  const clessidra_training_state state = *arguments.state;
  const double c1 = double{state.learning_rate} / (1.0 - state.beta1_power);
  const double c2 = 1.0 / __builtin_sqrt(1.0 - state.beta2_power);
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    float* const parameters = arguments.parameters;
    const float* const gradients = arguments.gradients;
    float* const first_moment = arguments.first_moment;
    float* const second_moment = arguments.second_moment;
    const Vec gradient_scale = broadcast(state.gradient_scale);
    const Vec weight_decay = broadcast(arguments.weight_decay);
    const Vec shrink = broadcast(-state.learning_rate * arguments.weight_decay);
    const Vec first = broadcast(1.0f - arguments.beta1);
    const Vec second = broadcast(1.0f - arguments.beta2);
    const Vec rate = broadcast(-static_cast<float>(c1));
    const Vec correction = broadcast(static_cast<float>(c2));
    const Vec epsilon = broadcast(arguments.epsilon);
    const bool decoupled = arguments.decoupled != 0;
    const bool decays = arguments.weight_decay != 0.0f;
    with_flag(decays && decoupled, [&](auto decoupled_decay) {
      with_flag(decays && !decoupled, [&](auto decay) {
        for_vectors(begin, end, [&](int64_t i, auto n) {
          __builtin_prefetch(parameters + i + kAhead, 1);
          __builtin_prefetch(gradients + i + kAhead);
          __builtin_prefetch(first_moment + i + kAhead, 1);
          __builtin_prefetch(second_moment + i + kAhead, 1);
          Vec p = load_part(parameters + i, n);
          Vec g = load_part(gradients + i, n) * gradient_scale;
          if constexpr (decay) g = fma(weight_decay, p, g);
          Vec m = load_part(first_moment + i, n);
          Vec v = load_part(second_moment + i, n);
          m = fma(first, g - m, m);
          v = fma(second, fma(g, g, -v), v);
          store_part(first_moment + i, m, n);
          store_part(second_moment + i, v, n);
          if constexpr (decoupled_decay) p = fma(shrink, p, p);
          p = fma(rate, m / fma(square_root(v), correction, epsilon), p);
          store_part(parameters + i, p, n);
        });
      });
    });
  });
}

void average(ThreadPool& threads, const clessidra_average& arguments) {
  const double s = static_cast<double>(arguments.state->step);
  const double ramp = (1.0 + s) / (10.0 + s);
  const float d = static_cast<float>(arguments.decay < ramp ? arguments.decay : ramp);
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const x = arguments.x;
    float* const y = arguments.y;
    const Vec rate = broadcast(1.0f - d);
    for_vectors(begin, end, [&](int64_t i, auto n) {
      const Vec old = load_part(y + i, n);
      store_part(y + i, fma(rate, load_part(x + i, n) - old, old), n);
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
