// What every kernel computes, one element after the other, as clessidra/kernels.h says it: no
// vectors, no threads, no blocks. The fast kernels have to give the same bits.
#include "definitions.h"

#include <cstring>

#define DEFINITIONS_EXPORT extern "C" __attribute__((visibility("default")))

namespace definitions {
static float reduction_term(int32_t reduction, float x) {
  if (reduction == CLESSIDRA_SQUARE_SUM) return x * x;
  if (reduction == CLESSIDRA_ABSOLUTE_SUM) return std::fabs(x);
  return x;
}

static float reduction_result(float r, float scale, float beta, const float& old) {
  const float scaled = scale * r;
  return accumulated(scaled, beta, old);
}

static float sign_of(float x) {
  if (x > 0.0f) return 1.0f;
  if (x < 0.0f) return -1.0f;
  return 0.0f;
}

void define(const clessidra_gemm& g) {
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      float& c = g.c[i * g.ldc + j];
      float chain = g.beta == 0.0f ? 0.0f : g.beta * c;
      for (int64_t p = 0; p < g.k; ++p) {
        const float a = g.transpose_a ? g.a[p * g.lda + i] : g.a[i * g.lda + p];
        const float b = g.transpose_b ? g.b[j * g.ldb + p] : g.b[p * g.ldb + j];
        chain = std::fma(a, b, chain);
      }
      if (g.bias != nullptr) chain += g.bias[j];
      c = activation_of(g.activation, chain, g.slope);
    }
  }
}

void define(const clessidra_activation_forward& f) {
  for (int64_t i = 0; i < f.count; ++i) f.y[i] = activation_of(f.activation, f.x[i], f.slope);
}

void define(const clessidra_activation_backward& b) {
  for (int64_t i = 0; i < b.count; ++i) {
    const float derivative = derivative_of(b.activation, b.y[i], b.slope);
    b.dx[i] = accumulated_product(b.dy[i], derivative, b.beta, b.dx[i]);
  }
}

static float unary_of(const clessidra_unary& u, float x) {
  switch (u.function) {
    case CLESSIDRA_AFFINE:
      return std::fma(u.alpha, x, u.shift);
    case CLESSIDRA_SQUARE:
      return x * x;
    case CLESSIDRA_SQUARE_ROOT:
      return std::sqrt(x);
    case CLESSIDRA_EXP:
      return math::exponential(x);
    case CLESSIDRA_LOG:
      return math::logarithm(x);
    case CLESSIDRA_ABSOLUTE:
      return std::fabs(x);
    case CLESSIDRA_SIGN:
      return sign_of(x);
    default:
      return 1.0f / x;
  }
}

void define(const clessidra_unary& u) {
  for (int64_t i = 0; i < u.count; ++i) u.y[i] = accumulated(unary_of(u, u.x[i]), u.beta, u.y[i]);
}

static float binary_of(int32_t function, float a, float b) {
  switch (function) {
    case CLESSIDRA_ADD:
      return a + b;
    case CLESSIDRA_SUBTRACT:
      return a - b;
    case CLESSIDRA_MULTIPLY:
      return a * b;
    default:
      return a / b;
  }
}

void define(const clessidra_binary& b) {
  for (int64_t i = 0; i < b.count; ++i) {
    float value = binary_of(b.function, b.a[i], b.b[i % b.b_count]);
    if (b.alpha != 1.0f) value = b.alpha * value;
    b.y[i] = accumulated(value, b.beta, b.y[i]);
  }
}

void define(const clessidra_fill& f) {
  for (int64_t i = 0; i < f.count; ++i) f.y[i] = f.value;
}

void define(const clessidra_copy& c) {
  for (int64_t row = 0; row < c.rows; ++row) {
    for (int64_t column = 0; column < c.columns; ++column) {
      float& y = c.y[row * c.ldy + column];
      y = accumulated(c.x[row * c.ldx + column], c.beta, y);
    }
  }
}

void define(const clessidra_repeat_rows& r) {
  for (int64_t row = 0; row < r.rows * r.repeats; ++row) {
    for (int64_t column = 0; column < r.columns; ++column) {
      r.y[row * r.columns + column] = r.x[row / r.repeats * r.columns + column];
    }
  }
}

