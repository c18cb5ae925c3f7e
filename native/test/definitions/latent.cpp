// Sampling from a diagonal Gaussian, its divergence, and likelihoods.
#include "definitions.h"

#include <algorithm>

namespace definitions {

void define(const clessidra_reparameterize& r) {
  for (int64_t i = 0; i < r.count; ++i) {
    const float deviation = math::exponential(0.5f * r.log_variance[i]);
    r.z[i] = std::fma(deviation, normal_of(i, r.stream, *r.step, r.seed), r.mean[i]);
  }
}

void define(const clessidra_reparameterize_backward& r) {
  for (int64_t i = 0; i < r.count; ++i) {
    const float half = 0.5f * normal_of(i, r.stream, *r.step, r.seed);
    const float gradient = half * math::exponential(0.5f * r.log_variance[i]);
    r.dlog_variance[i] = accumulated_product(r.dz[i], gradient, r.beta, r.dlog_variance[i]);
  }
}

void define(const clessidra_gaussian_kl& k) {
  std::vector<float> divergences;
  for (int64_t row = 0; row < k.rows; ++row) {
    std::vector<float> terms;
    for (int64_t i = row * k.columns; i < (row + 1) * k.columns; ++i) {
      const float square = std::fma(k.mean[i], k.mean[i], math::exponential(k.log_variance[i]));
      terms.push_back((square - 1.0f) - k.log_variance[i]);
    }
    k.divergence[row] = 0.5f * sum_of(terms);
    divergences.push_back(k.divergence[row]);
  }
  *k.loss = k.scale * sum_of(divergences);
}

void define(const clessidra_gaussian_kl_backward& k) {
  for (int64_t row = 0; row < k.rows; ++row) {
    const float factor = k.upstream[k.upstream_per_row ? row : 0] * k.scale;
    for (int64_t i = row * k.columns; i < (row + 1) * k.columns; ++i) {
      if (k.dmean != nullptr) {
        k.dmean[i] = accumulated_product(factor, k.mean[i], k.mean_beta, k.dmean[i]);
      }
      if (k.dlog_variance != nullptr) {
        const float gradient = 0.5f * (math::exponential(k.log_variance[i]) - 1.0f);
        k.dlog_variance[i] =
            accumulated_product(factor, gradient, k.log_variance_beta, k.dlog_variance[i]);
      }
    }
  }
}

// The result of one block of columns.
static float bernoulli_block(const float* x, const float* t, int32_t columns) {
  float sums[CLESSIDRA_SUM_LANES] = {};
  float products[CLESSIDRA_SUM_LANES];
  for (float& product : products) product = 1.0f;
  for (int32_t i = 0; i < columns; ++i) {
    const int lane = i % CLESSIDRA_SUM_LANES;
    sums[lane] += std::fma(x[i], t[i], -(x[i] > 0.0f ? x[i] : 0.0f));
    const float odds = math::exponential(-std::fabs(x[i]));
    products[lane] = std::fma(products[lane], odds, products[lane]);
  }
  std::vector<float> lanes;
  for (int lane = 0; lane < CLESSIDRA_SUM_LANES; ++lane) {
    lanes.push_back(sums[lane] - math::logarithm(products[lane]));
  }
  return sum_of(lanes);
}

void define(const clessidra_bernoulli_log_likelihood& b) {
  constexpr int32_t kBlock = CLESSIDRA_FACTORS * CLESSIDRA_SUM_LANES;
  for (int64_t row = 0; row < b.rows * b.repeats; ++row) {
    const float* x = b.logits + row * b.columns;
    const float* t = b.target + row / b.repeats * b.columns;
    float total = 0.0f;
    for (int32_t begin = 0; begin < b.columns; begin += kBlock) {
      total += bernoulli_block(x + begin, t + begin, std::min(kBlock, b.columns - begin));
    }
    b.log_likelihood[row] = total;
  }
}

void define(const clessidra_bernoulli_log_likelihood_backward& b) {
  for (int64_t row = 0; row < b.rows * b.repeats; ++row) {
    for (int64_t column = 0; column < b.columns; ++column) {
      const int64_t i = row * b.columns + column;
      const float target = b.target[row / b.repeats * b.columns + column];
      const float gradient = target - math::sigmoid(b.logits[i]);
      b.dlogits[i] = accumulated_product(b.upstream[row], gradient, b.beta, b.dlogits[i]);
    }
  }
}

static float value_or_zero(const float* values, int64_t i) {
  return values == nullptr ? 0.0f : values[i];
}

void define(const clessidra_gaussian_log_density& g) {
  for (int64_t row = 0; row < g.rows * g.repeats; ++row) {
    std::vector<float> terms;
    for (int64_t column = 0; column < g.columns; ++column) {
      const int64_t i = row / g.repeats * g.columns + column;
      const float d = g.x[row * g.columns + column] - value_or_zero(g.mean, i);
      const float v = value_or_zero(g.log_variance, i);
      terms.push_back(std::fma(d * d, math::exponential(-v), v + 1.8378770664093453f));
    }
    g.log_density[row] = -0.5f * sum_of(terms);
  }
}

void define(const clessidra_gaussian_log_density_backward& g) {
  for (int64_t i = 0; i < g.rows * g.columns; ++i) {
    const float precision = math::exponential(-value_or_zero(g.log_variance, i));
    float dmean = 0.0f;
    float dlog_variance = 0.0f;
    if (g.dmean != nullptr && g.mean_beta != 0.0f) dmean = g.mean_beta * g.dmean[i];
    if (g.dlog_variance != nullptr && g.log_variance_beta != 0.0f) {
      dlog_variance = g.log_variance_beta * g.dlog_variance[i];
    }
    for (int64_t repeat = 0; repeat < g.repeats; ++repeat) {
      const int64_t row = i / g.columns * g.repeats + repeat;
      const int64_t j = row * g.columns + i % g.columns;
      const float d = g.x[j] - value_or_zero(g.mean, i);
      const float q = d * precision;
      dmean = std::fma(g.upstream[row], q, dmean);
      dlog_variance = std::fma(g.upstream[row], 0.5f * std::fma(d, q, -1.0f), dlog_variance);
      if (g.dx != nullptr) g.dx[j] = accumulated_product(g.upstream[row], -q, g.x_beta, g.dx[j]);
    }
    if (g.dmean != nullptr) g.dmean[i] = dmean;
    if (g.dlog_variance != nullptr) g.dlog_variance[i] = dlog_variance;
  }
}

}  // namespace definitions
