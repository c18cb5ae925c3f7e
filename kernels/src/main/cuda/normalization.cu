// Normalisation in groups of columns, and its gradients.
#include "activation.cuh"
#include "columns.cuh"

namespace clessidra {

namespace {

// The chain of fma(scale, sum, ...) over `count` columns from +0, by a warp, all lanes of which get
// it; null for scale is 1 everywhere, which leaves the sum of the sums.
__device__ inline float chain_of(const float* scale, const float* sums, int64_t count) {
  float chain = 0.0f;
  for (int64_t begin = 0; begin < count; begin += kWarp) {
    const int64_t left = count - begin;
    const int lanes = left < kWarp ? static_cast<int>(left) : kWarp;
    const bool there = lane_of_warp() < lanes;
    const int64_t column = begin + lane_of_warp();
    const float factor = there && scale != nullptr ? scale[column] : 1.0f;
    const float sum = there ? sums[column] : 0.0f;
    for (int lane = 0; lane < lanes; ++lane) {
      chain = fma(__shfl_sync(kAllLanes, factor, lane), __shfl_sync(kAllLanes, sum, lane), chain);
    }
  }
  return chain;
}

// Finishes the sums; one thread calls body(which sum, image * groups + group, chain / m) for each.
template <int kCount, class Body>
__device__ inline void for_group_means(const ColumnSums<kCount>& sums, int32_t groups,
                                       const float* scale, const Body& body) {
  const int64_t group_columns = sums.columns / groups;
  const float count = static_cast<float>(sums.rows * group_columns);
  for_column_tiles(
      sums.images, sums.columns, group_columns, [&](int64_t image, int64_t begin, int64_t end) {
        sums.finish(image, begin, end);
        for (int64_t column = begin + warp_of_block() * group_columns; column < end;
             column += kWarps * group_columns) {
          const float* const factors = scale == nullptr ? nullptr : scale + column;
          for (int sum = 0; sum < kCount; ++sum) {
            const float chain = chain_of(factors, sums.of(sum, image) + column, group_columns);
            if (lane_of_warp() == 0) {
              body(sum, image * groups + divide(column, group_columns).quotient, chain / count);
            }
          }
        }
      });
}

// Where the statistics of neighbouring columns of an image are.
template <int kWidth>
struct Statistics {
  int64_t places[kWidth];

  template <class Operation>
  __device__ Statistics(const Operation& operation, int64_t image, int64_t column) {
    const int32_t group_columns = operation.columns / operation.groups;
    const Division place = divide(column, group_columns);
    int64_t group = image * operation.groups + place.quotient;
    int64_t within = place.remainder;
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) {
      places[j] = group;
      if (++within == group_columns) {
        within = 0;
        ++group;
      }
    }
  }

  __device__ Pack<kWidth> load(const float* statistics) const {
    Pack<kWidth> values;
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) values.v[j] = statistics[places[j]];
    return values;
  }
};

template <int kWidth>
struct Normalizer {
  Pack<kWidth> mean, inverse;

  template <class Operation>
  __device__ Normalizer(const Operation& operation, const Statistics<kWidth>& statistics)
      : mean(statistics.load(operation.mean)),
        inverse(map(statistics.load(operation.variance), [&](float variance) {
          return 1.0f / square_root(variance + operation.epsilon);
        })) {}

  __device__ Pack<kWidth> operator()(const Pack<kWidth>& x) const {
    Pack<kWidth> normalized;
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) normalized.v[j] = (x.v[j] - mean.v[j]) * inverse.v[j];
    return normalized;
  }
};

// What follows the normalisation of neighbouring columns.
template <int kWidth>
struct Output {
  Pack<kWidth> scale, shift;
  int32_t activation;
  float slope;

  template <class Operation>
  __device__ Output(const Operation& operation, int64_t column)
      : scale(load<kWidth>(operation.scale + column)),
        shift(load<kWidth>(operation.shift + column)),
        activation(operation.activation),
        slope(operation.slope) {}