void define(const clessidra_repeat_rows_backward& r) {
  for (int64_t row = 0; row < r.rows; ++row) {
    for (int64_t column = 0; column < r.columns; ++column) {
      float sum = r.dy[row * r.repeats * r.columns + column];
      for (int64_t i = 1; i < r.repeats; ++i) {
        sum += r.dy[(row * r.repeats + i) * r.columns + column];
      }
      float& dx = r.dx[row * r.columns + column];
      dx = accumulated(sum, r.beta, dx);
    }
  }
}

void define(const clessidra_reduce& r) {
  std::vector<float> terms;
  for (int64_t i = 0; i < r.count; ++i) terms.push_back(reduction_term(r.reduction, r.x[i]));
  const float result = r.reduction == CLESSIDRA_MAXIMUM ? maximum_of(terms) : sum_of(terms);
  *r.y = reduction_result(result, r.scale, r.beta, *r.y);
}

void define(const clessidra_reduce_rows& r) {
  for (int64_t row = 0; row < r.rows; ++row) {
    std::vector<float> terms;
    for (int64_t column = 0; column < r.columns; ++column) {
      terms.push_back(reduction_term(r.reduction, r.x[row * r.columns + column]));
    }
    const float result = r.reduction == CLESSIDRA_MAXIMUM ? maximum_of(terms) : sum_of(terms);
    r.y[row] = reduction_result(result, r.scale, r.beta, r.y[row]);
  }
}

void define(const clessidra_reduce_columns& r) {
  for (int64_t column = 0; column < r.columns; ++column) {
    std::vector<float> terms;
    for (int64_t row = 0; row < r.rows; ++row) {
      terms.push_back(reduction_term(r.reduction, r.x[row * r.columns + column]));
    }
    const float result =
        r.reduction == CLESSIDRA_MAXIMUM ? maximum_of(terms) : column_sum_of(terms);
    r.y[column] = reduction_result(result, r.scale, r.beta, r.y[column]);
  }
}

void define(const clessidra_loss& l) {
  std::vector<float> terms;
  for (int64_t i = 0; i < l.count; ++i) {
    const float x = l.x[i];
    if (l.function == CLESSIDRA_SQUARED_ERROR) {
      const float d = x - l.target[i];
      terms.push_back(d * d);
    } else if (l.function == CLESSIDRA_BINARY_CROSS_ENTROPY) {
      const float positive = x > 0.0f ? x : 0.0f;
      const float rest = math::logarithm_of_one_plus(math::exponential(-std::fabs(x)));
      terms.push_back(std::fma(-x, l.target[i], positive) + rest);
    } else {
      terms.push_back(std::fabs(x));
    }
  }
  *l.loss = l.scale * sum_of(terms);
}

void define(const clessidra_loss_backward& l) {
  const float factor = *l.upstream * l.scale;
  for (int64_t i = 0; i < l.count; ++i) {
    const float x = l.x[i];
    float gradient;
    if (l.function == CLESSIDRA_SQUARED_ERROR) {
      gradient = 2.0f * (x - l.target[i]);
    } else if (l.function == CLESSIDRA_BINARY_CROSS_ENTROPY) {
      gradient = math::sigmoid(x) - l.target[i];
    } else {
      gradient = sign_of(x);
    }
    l.dx[i] = accumulated_product(factor, gradient, l.beta, l.dx[i]);
  }
}

// exp(x - maximum) of a row, and what was subtracted.
static std::vector<float> row_exponentials(const float* x, int32_t columns, float& maximum) {
  maximum = maximum_of(std::vector<float>(x, x + columns));
  std::vector<float> exponentials;
  for (int32_t i = 0; i < columns; ++i) exponentials.push_back(math::exponential(x[i] - maximum));
  return exponentials;
}

void define(const clessidra_softmax& s) {
  for (int64_t row = 0; row < s.rows; ++row) {
    float maximum;
    const auto exponentials = row_exponentials(s.x + row * s.columns, s.columns, maximum);
    const float sum = sum_of(exponentials);
    for (int64_t i = 0; i < s.columns; ++i) s.y[row * s.columns + i] = exponentials[i] / sum;
  }
}

void define(const clessidra_log_sum_exp& l) {
  for (int64_t row = 0; row < l.rows; ++row) {
    std::vector<float> x(l.x + row * l.columns, l.x + (row + 1) * l.columns);
    float maximum = maximum_of(x);
    if (std::isinf(maximum)) maximum = 0.0f;
    for (float& value : x) value = math::exponential(value - maximum);
    l.y[row] = maximum + math::logarithm(sum_of(x));
  }
}

