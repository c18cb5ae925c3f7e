// Losses and their gradients.
#include "reduction.h"
#include "transpose.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

template <int kFunction>
CLESSIDRA_FUNCTION Vec loss_term(Vec x, Vec t) {
  const Vec zero = broadcast(0.0f);
  if constexpr (kFunction == CLESSIDRA_SQUARED_ERROR) return (x - t) * (x - t);
  if constexpr (kFunction == CLESSIDRA_BINARY_CROSS_ENTROPY) {
    return fma(-x, t, larger(x, zero)) + logarithm_of_one_plus(exponential(-absolute(x)));
  }
  if constexpr (kFunction == CLESSIDRA_ABSOLUTE_VALUE) return absolute(x);
}

template <int kFunction>
CLESSIDRA_FUNCTION Vec loss_gradient(Vec x, Vec t) {
  const Vec zero = broadcast(0.0f);
  const Vec one = broadcast(1.0f);
  if constexpr (kFunction == CLESSIDRA_SQUARED_ERROR) return broadcast(2.0f) * (x - t);
  if constexpr (kFunction == CLESSIDRA_BINARY_CROSS_ENTROPY) return sigmoid(x) - t;
  if constexpr (kFunction == CLESSIDRA_ABSOLUTE_VALUE) return x > zero ? one : (x < zero ? -one : zero);
}

// The targets from i on; ABSOLUTE_VALUE has none.
template <int kFunction, class Count>
CLESSIDRA_FUNCTION Vec load_target(const float* target, int64_t i, Count n) {
  if constexpr (kFunction == CLESSIDRA_ABSOLUTE_VALUE) return Vec{};
  return load_part(target + i, n);
}

// Calls body with the loss function as a compile-time constant.
template <class Body>
CLESSIDRA_FUNCTION void with_loss(int32_t function, const Body& body) {
  switch (function) {
    case CLESSIDRA_SQUARED_ERROR:
      return body(std::integral_constant<int, CLESSIDRA_SQUARED_ERROR>{});
    case CLESSIDRA_BINARY_CROSS_ENTROPY:
      return body(std::integral_constant<int, CLESSIDRA_BINARY_CROSS_ENTROPY>{});
    case CLESSIDRA_ABSOLUTE_VALUE:
      return body(std::integral_constant<int, CLESSIDRA_ABSOLUTE_VALUE>{});
  }
}

// y = exp(x - maximum); gives their sum.
CLESSIDRA_FUNCTION float exponentials(const float* x, float* y, int32_t columns, float maximum) {
  const Vec m = broadcast(maximum);
  return sum_row(columns, [=](int64_t i, auto n) {
    const Vec e = exponential(load_part(x + i, n) - m);
    store_part(y + i, e, n);
    return e;
  });
}

CLESSIDRA_FUNCTION void divide(float* y, int32_t columns, float divisor) {
  const Vec d = broadcast(divisor);
  for_vectors(0, columns, [=](int64_t i, auto n) { store_part(y + i, load_part(y + i, n) / d, n); });
}

// value times the weights of a row of a softmax cross-entropy.
template <class Arguments>
CLESSIDRA_FUNCTION float weighted(float value, const Arguments& arguments, int64_t row) {
  const int32_t label = arguments.labels[row];
  if (arguments.class_weights != nullptr && label >= 0 && label < arguments.columns) {
    value *= arguments.class_weights[label];
  }
  return arguments.row_weights == nullptr ? value : value * arguments.row_weights[row];
}