  __device__ Pack<kWidth> operator()(const Pack<kWidth>& normalized) const {
    Pack<kWidth> y;
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) y.v[j] = fma(normalized.v[j], scale.v[j], shift.v[j]);
    return activate(activation, y, slope);
  }

  // The gradient before the activation.
  __device__ Pack<kWidth> inner_gradient(const Pack<kWidth>& dy,
                                         const Pack<kWidth>& normalized) const {
    Pack<kWidth> dz = activation_derivative(activation, (*this)(normalized), slope);
    CLESSIDRA_UNROLL
    for (int j = 0; j < kWidth; ++j) dz.v[j] = dy.v[j] * dz.v[j];
    return dz;
  }
};

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    normalize_mean_bands(const __grid_constant__ clessidra_normalize_statistics arguments) {
  const ColumnSums<1> sums(arguments);
  sums.add_bands([&](int64_t image, int64_t column) {
    const float* const x = arguments.x + image * sums.rows * sums.columns + column;
    return [=, columns = sums.columns](int64_t row) { return load<1>(x + row * columns); };
  });
}
EMULATOR_KERNEL(normalize_mean_bands)

// Three blocks a multiprocessor leave registers enough for the loads of a chunk.
extern "C" __global__ void __launch_bounds__(kThreads, 3)
    normalize_mean_finish(const __grid_constant__ clessidra_normalize_statistics arguments) {
  for_group_means(ColumnSums<1>(arguments), arguments.groups, nullptr,
                  [&](int, int64_t group, float mean) { arguments.mean[group] = mean; });
}
EMULATOR_KERNEL(normalize_mean_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    normalize_variance_bands(const __grid_constant__ clessidra_normalize_statistics arguments) {
  const ColumnSums<1> sums(arguments);
  sums.add_bands([&](int64_t image, int64_t column) {
    const float* const x = arguments.x + image * sums.rows * sums.columns + column;
    const float mean = Statistics<1>(arguments, image, column).load(arguments.mean).v[0];
    return [=, columns = sums.columns](int64_t row) {
      const float d = x[row * columns] - mean;
      return Pack<1>{{d * d}};
    };
  });
}
EMULATOR_KERNEL(normalize_variance_bands)

extern "C" __global__ void __launch_bounds__(kThreads, 3)
    normalize_variance_finish(const __grid_constant__ clessidra_normalize_statistics arguments) {
  const int64_t m = arguments.rows * (arguments.columns / arguments.groups);
  const float unbiased = static_cast<float>(m) / static_cast<float>(m > 1 ? m - 1 : 1);
  const float momentum = arguments.momentum;
  for_group_means(
      ColumnSums<1>(arguments), arguments.groups, nullptr,
      [&](int, int64_t group, float variance) {
        arguments.variance[group] = variance;
        if (arguments.running_mean != nullptr) {
          float& running = arguments.running_mean[group];
          running = fma(momentum, arguments.mean[group] - running, running);
        }
        if (arguments.running_variance != nullptr) {
          float& running = arguments.running_variance[group];
          running = fma(momentum, variance * unbiased - running, running);
        }
      });
}
EMULATOR_KERNEL(normalize_variance_finish)

extern "C" __global__ void __launch_bounds__(kThreads)
    normalize(const __grid_constant__ clessidra_normalize arguments) {
  const clessidra_normalize& a = arguments;
  for_row_groups(a, aligned(a.x, a.y, a.scale, a.shift),
                 [&]<int kWidth>(const RowGroup& group, Width<kWidth>) {
    const int64_t column = group.column;
    const Normalizer<kWidth> normalizer(a, Statistics<kWidth>(a, group.image, column));
    const Output<kWidth> output(a, column);
    Pack<kWidth> x[kRowGroup] = {};
    group.for_rows(a, [&](int i, int64_t row) {
      x[i] = load<kWidth>(a.x + row * a.columns + column);
    });
    group.for_rows(a, [&](int i, int64_t row) {
      store(a.y + row * a.columns + column, output(normalizer(x[i])));
    });
  });
}
EMULATOR_KERNEL(normalize)

extern "C" __global__ void __launch_bounds__(kThreads) normalize_backward_statistics_bands(
    const __grid_constant__ clessidra_normalize_backward_statistics arguments) {
  const ColumnSums<2> sums(arguments);
  sums.add_bands([&](int64_t image, int64_t column) {
    const int64_t begin = image * sums.rows * sums.columns + column;
    const Normalizer<1> normalizer(arguments, Statistics<1>(arguments, image, column));
    const Output<1> output(arguments, column);
    return [=, x = arguments.x + begin, dy = arguments.dy + begin,
            columns = sums.columns](int64_t row) {
      const Pack<1> normalized = normalizer(load<1>(x + row * columns));
      const float dz = output.inner_gradient(load<1>(dy + row * columns), normalized).v[0];
      return Pack<2>{{dz, dz * normalized.v[0]}};
    };
  });
}
EMULATOR_KERNEL(normalize_backward_statistics_bands)

extern "C" __global__ void __launch_bounds__(kThreads) normalize_backward_statistics_finish(
    const __grid_constant__ clessidra_normalize_backward_statistics arguments) {
  const int64_t groups = int64_t{arguments.images} * arguments.groups;
  for_group_means(ColumnSums<2>(arguments), arguments.groups, arguments.scale,
                  [&](int which, int64_t group, float mean) {
                    arguments.sums[which * groups + group] = mean;
                  });
}
EMULATOR_KERNEL(normalize_backward_statistics_finish)

// A thread adds the images' sums of a column. They are never -0, so that +0 is a start as any.
extern "C" __global__ void __launch_bounds__(kThreads) normalize_backward_statistics_columns(
    const __grid_constant__ clessidra_normalize_backward_statistics arguments) {
  const ColumnSums<2> sums(arguments);
  float* const gradients[] = {arguments.dshift, arguments.dscale};
  const float betas[] = {arguments.shift_beta, arguments.scale_beta};
  for (int64_t column = thread_of_grid(); column < sums.columns; column += threads_of_grid()) {
    CLESSIDRA_UNROLL
    for (int which = 0; which < 2; ++which) {
      if (gradients[which] == nullptr) continue;
      const Pack<1> total = combine_rows<Add, 1, 8>(0, sums.images, [&](int64_t image) {
        return load<1>(sums.of(which, image) + column);
      });
      store_sum(gradients[which] + column, total, betas[which]);
    }
  }
}
EMULATOR_KERNEL(normalize_backward_statistics_columns)

extern "C" __global__ void __launch_bounds__(kThreads)
    normalize_backward(const __grid_constant__ clessidra_normalize_backward arguments) {
  const clessidra_normalize_backward& a = arguments;
  for_row_groups(a, aligned(a.x, a.dy, a.scale, a.shift, a.dx),
                 [&]<int kWidth>(const RowGroup& group, Width<kWidth>) {
    const int64_t column = group.column;
    const Statistics<kWidth> statistics(a, group.image, column);
    const Normalizer<kWidth> normalizer(a, statistics);
    const Output<kWidth> output(a, column);
    const Pack<kWidth> first = statistics.load(a.sums);
    const Pack<kWidth> second = statistics.load(a.sums + int64_t{a.images} * a.groups);
    Pack<kWidth> x[kRowGroup] = {};
    Pack<kWidth> dy[kRowGroup] = {};
    group.for_rows(a, [&](int i, int64_t row) {
      x[i] = load<kWidth>(a.x + row * a.columns + column);
      dy[i] = load<kWidth>(a.dy + row * a.columns + column);
    });
    group.for_rows(a, [&](int i, int64_t row) {
      const Pack<kWidth> normalized = normalizer(x[i]);
      const Pack<kWidth> dz = output.inner_gradient(dy[i], normalized);
      Pack<kWidth> gradient;
      CLESSIDRA_UNROLL
      for (int j = 0; j < kWidth; ++j) {
        gradient.v[j] = fma(-normalized.v[j], second.v[j],
                            output.scale.v[j] * dz.v[j] - first.v[j]);
      }
      store_product(a.dx + row * a.columns + column, normalizer.inverse, gradient, a.beta);
    });
  });
}
EMULATOR_KERNEL(normalize_backward)

}  // namespace clessidra