void define(const clessidra_log_sum_exp_backward& l) {
  for (int64_t row = 0; row < l.rows; ++row) {
    for (int64_t i = row * l.columns; i < (row + 1) * l.columns; ++i) {
      const float share = math::exponential(l.x[i] - l.y[row]);
      l.dx[i] = accumulated_product(l.upstream[row], share, l.beta, l.dx[i]);
    }
  }
}

// value times the weights of a row.
template <class Arguments>
static float weighted(float value, const Arguments& s, int64_t row) {
  const int32_t label = s.labels[row];
  if (s.class_weights != nullptr && label >= 0 && label < s.columns) {
    value *= s.class_weights[label];
  }
  return s.row_weights == nullptr ? value : value * s.row_weights[row];
}

void define(const clessidra_softmax_cross_entropy& s) {
  std::vector<float> losses;
  for (int64_t row = 0; row < s.rows; ++row) {
    const float* x = s.logits + row * s.columns;
    float maximum;
    const auto exponentials = row_exponentials(x, s.columns, maximum);
    const float sum = sum_of(exponentials);
    for (int64_t i = 0; i < s.columns; ++i) {
      s.probabilities[row * s.columns + i] = exponentials[i] / sum;
    }
    const int32_t label = s.labels[row];
    const bool known = label >= 0 && label < s.columns;
    const float loss = known ? math::logarithm(sum) - (x[label] - maximum) : kNan;
    losses.push_back(weighted(loss, s, row));
  }
  *s.loss = s.scale * sum_of(losses);
}

void define(const clessidra_softmax_cross_entropy_backward& s) {
  for (int64_t row = 0; row < s.rows; ++row) {
    const float factor = weighted(*s.upstream * s.scale, s, row);
    for (int64_t column = 0; column < s.columns; ++column) {
      const int64_t i = row * s.columns + column;
      const float gradient = s.probabilities[i] - (column == s.labels[row] ? 1.0f : 0.0f);
      s.dx[i] = accumulated_product(factor, gradient, s.beta, s.dx[i]);
    }
  }
}

static float clamped_mean(float mean) {
  const float low = 1e-6f;
  const float high = 1.0f - 1e-6f;
  if (mean < low) return low;
  if (mean > high) return high;
  return mean;
}

void define(const clessidra_kl_sparsity& s) {
  std::vector<float> terms;
  for (int32_t j = 0; j < s.columns; ++j) {
    const float q = clamped_mean(s.mean[j]);
    const float active = s.rho * math::logarithm(s.rho / q);
    const float idle = (1.0f - s.rho) * math::logarithm((1.0f - s.rho) / (1.0f - q));
    terms.push_back(active + idle);
  }
  *s.loss = s.scale * sum_of(terms);
}

void define(const clessidra_kl_sparsity_backward& s) {
  const float factor = *s.upstream * s.scale / static_cast<float>(s.rows);
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t j = 0; j < s.columns; ++j) {
      const float q = clamped_mean(s.mean[j]);
      const float gradient = factor * ((1.0f - s.rho) / (1.0f - q) - s.rho / q);
      float& dx = s.dx[row * s.columns + j];
      dx = accumulated(gradient, s.beta, dx);
    }
  }
}

// Whether column a of a row goes before column b among the largest.
static bool goes_before(const float* x, int32_t a, int32_t b) {
  if (std::isnan(x[a]) || std::isnan(x[b])) {
    if (std::isnan(x[a]) && std::isnan(x[b])) return a < b;
    return std::isnan(x[b]);
  }
  return x[a] != x[b] ? x[a] > x[b] : a < b;
}

void define(const clessidra_top_k& t) {
  for (int64_t row = 0; row < t.rows; ++row) {
    const float* x = t.x + row * t.columns;
    std::vector<bool> kept(t.columns);
    for (int32_t i = 0; i < t.columns; ++i) {
      int32_t before = 0;
      for (int32_t j = 0; j < t.columns; ++j) before += j != i && goes_before(x, j, i);
      kept[i] = before < t.k;
    }
    for (int32_t i = 0; i < t.columns; ++i) {
      t.y[row * t.columns + i] = kept[i] ? x[i] : 0.0f;
      t.mask[row * t.columns + i] = kept[i] ? 1.0f : 0.0f;
    }
  }
}