// The softmax of kLanes rows of few columns, a row in each lane: in vectors along the columns most
// lanes would have nothing to do. What it comes from, for those who want more:
constexpr int32_t kFewColumns = 16;
struct SoftmaxOfLanes {
  float x[kFewColumns][kLanes];
  Vec maximum, sum;
};
CLESSIDRA_FUNCTION SoftmaxOfLanes softmax_of_lanes(const float* logits, float* probabilities,
                                                   int32_t columns) {
  SoftmaxOfLanes of;
  if (columns == 2) {
    Vec first, second;
    load_pairs(logits, Whole{}, first, second);
    store(of.x[0], first);
    store(of.x[1], second);
  } else {
    transpose(logits, columns, kLanes, columns, of.x[0], kLanes);
  }
  of.maximum = broadcast(-__builtin_inff());
  for (int32_t c = 0; c < columns; ++c) of.maximum = larger(load(of.x[c]), of.maximum);
  of.maximum += broadcast(0.0f);
  Vec e[kFewColumns];
  Vec sums[kFewColumns];
  for (int32_t c = 0; c < columns; ++c) sums[c] = e[c] = exponential(load(of.x[c]) - of.maximum);
  // Folded as a row of columns is, where what is not there is +0 and changes nothing.
  for (int stride = kFewColumns / 2; stride > 0; stride /= 2) {
    for (int c = 0; c + stride < columns && c < stride; ++c) sums[c] += sums[c + stride];
  }
  of.sum = sums[0];
  if (columns == 2) {
    store_pairs(probabilities, e[0] / of.sum, e[1] / of.sum, Whole{});
  } else {
    float p[kFewColumns][kLanes];
    for (int32_t c = 0; c < columns; ++c) store(p[c], e[c] / of.sum);
    transpose(p[0], kLanes, columns, kLanes, probabilities, columns);
  }
  return of;
}

// The probabilities and losses of such rows.
CLESSIDRA_FUNCTION void cross_entropy_of_lanes(const clessidra_softmax_cross_entropy& arguments,
                                               int64_t row) {
  const int32_t columns = arguments.columns;
  const SoftmaxOfLanes softmax = softmax_of_lanes(
      arguments.logits + row * columns, arguments.probabilities + row * columns, columns);
  const IntVec labels = load_integers(arguments.labels + row, Whole{});
  Vec logit = broadcast(__builtin_nanf(""));  // of a label that is no column
  Vec weight = broadcast(1.0f);
  for (int32_t c = 0; c < columns; ++c) {
    const IntVec chosen = labels == c;
    logit = chosen ? load(softmax.x[c]) : logit;
    if (arguments.class_weights != nullptr) {
      weight = chosen ? broadcast(arguments.class_weights[c]) : weight;
    }
  }
  Vec losses = logarithm(softmax.sum) - (logit - softmax.maximum);
  if (arguments.class_weights != nullptr) losses *= weight;
  if (arguments.row_weights != nullptr) losses *= load(arguments.row_weights + row);
  store(arguments.workspace + row, losses);
}

// dx[i..i + n) = factor * gradient, or fma(factor, gradient, beta * dx).
template <bool kAccumulate, class Count>
CLESSIDRA_FUNCTION void store_gradient(float* dx, Vec factor, Vec gradient, Vec beta, Count n) {
  if constexpr (kAccumulate) {
    store_part(dx, fma(factor, gradient, beta * load_part(dx, n)), n);
  } else {
    store_part(dx, factor * gradient, n);
  }
}

// kLanes rows of few columns as they lie in memory, in as many vectors as there are columns: the row
// and the column of each lane.
struct RowsOfLanes {
  int32_t rows[kFewColumns][kLanes], columns[kFewColumns][kLanes];

  explicit RowsOfLanes(int32_t count) {
    int32_t row = 0;
    int32_t column = 0;
    for (int32_t v = 0; v < count; ++v) {
      for (int lane = 0; lane < kLanes; ++lane) {
        rows[v][lane] = row;
        columns[v][lane] = column;
        if (++column < count) continue;
        column = 0;
        ++row;
      }
    }
  }
};

// The gradients of those rows.
template <bool kAccumulate>
CLESSIDRA_FUNCTION void cross_entropy_gradients(
    const clessidra_softmax_cross_entropy_backward& arguments, const RowsOfLanes& lanes, int64_t row,
    float upstream) {
  Vec factors;
  for (int i = 0; i < kLanes; ++i) factors[i] = weighted(upstream, arguments, row + i);
  const IntVec labels = load_integers(arguments.labels + row, Whole{});
  const Vec beta = broadcast(arguments.beta);
  for (int32_t v = 0; v < arguments.columns; ++v) {
    const int64_t i = row * arguments.columns + v * kLanes;
    const IntVec rows = load_integers(lanes.rows[v], Whole{});
    const auto hot =
        load_integers(lanes.columns[v], Whole{}) == __builtin_shuffle(labels, rows);
    const Vec gradient =
        load(arguments.probabilities + i) - (hot ? broadcast(1.0f) : broadcast(0.0f));
    store_gradient<kAccumulate>(arguments.dx + i, __builtin_shuffle(factors, rows), gradient, beta,
                                Whole{});
  }
}

