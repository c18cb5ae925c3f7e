// Sampling from a diagonal Gaussian and its divergence.
#include "definitions.h"

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

}  // namespace definitions