void define(const clessidra_random& r) {
  for (int64_t i = 0; i < r.count; ++i) {
    if (r.distribution == CLESSIDRA_UNIFORM) {
      const math::Words words =
          math::random_words(static_cast<uint64_t>(i) / 4, r.stream, *r.step, r.seed);
      r.y[i] = std::fma(math::unit_uniform(words.w[i % 4]), r.b - r.a, r.a);
    } else {
      r.y[i] = std::fma(normal_of(i, r.stream, *r.step, r.seed), r.b, r.a);
    }
  }
}

void define(const clessidra_mask_noise& m) {
  for (int64_t i = 0; i < m.count; ++i) {
    const math::Words words =
        math::random_words(static_cast<uint64_t>(i) / 4, m.stream, *m.step, m.seed);
    const float u = math::unit_uniform(words.w[i % 4]);
    m.y[i] = u >= m.probability ? m.x[i] * m.scale : 0.0f;
  }
}

void define(const clessidra_binarize& b) {
  for (int64_t i = 0; i < b.count; ++i) {
    const math::Words words =
        math::random_words(static_cast<uint64_t>(i) / 4, b.stream, *b.step, b.seed);
    b.y[i] = math::unit_uniform(words.w[i % 4]) < b.x[i] ? 1.0f : 0.0f;
  }
}

void define(const clessidra_gather_rows& g) {
  const uint64_t source_rows = static_cast<uint64_t>(g.source_rows);
  for (int64_t row = 0; row < g.rows; ++row) {
    const uint64_t position =
        *g.step * static_cast<uint64_t>(g.rows) + static_cast<uint64_t>(row);
    uint64_t from = position % source_rows;
    if (g.shuffle) from = math::shuffled(from, source_rows, position / source_rows, g.seed);
    for (int64_t column = 0; column < g.columns; ++column) {
      const int64_t source = static_cast<int64_t>(from) * g.columns + column;
      const int64_t target = row * g.columns + column;
      if (g.element == CLESSIDRA_UINT8) {
        const float value = static_cast<float>(static_cast<const uint8_t*>(g.source)[source]);
        static_cast<float*>(g.y)[target] = value / 255.0f;
      } else if (g.element == CLESSIDRA_FLOAT32) {
        static_cast<float*>(g.y)[target] = static_cast<const float*>(g.source)[source];
      } else {
        static_cast<int32_t*>(g.y)[target] = static_cast<const int32_t*>(g.source)[source];
      }
    }
  }
}

void define(const clessidra_advance& a) { a.state->step += 1; }

void define(const clessidra_schedule& d) {
  const double s = static_cast<double>(d.state->step);
  double rate = d.base;
  if (d.kind == CLESSIDRA_WARMUP_COSINE) {
    const double warmup = static_cast<double>(d.warmup);
    if (s < warmup) {
      rate = d.base * (s + 1.0) / warmup;
    } else {
      const double length = std::fmax(1.0, static_cast<double>(d.total) - warmup);
      const double t = std::fmin(1.0, (s - warmup) / length);
      rate = d.floor + (d.base - d.floor) * (1.0 + math::cosine_of_half_turns(t)) / 2.0;
    }
  } else if (d.kind == CLESSIDRA_STEP_DECAY) {
    for (uint64_t i = static_cast<uint64_t>(d.every); i <= d.state->step; i += d.every) {
      rate *= d.factor;
    }
  }
  d.state->learning_rate = static_cast<float>(rate);
  d.state->beta1_power *= d.beta1;
  d.state->beta2_power *= d.beta2;
}

void define(const clessidra_linear_warmup& w) {
  const double part = static_cast<double>(*w.step) / static_cast<double>(w.steps);
  *w.y = *w.step < static_cast<uint64_t>(w.steps) ? static_cast<float>(part) : 1.0f;
}

void define(const clessidra_clip_norm& c) {
  std::vector<float> squares;
  for (int64_t i = 0; i < c.count; ++i) squares.push_back(c.gradients[i] * c.gradients[i]);
  const float norm = std::sqrt(sum_of(squares));
  c.state->gradient_norm = norm;
  c.state->gradient_scale = norm > c.maximum ? c.maximum / norm : 1.0f;
}