// The mean activation, kept from 0 and 1.
CLESSIDRA_FUNCTION Vec clamped_mean(Vec mean) {
  const Vec low = broadcast(1e-6f);
  const Vec high = broadcast(1.0f - 1e-6f);
  return smaller(high, larger(low, mean));
}

// One block of a row of clessidra_bernoulli_log_likelihood.
CLESSIDRA_FUNCTION float bernoulli_block(const float* x, const float* target, int32_t columns) {
  const Vec zero = broadcast(0.0f);
  Vec sums[kSumVecs] = {};
  Vec products[kSumVecs];
  for (Vec& product : products) product = broadcast(1.0f);
  const auto take = [&](int j, int32_t i, auto n) {
    const Vec v = load_part(x + i, n);
    const Vec t = load_part(target + i, n);
    sums[j] += first_lanes(fma(v, t, -larger(v, zero)), n);
    const Vec odds = first_lanes(exponential(-absolute(v)), n);
    products[j] = fma(products[j], odds, products[j]);
  };
  int32_t i = 0;
  for (; i + CLESSIDRA_SUM_LANES <= columns; i += CLESSIDRA_SUM_LANES) {
#pragma GCC unroll kSumUnroll
    for (int j = 0; j < kSumVecs; ++j) take(j, i + j * kLanes, Whole{});
  }
#pragma GCC unroll kSumUnroll
  for (int j = 0; j < kSumVecs; ++j, i += kLanes) {
    if (i >= columns) break;
    take(j, i, int64_t{columns - i < kLanes ? columns - i : kLanes});
  }
#pragma GCC unroll kSumUnroll
  for (int j = 0; j < kSumVecs; ++j) sums[j] -= logarithm(products[j]);
  return fold_sums(sums);
}

// The values from i on; +0 where there are none.
template <class Count>
CLESSIDRA_FUNCTION Vec load_or_zero(const float* values, int64_t i, Count n) {
  return values == nullptr ? Vec{} : load_part(values + i, n);
}

// Where a chain that ends in y starts: beta * y, or +0.
template <class Count>
CLESSIDRA_FUNCTION Vec start_of_chain(const float* y, float beta, int64_t i, Count n) {
  return y == nullptr || beta == 0.0f ? Vec{} : broadcast(beta) * load_part(y + i, n);
}

}  // namespace

void loss(ThreadPool& threads, const clessidra_loss& arguments) {
  const float* const x = arguments.x;
  const float* const target = arguments.target;
  with_loss(arguments.function, [&](auto function) {
    const float total =
        sum(threads, arguments.count, arguments.workspace, [=](int64_t i, auto n) {
          return loss_term<function>(load_part(x + i, n), load_target<function>(target, i, n));
        });
    arguments.loss[0] = arguments.scale * total;
  });
}

void loss_backward(ThreadPool& threads, const clessidra_loss_backward& arguments) {
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const x = arguments.x;
    const float* const target = arguments.target;
    float* const dx = arguments.dx;
    const Vec factor = broadcast(arguments.upstream[0] * arguments.scale);
    const Vec beta = broadcast(arguments.beta);
    with_loss(arguments.function, [&](auto function) {
      with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
        for_vectors(begin, end, [&](int64_t i, auto n) {
          const Vec gradient =
              loss_gradient<function>(load_part(x + i, n), load_target<function>(target, i, n));
          store_gradient<accumulate>(dx + i, factor, gradient, beta, n);
        });
      });
    });
  });
}

void softmax(ThreadPool& threads, const clessidra_softmax& arguments) {
  const int32_t columns = arguments.columns;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    int64_t row = begin;
    for (; columns <= kFewColumns && row + kLanes <= end; row += kLanes) {
      softmax_of_lanes(arguments.x + row * columns, arguments.y + row * columns, columns);
    }
    for (; row < end; ++row) {
      const float* const x = arguments.x + row * columns;
      float* const y = arguments.y + row * columns;
      divide(y, columns, exponentials(x, y, columns, maximum_of(x, 0, columns)));
    }
  });
}

