// What the definitions share: the sums of clessidra/kernels.h and what its ops have in common.
#ifndef CLESSIDRA_DEFINITIONS_H
#define CLESSIDRA_DEFINITIONS_H

#include <cmath>
#include <limits>
#include <vector>

#include "clessidra/kernels.h"
#include "clessidra/math.h"
#include "clessidra/random.h"

namespace definitions {

namespace math = clessidra;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The sum of the header: lanes within a chunk, then the chunks.
inline float sum_of(std::vector<float> x) {
  if (x.empty()) return 0.0f;
  do {
    std::vector<float> results;
    for (size_t begin = 0; begin < x.size(); begin += CLESSIDRA_SUM_CHUNK) {
      float lanes[CLESSIDRA_SUM_LANES] = {};
      for (size_t i = begin; i < x.size() && i < begin + CLESSIDRA_SUM_CHUNK; ++i) {
        lanes[(i - begin) % CLESSIDRA_SUM_LANES] += x[i];
      }
      for (int stride = CLESSIDRA_SUM_LANES / 2; stride > 0; stride /= 2) {
        for (int lane = 0; lane < stride; ++lane) lanes[lane] += lanes[lane + stride];
      }
      results.push_back(lanes[0]);
    }
    x = results;
  } while (x.size() > 1);
  return x[0];
}

// The sum of a column: runs of rows in sequence, then the runs.
inline float column_sum_of(std::vector<float> x) {
  if (x.empty()) return 0.0f;
  do {
    std::vector<float> results;
    for (size_t begin = 0; begin < x.size(); begin += CLESSIDRA_COLUMN_CHUNK) {
      float result = 0.0f;
      for (size_t i = begin; i < x.size() && i < begin + CLESSIDRA_COLUMN_CHUNK; ++i) {
        result += x[i];
      }
      results.push_back(result);
    }
    x = results;
  } while (x.size() > 1);
  return x[0];
}

inline float maximum_of(const std::vector<float>& x) {
  float maximum = -kInfinity;
  for (const float value : x) {
    if (value > maximum) maximum = value;
  }
  return maximum == 0.0f ? 0.0f : maximum;
}

// value, or beta * old + value.
inline float accumulated(float value, float beta, const float& old) {
  if (beta == 0.0f) return value;
  const float kept = beta * old;
  return kept + value;
}

// a * b, or fma(a, b, beta * old).
inline float accumulated_product(float a, float b, float beta, const float& old) {
  if (beta == 0.0f) return a * b;
  return std::fma(a, b, beta * old);
}

inline float activation_of(int32_t activation, float x, float slope) {
  switch (activation) {
    case CLESSIDRA_RELU:
      return x < 0.0f ? 0.0f : x;
    case CLESSIDRA_LEAKY_RELU:
      return x > 0.0f ? x : slope * x;
    case CLESSIDRA_SIGMOID:
      return math::sigmoid(x);
    case CLESSIDRA_TANH:
      return math::hyperbolic_tangent(x);
    case CLESSIDRA_SOFTPLUS:
      return math::softplus(x);
    default:
      return x;
  }
}

// The derivative at the point where the activation is y.
inline float derivative_of(int32_t activation, float y, float slope) {
  switch (activation) {
    case CLESSIDRA_RELU:
      return y > 0.0f ? 1.0f : 0.0f;
    case CLESSIDRA_LEAKY_RELU:
      return y > 0.0f ? 1.0f : slope;
    case CLESSIDRA_SIGMOID:
      return y * (1.0f - y);
    case CLESSIDRA_TANH:
      return std::fma(-y, y, 1.0f);
    case CLESSIDRA_SOFTPLUS:
      return 1.0f - math::exponential(-y);
    default:
      return 1.0f;
  }
}

// Element i of the normal random numbers of mean 0 and standard deviation 1.
inline float normal_of(int64_t i, uint32_t stream, uint64_t step, uint64_t seed) {
  const math::Words words = math::random_words(static_cast<uint64_t>(i) / 4, stream, step, seed);
  const int element = static_cast<int>(i % 4);
  const uint32_t word = words.w[element / 2 * 2];
  const float u = static_cast<float>((word >> 8) + 1) * 0x1p-24f;
  const float v = math::unit_uniform(words.w[element / 2 * 2 + 1]);
  const float radius = std::sqrt(-2.0f * math::logarithm(u));
  float cosine;
  float sine;
  math::cosine_and_sine_of_turns(v, cosine, sine);
  return radius * (element % 2 == 0 ? cosine : sine);
}

// Of a convolution whose algorithm is Winograd's.
void define_winograd(const clessidra_conv2d& c);
void define_winograd(const clessidra_conv2d_backward_data& c);
void define_winograd(const clessidra_conv2d_backward_filter& c);

// The definition of each kernel.
#define CLESSIDRA_DECLARE_DEFINITION(name) void define(const clessidra_##name& arguments);
CLESSIDRA_KERNELS(CLESSIDRA_DECLARE_DEFINITION)

}  // namespace definitions

#endif