void define(const clessidra_sgd& s) {
  for (int64_t i = 0; i < s.count; ++i) {
    float& p = s.parameters[i];
    float& v = s.velocity[i];
    float g = s.gradients[i] * s.state->gradient_scale;
    if (s.weight_decay != 0.0f) g = std::fma(s.weight_decay, p, g);
    v = std::fma(s.momentum, v, g);
    p = std::fma(-s.state->learning_rate, s.nesterov ? std::fma(s.momentum, v, g) : v, p);
  }
}

void define(const clessidra_adam& a) {
  const double rate = static_cast<double>(a.state->learning_rate);
  const float c1 = static_cast<float>(rate / (1.0 - a.state->beta1_power));
  const float c2 = static_cast<float>(1.0 / std::sqrt(1.0 - a.state->beta2_power));
  for (int64_t i = 0; i < a.count; ++i) {
    float& p = a.parameters[i];
    float& m = a.first_moment[i];
    float& v = a.second_moment[i];
    float g = a.gradients[i] * a.state->gradient_scale;
    if (!a.decoupled && a.weight_decay != 0.0f) g = std::fma(a.weight_decay, p, g);
    m = std::fma(1.0f - a.beta1, g - m, m);
    v = std::fma(1.0f - a.beta2, std::fma(g, g, -v), v);
    if (a.decoupled && a.weight_decay != 0.0f) {
      p = std::fma(-a.state->learning_rate * a.weight_decay, p, p);
    }
    p = std::fma(-c1, m / std::fma(std::sqrt(v), c2, a.epsilon), p);
  }
}

void define(const clessidra_average& a) {
  const double s = static_cast<double>(a.state->step);
  const float d = static_cast<float>(std::fmin(a.decay, (1.0 + s) / (10.0 + s)));
  for (int64_t i = 0; i < a.count; ++i) a.y[i] = std::fma(1.0f - d, a.x[i] - a.y[i], a.y[i]);
}

namespace {

using Definition = void (*)(const void* arguments);
#define DEFINITION(name) \
  [](const void* arguments) { define(*static_cast<const clessidra_##name*>(arguments)); },
constexpr Definition kDefinitions[] = {CLESSIDRA_KERNELS(DEFINITION)};
constexpr int32_t kKernels = sizeof kDefinitions / sizeof kDefinitions[0];

}  // namespace

}  // namespace definitions

// Runs the definition of a kernel. 0, or -1 when there is no such kernel.
DEFINITIONS_EXPORT int32_t clessidra_define(int32_t kernel, const void* arguments) {
  if (kernel < 0 || kernel >= definitions::kKernels) return -1;
  definitions::kDefinitions[kernel](arguments);
  return 0;
}

DEFINITIONS_EXPORT void clessidra_philox(const uint32_t counter[4], uint64_t key,
                                         uint32_t out[4]) {
  clessidra::Words words;
  std::memcpy(words.w, counter, sizeof words.w);
  words = clessidra::philox(words, key);
  std::memcpy(out, words.w, sizeof words.w);
}

// y = a function of clessidra/math.h: 0 exponential, 1 logarithm, 2 logarithm_of_one_plus,
// 3 sigmoid, 4 hyperbolic_tangent, 5 softplus, 6 and 7 the cosine and sine of x turns,
// 8 the cosine of x half turns.
DEFINITIONS_EXPORT void clessidra_math(int32_t function, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    float cosine;
    float sine;
    switch (function) {
      case 0:
        y[i] = clessidra::exponential(x[i]);
        break;
      case 1:
        y[i] = clessidra::logarithm(x[i]);
        break;
      case 2:
        y[i] = clessidra::logarithm_of_one_plus(x[i]);
        break;
      case 3:
        y[i] = clessidra::sigmoid(x[i]);
        break;
      case 4:
        y[i] = clessidra::hyperbolic_tangent(x[i]);
        break;
      case 5:
        y[i] = clessidra::softplus(x[i]);
        break;
      case 8:
        y[i] = static_cast<float>(clessidra::cosine_of_half_turns(static_cast<double>(x[i])));
        break;
      default:
        clessidra::cosine_and_sine_of_turns(x[i], cosine, sine);
        y[i] = function == 6 ? cosine : sine;
    }
  }
}