void log_sum_exp(ThreadPool& threads, const clessidra_log_sum_exp& arguments) {
  const int32_t columns = arguments.columns;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const x = arguments.x + row * columns;
      const float largest = maximum_of(x, 0, columns);
      const float maximum = __builtin_isinf(largest) ? 0.0f : largest;
      const Vec m = broadcast(maximum);
      const float total = sum_row(columns, [=](int64_t i, auto n) {
        return exponential(load_part(x + i, n) - m);
      });
      arguments.y[row] = maximum + logarithm(total);
    }
  });
}

void log_sum_exp_backward(ThreadPool& threads, const clessidra_log_sum_exp_backward& arguments) {
  const int64_t columns = arguments.columns;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    const Vec beta = broadcast(arguments.beta);
    with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
      for (int64_t row = begin; row < end; ++row) {
        const Vec factor = broadcast(arguments.upstream[row]);
        const Vec y = broadcast(arguments.y[row]);
        for_vectors(row * columns, (row + 1) * columns, [&](int64_t i, auto n) {
          const Vec gradient = exponential(load_part(arguments.x + i, n) - y);
          store_gradient<accumulate>(arguments.dx + i, factor, gradient, beta, n);
        });
      }
    });
  });
}

void softmax_cross_entropy(ThreadPool& threads, const clessidra_softmax_cross_entropy& arguments) {
  const int32_t columns = arguments.columns;
  float* const losses = arguments.workspace;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    int64_t row = begin;
    if (columns <= kFewColumns) {
      for (; row + kLanes <= end; row += kLanes) cross_entropy_of_lanes(arguments, row);
    }
    for (; row < end; ++row) {
      const float* const x = arguments.logits + row * columns;
      float* const p = arguments.probabilities + row * columns;
      const int32_t label = arguments.labels[row];
      const float maximum = maximum_of(x, 0, columns);
      const float total = exponentials(x, p, columns, maximum);
      const float row_loss = label >= 0 && label < columns
                                 ? logarithm(total) - (x[label] - maximum)
                                 : __builtin_nanf("");
      losses[row] = weighted(row_loss, arguments, row);
      divide(p, columns, total);
    }
  });
  arguments.loss[0] =
      arguments.scale * sum(threads, arguments.rows, losses + arguments.rows,
                            [=](int64_t i, auto n) { return load_part(losses + i, n); });
}

void softmax_cross_entropy_backward(ThreadPool& threads,
                                    const clessidra_softmax_cross_entropy_backward& arguments) {
  const int32_t columns = arguments.columns;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    const float upstream = arguments.upstream[0] * arguments.scale;
    const Vec beta = broadcast(arguments.beta);
    with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
      int64_t row = begin;
      if (columns <= kFewColumns) {
        const RowsOfLanes rows(columns);
        for (; row + kLanes <= end; row += kLanes) {
          cross_entropy_gradients<accumulate>(arguments, rows, row, upstream);
        }
      }
      for (; row < end; ++row) {
        const Vec factor = broadcast(weighted(upstream, arguments, row));
        const float* const p = arguments.probabilities + row * columns;
        float* const dx = arguments.dx + row * columns;
        const int32_t label = arguments.labels[row];
        for_vectors(0, columns, [&](int64_t i, auto n) {
          const auto hot = lane_indices() + static_cast<int32_t>(i) == label;
          const Vec gradient =
              load_part(p + i, n) - (hot ? broadcast(1.0f) : broadcast(0.0f));
          store_gradient<accumulate>(dx + i, factor, gradient, beta, n);
        });
      }
    });
  });
}

void kl_sparsity(ThreadPool& threads, const clessidra_kl_sparsity& arguments) {
  const float* const mean = arguments.mean;
  const Vec one = broadcast(1.0f);
  const Vec rho = broadcast(arguments.rho);
  const float total =
      sum(threads, arguments.columns, arguments.workspace, [=](int64_t i, auto n) {
        const Vec q = clamped_mean(load_part(mean + i, n));
        return rho * logarithm(rho / q) + (one - rho) * logarithm((one - rho) / (one - q));
      });
  arguments.loss[0] = arguments.scale * total;
}

