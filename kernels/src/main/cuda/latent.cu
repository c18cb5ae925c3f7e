// Sampling from a diagonal Gaussian, its divergence to the standard one, likelihoods, and their
// gradients.
#include "random.cuh"
#include "reduction.cuh"

namespace clessidra {

namespace {

// exp(log_variance / 2)
template <int kWidth>
__device__ inline Pack<kWidth> load_deviation(const float* log_variance) {
  return map(load<kWidth>(log_variance), [](float v) { return exponential(0.5f * v); });
}

// The values from i on; +0 where there are none.
template <int kWidth>
__device__ inline Pack<kWidth> load_or_zero(const float* values, int64_t i) {
  return values == nullptr ? Pack<kWidth>{} : load<kWidth>(values + i);
}

// Where a chain that ends in y starts: beta * y, or +0.
template <int kWidth>
__device__ inline Pack<kWidth> start_of_chain(const float* y, float beta, int64_t i) {
  if (y == nullptr || beta == 0.0f) return {};
  return map(load<kWidth>(y + i), [=](float old) { return beta * old; });
}

// The sum over the lanes of a warp, in lane 0.
__device__ inline float fold_warp(float sum) {
  CLESSIDRA_UNROLL
  for (int stride = kWarp / 2; stride > 0; stride /= 2) {
    sum += __shfl_down_sync(kAllLanes, sum, stride);
  }
  return sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    reparameterize(const __grid_constant__ clessidra_reparameterize arguments) {
  const float* const mean = arguments.mean;
  const float* const log_variance = arguments.log_variance;
  float* const z = arguments.z;
  for_random(arguments, aligned(mean, log_variance, z), Normal{0.0f, 1.0f},
             [=]<int kWidth>(int64_t i, const Pack<kWidth>& e) {
               const Pack<kWidth> deviation = load_deviation<kWidth>(log_variance + i);
               Pack<kWidth> sample = load<kWidth>(mean + i);
               CLESSIDRA_UNROLL
               for (int j = 0; j < kWidth; ++j) {
                 sample.v[j] = fma(deviation.v[j], e.v[j], sample.v[j]);
               }
               store(z + i, sample);
             });
}
EMULATOR_KERNEL(reparameterize)

extern "C" __global__ void __launch_bounds__(kThreads)
    reparameterize_backward(const __grid_constant__ clessidra_reparameterize_backward arguments) {
  const float* const dz = arguments.dz;
  const float* const log_variance = arguments.log_variance;
  float* const dlog_variance = arguments.dlog_variance;
  for_random(arguments, aligned(dz, log_variance, dlog_variance), Normal{0.0f, 1.0f},
             [&]<int kWidth>(int64_t i, const Pack<kWidth>& e) {
               const Pack<kWidth> gradient =
                   map(e, load_deviation<kWidth>(log_variance + i),
                       [](float drawn, float deviation) { return 0.5f * drawn * deviation; });
               store_product(dlog_variance + i, load<kWidth>(dz + i), gradient, arguments.beta);
             });
}
EMULATOR_KERNEL(reparameterize_backward)

extern "C" __global__ void __launch_bounds__(kThreads)
    gaussian_kl_rows(const __grid_constant__ clessidra_gaussian_kl arguments) {
  const int32_t columns = arguments.columns;
  for_rows(arguments.rows, columns, [&]<class Team>(int64_t row, Team) {
    const float* const mean = arguments.mean + row * columns;
    const float* const log_variance = arguments.log_variance + row * columns;
    const float sum = Team::template combine<Add, 4>(columns, [=](int64_t i) {
      return (fma(mean[i], mean[i], exponential(log_variance[i])) - 1.0f) - log_variance[i];
    });
    if (Team::rank() == 0) arguments.divergence[row] = 0.5f * sum;
  });
}
EMULATOR_KERNEL(gaussian_kl_rows)

extern "C" __global__ void __launch_bounds__(kThreads)
    gaussian_kl_chunks(const __grid_constant__ clessidra_gaussian_kl arguments) {
  const float* const divergence = arguments.divergence;
  combine_chunks<Add>(arguments.rows, arguments.workspace,
                      [=](int64_t i) { return divergence[i]; });
}
EMULATOR_KERNEL(gaussian_kl_chunks)

extern "C" __global__ void __launch_bounds__(kThreads)
    gaussian_kl_finish(const __grid_constant__ clessidra_gaussian_kl arguments) {
  const float total = combine_in_place<Add>(arguments.workspace, chunks_of(arguments.rows));
  if (threadIdx.x == 0) arguments.loss[0] = arguments.scale * total;
}
EMULATOR_KERNEL(gaussian_kl_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    gaussian_kl_backward(const __grid_constant__ clessidra_gaussian_kl_backward arguments) {
  const float* const mean = arguments.mean;
  const float* const log_variance = arguments.log_variance;
  float* const dmean = arguments.dmean;
  float* const dlog_variance = arguments.dlog_variance;
  const int64_t columns = arguments.columns;
  const bool vectors = columns % 4 == 0 && aligned(mean, log_variance, dmean, dlog_variance);
  for_elements(
      arguments.rows * columns, vectors, [&]<int kWidth>(int64_t i, Width<kWidth>) {
        const int64_t row = arguments.upstream_per_row ? divide(i, columns).quotient : 0;
        const Pack<kWidth> factor = repeated<kWidth>(arguments.upstream[row] * arguments.scale);
        if (dmean != nullptr) {
          store_product(dmean + i, factor, load<kWidth>(mean + i), arguments.mean_beta);
        }
        if (dlog_variance != nullptr) {
          const Pack<kWidth> gradient = map(load<kWidth>(log_variance + i), [](float v) {
            return 0.5f * (exponential(v) - 1.0f);
          });
          store_product(dlog_variance + i, factor, gradient, arguments.log_variance_beta);
        }
      });
}
EMULATOR_KERNEL(gaussian_kl_backward)

// A warp takes a row.
extern "C" __global__ void __launch_bounds__(kThreads)
    bernoulli_log_likelihood(const __grid_constant__ clessidra_bernoulli_log_likelihood arguments) {
  constexpr int64_t kBlock = CLESSIDRA_FACTORS * CLESSIDRA_SUM_LANES;
  const int64_t columns = arguments.columns;
  const int64_t rows = arguments.rows * arguments.repeats;
  const int64_t warps = threads_of_grid() / kWarp;
  for (int64_t row = thread_of_grid() / kWarp; row < rows; row += warps) {
    const float* const x = arguments.logits + row * columns;
    const float* const target =
        arguments.target + divide(row, arguments.repeats).quotient * columns;
    float total = 0.0f;
    for (int64_t begin = 0; begin < columns; begin += kBlock) {
      const int64_t end = begin + kBlock < columns ? begin + kBlock : columns;
      float sum = 0.0f;
      float product = 1.0f;
      for (int64_t i = begin + lane_of_warp(); i < end; i += kWarp) {
        const float v = x[i];
        sum += fma(v, target[i], -(v > 0.0f ? v : 0.0f));
        product = fma(product, exponential(-absolute(v)), product);
      }
      total += fold_warp(sum - logarithm(product));
    }
    if (lane_of_warp() == 0) arguments.log_likelihood[row] = total;
  }
}
EMULATOR_KERNEL(bernoulli_log_likelihood)

// A warp takes a row.
extern "C" __global__ void __launch_bounds__(kThreads) bernoulli_log_likelihood_backward(
    const __grid_constant__ clessidra_bernoulli_log_likelihood_backward arguments) {
  const int64_t columns = arguments.columns;
  const int64_t rows = arguments.rows * arguments.repeats;
  const int64_t warps = threads_of_grid() / kWarp;
  for (int64_t row = thread_of_grid() / kWarp; row < rows; row += warps) {
    const float* const x = arguments.logits + row * columns;
    const float* const target =
        arguments.target + divide(row, arguments.repeats).quotient * columns;
    float* const dx = arguments.dlogits + row * columns;
    const Pack<1> factor{{arguments.upstream[row]}};
    for (int64_t i = lane_of_warp(); i < columns; i += kWarp) {
      store_product(dx + i, factor, Pack<1>{{target[i] - sigmoid(x[i])}}, arguments.beta);
    }
  }
}
EMULATOR_KERNEL(bernoulli_log_likelihood_backward)

extern "C" __global__ void __launch_bounds__(kThreads)
    gaussian_log_density(const __grid_constant__ clessidra_gaussian_log_density arguments) {
  const int32_t columns = arguments.columns;
  const float* const mean = arguments.mean;
  const float* const log_variance = arguments.log_variance;
  for_rows(arguments.rows * arguments.repeats, columns, [&]<class Team>(int64_t row, Team) {
    const float* const x = arguments.x + row * columns;
    const int64_t first = divide(row, arguments.repeats).quotient * columns;
    const float sum = Team::template combine<Add, 4>(columns, [=](int64_t i) {
      const float d = x[i] - (mean == nullptr ? 0.0f : mean[first + i]);
      const float v = log_variance == nullptr ? 0.0f : log_variance[first + i];
      return fma(d * d, exponential(-v), v + 1.8378770664093453f);
    });
    if (Team::rank() == 0) arguments.log_density[row] = -0.5f * sum;
  });
}
EMULATOR_KERNEL(gaussian_log_density)

// A thread takes all repeats of its columns.
extern "C" __global__ void __launch_bounds__(kThreads) gaussian_log_density_backward(
    const __grid_constant__ clessidra_gaussian_log_density_backward arguments) {
  const float* const x = arguments.x;
  float* const dx = arguments.dx;
  float* const dmean = arguments.dmean;
  float* const dlog_variance = arguments.dlog_variance;
  const int64_t columns = arguments.columns;
  const int64_t repeats = arguments.repeats;
  const bool vectors = columns % 4 == 0 && aligned(x, arguments.mean, arguments.log_variance, dx,
                                                   dmean, dlog_variance);
  for_elements(arguments.rows * columns, vectors, [&]<int kWidth>(int64_t i, Width<kWidth>) {
    const int64_t row = divide(i, columns).quotient;
    const Pack<kWidth> mean = load_or_zero<kWidth>(arguments.mean, i);
    const Pack<kWidth> precision = map(load_or_zero<kWidth>(arguments.log_variance, i),
                                       [](float v) { return exponential(-v); });
    Pack<kWidth> mean_chain = start_of_chain<kWidth>(dmean, arguments.mean_beta, i);
    Pack<kWidth> variance_chain =
        start_of_chain<kWidth>(dlog_variance, arguments.log_variance_beta, i);
    for (int64_t repeat = 0; repeat < repeats; ++repeat) {
      const int64_t j = i + (row * (repeats - 1) + repeat) * columns;
      const float factor = arguments.upstream[row * repeats + repeat];
      const Pack<kWidth> d =
          map(load<kWidth>(x + j), mean, [](float value, float m) { return value - m; });
      const Pack<kWidth> q = map(d, precision, [](float a, float b) { return a * b; });
      CLESSIDRA_UNROLL
      for (int k = 0; k < kWidth; ++k) {
        mean_chain.v[k] = fma(factor, q.v[k], mean_chain.v[k]);
        variance_chain.v[k] =
            fma(factor, 0.5f * fma(d.v[k], q.v[k], -1.0f), variance_chain.v[k]);
      }
      if (dx != nullptr) {
        store_product(dx + j, repeated<kWidth>(factor), map(q, [](float v) { return -v; }),
                      arguments.x_beta);
      }
    }
    if (dmean != nullptr) store(dmean + i, mean_chain);
    if (dlog_variance != nullptr) store(dlog_variance + i, variance_chain);
  });
}
EMULATOR_KERNEL(gaussian_log_density_backward)

}  // namespace clessidra
