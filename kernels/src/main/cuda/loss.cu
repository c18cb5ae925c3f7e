// Losses and their gradients.
#include "reduction.cuh"

namespace clessidra {

namespace {

// target is not read where the loss has none.
__device__ inline float loss_term(int32_t function, float x, const float* target) {
  if (function == CLESSIDRA_SQUARED_ERROR) {
    const float d = x - *target;
    return d * d;
  }
  if (function == CLESSIDRA_BINARY_CROSS_ENTROPY) {
    return fma(-x, *target, x > 0.0f ? x : 0.0f) +
           logarithm_of_one_plus(exponential(-absolute(x)));
  }
  return absolute(x);
}

template <int kWidth>
__device__ inline Pack<kWidth> loss_gradient(int32_t function, const Pack<kWidth>& x,
                                             const float* target) {
  if (function == CLESSIDRA_SQUARED_ERROR) {
    return map(x, load<kWidth>(target), [](float v, float t) { return 2.0f * (v - t); });
  }
  if (function == CLESSIDRA_BINARY_CROSS_ENTROPY) {
    return map(x, load<kWidth>(target), [](float v, float t) { return sigmoid(v) - t; });
  }
  return map(x, [](float v) { return v > 0.0f ? 1.0f : (v < 0.0f ? -1.0f : 0.0f); });
}

// y = softmax(x) of a row; also gives what was subtracted and the sum that was divided by. In place.
struct RowSum {
  float maximum, sum;
};
template <class Team>
__device__ inline RowSum softmax_row(const float* x, float* y, int32_t columns) {
  // A thread reads what it wrote where the team is a warp, else combine waits for all.
  const float maximum =
      Team::template combine<Larger>(columns, [=](int64_t i) { return x[i]; });
  const float sum = Team::template combine<Add, 4>(columns, [=](int64_t i) {
    const float e = exponential(x[i] - maximum);
    y[i] = e;
    return e;
  });
  for (int64_t i = Team::rank(); i < columns; i += Team::size()) y[i] = y[i] / sum;
  return {maximum, sum};
}

// value times the weights of a row of a softmax cross-entropy.
template <class Arguments>
__device__ inline float weighted(float value, const Arguments& arguments, int64_t row,
                                 int32_t label) {
  if (arguments.class_weights != nullptr && label >= 0 && label < arguments.columns) {
    value *= arguments.class_weights[label];
  }
  return arguments.row_weights == nullptr ? value : value * arguments.row_weights[row];
}

// The mean activation, kept from 0 and 1.
__device__ inline float clamped_mean(float mean) {
  const float low = 1e-6f;
  const float high = 1.0f - 1e-6f;
  const float q = mean < low ? low : mean;
  return q > high ? high : q;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    loss_chunks(const __grid_constant__ clessidra_loss arguments) {
  const float* const x = arguments.x;
  const float* const target = arguments.target;
  combine_chunks<Add, 8>(arguments.count, arguments.workspace, [&](int64_t i) {
    return loss_term(arguments.function, x[i], target + i);
  });
}
EMULATOR_KERNEL(loss_chunks)

extern "C" __global__ void __launch_bounds__(kThreads)
    loss_finish(const __grid_constant__ clessidra_loss arguments) {
  const float total = combine_in_place<Add>(arguments.workspace, chunks_of(arguments.count));
  if (threadIdx.x == 0) arguments.loss[0] = arguments.scale * total;
}
EMULATOR_KERNEL(loss_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    loss_backward(const __grid_constant__ clessidra_loss_backward arguments) {
  const float* const x = arguments.x;
  const float* const target = arguments.target;
  float* const dx = arguments.dx;
  const float factor = arguments.upstream[0] * arguments.scale;
  for_elements(arguments.count, aligned(x, target, dx), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    const Pack<kWidth> gradient =
        loss_gradient(arguments.function, load<kWidth>(x + i), target + i);
    store_product(dx + i, repeated<kWidth>(factor), gradient, arguments.beta);
  });
}
EMULATOR_KERNEL(loss_backward)

extern "C" __global__ void __launch_bounds__(kThreads)
    softmax(const __grid_constant__ clessidra_softmax arguments) {
  const int32_t columns = arguments.columns;
  for_rows(arguments.rows, columns, [&]<class Team>(int64_t row, Team) {
    softmax_row<Team>(arguments.x + row * columns, arguments.y + row * columns, columns);
  });
}
EMULATOR_KERNEL(softmax)

extern "C" __global__ void __launch_bounds__(kThreads)
    log_sum_exp(const __grid_constant__ clessidra_log_sum_exp arguments) {
  const int32_t columns = arguments.columns;
  for_rows(arguments.rows, columns, [&]<class Team>(int64_t row, Team) {
    const float* const x = arguments.x + row * columns;
    const float largest =
        Team::template combine<Larger>(columns, [=](int64_t i) { return x[i]; });
    // A zero counts as +0.
    const float maximum = absolute(largest) == __builtin_inff() ? 0.0f : largest + 0.0f;
    const float sum = Team::template combine<Add, 4>(
        columns, [=](int64_t i) { return exponential(x[i] - maximum); });
    if (Team::rank() == 0) arguments.y[row] = maximum + logarithm(sum);
  });
}
EMULATOR_KERNEL(log_sum_exp)

extern "C" __global__ void __launch_bounds__(kThreads)
    log_sum_exp_backward(const __grid_constant__ clessidra_log_sum_exp_backward arguments) {
  const float* const x = arguments.x;
  float* const dx = arguments.dx;
  const int64_t columns = arguments.columns;
  for_elements(arguments.rows * columns, columns % 4 == 0 && aligned(x, dx),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const int64_t row = divide(i, columns).quotient;
                 const float y = arguments.y[row];
                 const Pack<kWidth> gradient =
                     map(load<kWidth>(x + i), [=](float v) { return exponential(v - y); });
                 store_product(dx + i, repeated<kWidth>(arguments.upstream[row]), gradient,
                               arguments.beta);
               });
}
EMULATOR_KERNEL(log_sum_exp_backward)

extern "C" __global__ void __launch_bounds__(kThreads)
    softmax_cross_entropy_rows(const __grid_constant__ clessidra_softmax_cross_entropy arguments) {
  const int32_t columns = arguments.columns;
  for_rows(arguments.rows, columns, [&]<class Team>(int64_t row, Team) {
    const float* const x = arguments.logits + row * columns;
    const RowSum of =
        softmax_row<Team>(x, arguments.probabilities + row * columns, columns);
    if (Team::rank() == 0) {
      const int32_t label = arguments.labels[row];
      const bool known = label >= 0 && label < columns;
      const float loss =
          known ? logarithm(of.sum) - (x[label] - of.maximum) : __builtin_nanf("");
      arguments.workspace[row] = weighted(loss, arguments, row, label);
    }
  });
}
EMULATOR_KERNEL(softmax_cross_entropy_rows)

extern "C" __global__ void __launch_bounds__(kThreads) softmax_cross_entropy_chunks(
    const __grid_constant__ clessidra_softmax_cross_entropy arguments) {
  const float* const losses = arguments.workspace;
  combine_chunks<Add>(arguments.rows, arguments.workspace + arguments.rows,
                      [=](int64_t i) { return losses[i]; });
}
EMULATOR_KERNEL(softmax_cross_entropy_chunks)

extern "C" __global__ void __launch_bounds__(kThreads) softmax_cross_entropy_finish(
    const __grid_constant__ clessidra_softmax_cross_entropy arguments) {
  const float total =
      combine_in_place<Add>(arguments.workspace + arguments.rows, chunks_of(arguments.rows));
  if (threadIdx.x == 0) arguments.loss[0] = arguments.scale * total;
}
EMULATOR_KERNEL(softmax_cross_entropy_finish)

extern "C" __global__ void __launch_bounds__(kThreads) softmax_cross_entropy_backward(
    const __grid_constant__ clessidra_softmax_cross_entropy_backward arguments) {
  const float* const p = arguments.probabilities;
  float* const dx = arguments.dx;
  const int64_t columns = arguments.columns;
  const float upstream = arguments.upstream[0] * arguments.scale;
  for_elements(arguments.rows * columns, columns % 4 == 0 && aligned(p, dx),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Division place = divide(i, columns);
                 const int64_t row = place.quotient;
                 const int32_t label = arguments.labels[row];
                 const float factor = weighted(upstream, arguments, row, label);
                 Pack<kWidth> gradient = load<kWidth>(p + i);
                 CLESSIDRA_UNROLL
                 for (int j = 0; j < kWidth; ++j) {
                   gradient.v[j] -= place.remainder + j == label ? 1.0f : 0.0f;
                 }
                 store_product(dx + i, repeated<kWidth>(factor), gradient, arguments.beta);
               });
}
EMULATOR_KERNEL(softmax_cross_entropy_backward)

extern "C" __global__ void __launch_bounds__(kThreads)
    kl_sparsity_chunks(const __grid_constant__ clessidra_kl_sparsity arguments) {
  const float* const mean = arguments.mean;
  const float rho = arguments.rho;
  combine_chunks<Add, 4>(arguments.columns, arguments.workspace, [=](int64_t i) {
    const float q = clamped_mean(mean[i]);
    return rho * logarithm(rho / q) + (1.0f - rho) * logarithm((1.0f - rho) / (1.0f - q));
  });
}
EMULATOR_KERNEL(kl_sparsity_chunks)

extern "C" __global__ void __launch_bounds__(kThreads)
    kl_sparsity_finish(const __grid_constant__ clessidra_kl_sparsity arguments) {
  const float total = combine_in_place<Add>(arguments.workspace, chunks_of(arguments.columns));
  if (threadIdx.x == 0) arguments.loss[0] = arguments.scale * total;
}
EMULATOR_KERNEL(kl_sparsity_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    kl_sparsity_backward(const __grid_constant__ clessidra_kl_sparsity_backward arguments) {
  const float* const mean = arguments.mean;
  float* const dx = arguments.dx;
  const int64_t columns = arguments.columns;
  const float rho = arguments.rho;
  const float factor =
      arguments.upstream[0] * arguments.scale / static_cast<float>(arguments.rows);
  for_elements(arguments.rows * columns, columns % 4 == 0 && aligned(mean, dx),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Pack<kWidth> m = load<kWidth>(mean + divide(i, columns).remainder);
                 const Pack<kWidth> gradient = map(m, [=](float v) {
                   const float q = clamped_mean(v);
                   return factor * ((1.0f - rho) / (1.0f - q) - rho / q);
                 });
                 store_sum(dx + i, gradient, arguments.beta);
               });
}
EMULATOR_KERNEL(kl_sparsity_backward)

}  // namespace clessidra