void kl_sparsity_backward(ThreadPool& threads, const clessidra_kl_sparsity_backward& arguments) {
  constexpr int64_t kBlock = 256;
  const int64_t columns = arguments.columns;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t first, int64_t last) {
    const Vec one = broadcast(1.0f);
    const Vec rho = broadcast(arguments.rho);
    const Vec beta = broadcast(arguments.beta);
    const Vec factor = broadcast(arguments.upstream[0] * arguments.scale /
                                 static_cast<float>(arguments.rows));
    // The gradients of a block of columns, which all rows add.
    float g[kBlock];
    for (int64_t begin = 0; begin < columns; begin += kBlock) {
      const int64_t count = begin + kBlock < columns ? kBlock : columns - begin;
      for_vectors(0, count, [&](int64_t i, auto n) {
        const Vec q = clamped_mean(load_part(arguments.mean + begin + i, n));
        store_part(g + i, factor * ((one - rho) / (one - q) - rho / q), n);
      });
      with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
        for (int64_t row = first; row < last; ++row) {
          float* const dx = arguments.dx + row * columns + begin;
          for_vectors(0, count, [&](int64_t i, auto n) {
            Vec value = load_part(g + i, n);
            if constexpr (accumulate) value = beta * load_part(dx + i, n) + value;
            store_part(dx + i, value, n);
          });
        }
      });
    }
  });
}

void gaussian_kl(ThreadPool& threads, const clessidra_gaussian_kl& arguments) {
  const int32_t columns = arguments.columns;
  const Vec one = broadcast(1.0f);
  float* const divergence = arguments.divergence;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const mean = arguments.mean + row * columns;
      const float* const log_variance = arguments.log_variance + row * columns;
      divergence[row] = 0.5f * sum_row(columns, [=](int64_t i, auto n) {
        const Vec m = load_part(mean + i, n);
        const Vec v = load_part(log_variance + i, n);
        return (fma(m, m, exponential(v)) - one) - v;
      });
    }
  });
  arguments.loss[0] =
      arguments.scale * sum(threads, arguments.rows, arguments.workspace,
                            [=](int64_t i, auto n) { return load_part(divergence + i, n); });
}

void gaussian_kl_backward(ThreadPool& threads, const clessidra_gaussian_kl_backward& arguments) {
  const int64_t columns = arguments.columns;
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    const Vec one = broadcast(1.0f);
    const Vec half = broadcast(0.5f);
    const Vec mean_beta = broadcast(arguments.mean_beta);
    const Vec log_variance_beta = broadcast(arguments.log_variance_beta);
    for (int64_t row = begin; row < end; ++row) {
      const float* const upstream = arguments.upstream + (arguments.upstream_per_row ? row : 0);
      const Vec factor = broadcast(*upstream * arguments.scale);
      const float* const mean = arguments.mean + row * columns;
      const float* const log_variance = arguments.log_variance + row * columns;
      if (arguments.dmean != nullptr) {
        with_flag(arguments.mean_beta != 0.0f, [&](auto accumulate) {
          for_vectors(0, columns, [&](int64_t i, auto n) {
            store_gradient<accumulate>(arguments.dmean + row * columns + i, factor,
                                       load_part(mean + i, n), mean_beta, n);
          });
        });
      }
      if (arguments.dlog_variance != nullptr) {
        with_flag(arguments.log_variance_beta != 0.0f, [&](auto accumulate) {
          for_vectors(0, columns, [&](int64_t i, auto n) {
            const Vec gradient = half * (exponential(load_part(log_variance + i, n)) - one);
            store_gradient<accumulate>(arguments.dlog_variance + row * columns + i, factor,
                                       gradient, log_variance_beta, n);
          });
        });
      }
    }
  });
}

