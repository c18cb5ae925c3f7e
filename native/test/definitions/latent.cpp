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

}  // namespace definitions