void bernoulli_log_likelihood(ThreadPool& threads,
                              const clessidra_bernoulli_log_likelihood& arguments) {
  constexpr int32_t kBlock = CLESSIDRA_FACTORS * CLESSIDRA_SUM_LANES;
  const int32_t columns = arguments.columns;
  const int64_t rows = arguments.rows * arguments.repeats;
  threads.for_ranges(rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const x = arguments.logits + row * columns;
      const float* const target = arguments.target + row / arguments.repeats * columns;
      float total = 0.0f;
      for (int64_t i = 0; i < columns; i += kBlock) {
        const int32_t count = static_cast<int32_t>(columns - i < kBlock ? columns - i : kBlock);
        total += bernoulli_block(x + i, target + i, count);
      }
      arguments.log_likelihood[row] = total;
    }
  });
}

void bernoulli_log_likelihood_backward(
    ThreadPool& threads, const clessidra_bernoulli_log_likelihood_backward& arguments) {
  const int64_t columns = arguments.columns;
  const int64_t rows = arguments.rows * arguments.repeats;
  threads.for_ranges(rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    const Vec beta = broadcast(arguments.beta);
    with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
      for (int64_t row = begin; row < end; ++row) {
        const Vec factor = broadcast(arguments.upstream[row]);
        const float* const x = arguments.logits + row * columns;
        const float* const target = arguments.target + row / arguments.repeats * columns;
        float* const dx = arguments.dlogits + row * columns;
        for_vectors(0, columns, [&](int64_t i, auto n) {
          const Vec gradient = load_part(target + i, n) - sigmoid(load_part(x + i, n));
          store_gradient<accumulate>(dx + i, factor, gradient, beta, n);
        });
      }
    });
  });
}

void gaussian_log_density(ThreadPool& threads, const clessidra_gaussian_log_density& arguments) {
  const int32_t columns = arguments.columns;
  const int64_t rows = arguments.rows * arguments.repeats;
  const Vec constant = broadcast(1.8378770664093453f);
  threads.for_ranges(rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const x = arguments.x + row * columns;
      const int64_t first = row / arguments.repeats * columns;
      arguments.log_density[row] = -0.5f * sum_row(columns, [&](int64_t i, auto n) {
        const Vec d = load_part(x + i, n) - load_or_zero(arguments.mean, first + i, n);
        const Vec v = load_or_zero(arguments.log_variance, first + i, n);
        return fma(d * d, exponential(-v), v + constant);
      });
    }
  });
}

void gaussian_log_density_backward(ThreadPool& threads,
                                   const clessidra_gaussian_log_density_backward& arguments) {
  const int64_t columns = arguments.columns;
  const int64_t repeats = arguments.repeats;
  float* const dx = arguments.dx;
  float* const dmean = arguments.dmean;
  float* const dlog_variance = arguments.dlog_variance;
  threads.for_ranges(arguments.rows, grain_rows(repeats * columns), [&](int64_t first, int64_t last) {
    const Vec half = broadcast(0.5f);
    const Vec one = broadcast(1.0f);
    const Vec x_beta = broadcast(arguments.x_beta);
    with_flag(arguments.x_beta != 0.0f, [&](auto accumulate) {
      for (int64_t row = first; row < last; ++row) {
        const float* const upstream = arguments.upstream + row * repeats;
        for_vectors(row * columns, (row + 1) * columns, [&](int64_t i, auto n) {
          const Vec mean = load_or_zero(arguments.mean, i, n);
          const Vec precision = exponential(-load_or_zero(arguments.log_variance, i, n));
          Vec mean_chain = start_of_chain(dmean, arguments.mean_beta, i, n);
          Vec variance_chain = start_of_chain(dlog_variance, arguments.log_variance_beta, i, n);
          for (int64_t repeat = 0; repeat < repeats; ++repeat) {
            const int64_t j = i + (row * (repeats - 1) + repeat) * columns;
            const Vec factor = broadcast(upstream[repeat]);
            const Vec d = load_part(arguments.x + j, n) - mean;
            const Vec q = d * precision;
            mean_chain = fma(factor, q, mean_chain);
            variance_chain = fma(factor, half * fma(d, q, -one), variance_chain);
            if (dx != nullptr) store_gradient<accumulate>(dx + j, factor, -q, x_beta, n);
          }
          if (dmean != nullptr) store_part(dmean + i, mean_chain, n);
          if (dlog_variance != nullptr) store_part(dlog_variance + i, variance_chain, n);
        });
      }
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
