// Normalisation in groups, and the Dice loss, which takes the same sums.
#include "activation.h"
#include "column_sum.h"
#include "reduction.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// The sum over a group of an image's column sums.
CLESSIDRA_FUNCTION float group_sum(const float* sums, int64_t columns) {
  float total = sums[0];
  for (int64_t i = 1; i < columns; ++i) total += sums[i];
  return total;
}

// statistics[group] for columns i to i + n - 1 of an image.
template <class Count>
CLESSIDRA_FUNCTION Vec load_statistics(const float* statistics, int64_t group_columns, int64_t i,
                                       Count n) {
  if (group_columns == 1) return load_part(statistics + i, n);
  Vec v{};
  for (int lane = 0; lane < n; ++lane) v[lane] = statistics[(i + lane) / group_columns];
  return v;
}

// What normalises columns i to i + n - 1 of an image.
struct Normalizer {
  Vec mean, inverse;

  Normalizer() = default;
  template <class Arguments, class Count>
  CLESSIDRA_FUNCTION Normalizer(const Arguments& a, int64_t image, int64_t i, Count n) {
    const int64_t group_columns = a.columns / a.groups;
    mean = load_statistics(a.mean + image * a.groups, group_columns, i, n);
    const Vec variance = load_statistics(a.variance + image * a.groups, group_columns, i, n);
    inverse = broadcast(1.0f) / square_root(variance + broadcast(a.epsilon));
  }

  CLESSIDRA_FUNCTION Vec operator()(Vec x) const { return (x - mean) * inverse; }
};

// What follows the normalisation of columns i to i + n - 1.
template <int kActivation>
struct Output {
  Vec scale, shift, slope;

  Output() = default;
  template <class Arguments, class Count>
  CLESSIDRA_FUNCTION Output(const Arguments& a, int64_t i, Count n)
      : scale(load_part(a.scale + i, n)),
        shift(load_part(a.shift + i, n)),
        slope(broadcast(a.slope)) {}

  CLESSIDRA_FUNCTION Vec operator()(Vec normalized) const {
    return activate<kActivation>(fma(normalized, scale, shift), slope);
  }

  // The gradient before the activation. Computing y again takes less than reading it.
  CLESSIDRA_FUNCTION Vec inner_gradient(Vec dy, Vec normalized) const {
    return dy * activation_derivative<kActivation>((*this)(normalized), slope);
  }
};

// Elements that stay in the first-level cache from one vector of columns to the next.
constexpr int64_t kCached = 2048;

// Calls body(image, first row, last row) for parts of [images, rows, columns].
template <class Arguments, class Body>
CLESSIDRA_FUNCTION void for_rows(ThreadPool& threads, const Arguments& a, const Body& body) {
  const int64_t group = grain_rows(a.columns);
  const int64_t groups = (a.rows + group - 1) / group;
  const int64_t block = a.columns < kCached ? kCached / a.columns : 1;
  threads.for_each(a.images * groups, [&](int64_t task) {
    const int64_t first = task % groups * group;
    const int64_t last = first + group < a.rows ? first + group : a.rows;
    for (int64_t row = first; row < last; row += block) {
      body(task / groups, row, row + block < last ? row + block : last);
    }
  });
}

template <int kActivation, bool kAccumulate>
void run_normalize_backward(ThreadPool& threads, const clessidra_normalize_backward& a) {
  const int64_t columns = a.columns;
  for_rows(threads, a, [&](int64_t image, int64_t first_row, int64_t last_row) {
    const int64_t group_columns = columns / a.groups;
    const float* const first_sums = a.sums + image * a.groups;
    const float* const second_sums = first_sums + int64_t{a.images} * a.groups;
    const Vec beta = broadcast(a.beta);
    for_strips(0, columns, [&](int64_t i, auto vectors, auto n) {
      Normalizer normalizers[vectors];
      Output<kActivation> outputs[vectors];
      Vec first[vectors], second[vectors];
      for (int v = 0; v < vectors; ++v) {
        const int64_t column = i + v * kLanes;
        normalizers[v] = Normalizer(a, image, column, n);
        outputs[v] = Output<kActivation>(a, column, n);
        first[v] = load_statistics(first_sums, group_columns, column, n);
        second[v] = load_statistics(second_sums, group_columns, column, n);
      }
      const int64_t begin = (image * a.rows + first_row) * columns + i;
      const float* x = a.x + begin;
      const float* dy = a.dy + begin;
      float* dx = a.dx + begin;
      for (int64_t row = first_row; row < last_row;
           ++row, x += columns, dy += columns, dx += columns) {
        for (int v = 0; v < vectors; ++v) {
          const int offset = v * kLanes;
          const Vec normalized = normalizers[v](load_part(x + offset, n));
          const Vec dz = outputs[v].inner_gradient(load_part(dy + offset, n), normalized);
          const Vec gradient = fma(-normalized, second[v], outputs[v].scale * dz - first[v]);
          const Vec inverse = normalizers[v].inverse;
          if constexpr (kAccumulate) {
            const Vec old = beta * load_part(dx + offset, n);
            store_part(dx + offset, fma(inverse, gradient, old), n);
          } else {
            store_part(dx + offset, inverse * gradient, n);
          }
        }
      }
    });
  });
}

}  // namespace

void normalize_statistics(ThreadPool& threads, const clessidra_normalize_statistics& a) {
  const int64_t columns = a.columns;
  const int64_t group_columns = a.groups == 0 ? 0 : columns / a.groups;
  const int64_t m = a.rows * group_columns;
  const float count = static_cast<float>(m);
  const float unbiased = count / static_cast<float>(m > 1 ? m - 1 : 1);
  const ColumnSums<1> sums(a.images, a.rows, columns, a.workspace);
  const auto store_means = [&](float* to) {
    for (int64_t image = 0; image < a.images; ++image) {
      for (int64_t group = 0; group < a.groups; ++group) {
        const float* const from = sums.of(0, image) + group * group_columns;
        to[image * a.groups + group] = group_sum(from, group_columns) / count;
      }
    }
  };
  sums.compute(threads, [&](int64_t image, int64_t i, auto n) {
    const float* const from = a.x + image * a.rows * columns + i;
    return [=](int64_t row, Vec (&terms)[1]) { terms[0] = load_part(from + row * columns, n); };
  });
  store_means(a.mean);
  sums.compute(threads, [&](int64_t image, int64_t i, auto n) {
    const float* const from = a.x + image * a.rows * columns + i;
    const Vec mean = load_statistics(a.mean + image * a.groups, group_columns, i, n);
    return [=](int64_t row, Vec (&terms)[1]) {
      const Vec d = load_part(from + row * columns, n) - mean;
      terms[0] = d * d;
    };
  });
  store_means(a.variance);
  for (int64_t i = 0; i < int64_t{a.images} * a.groups; ++i) {
    if (a.running_mean != nullptr) {
      a.running_mean[i] = fma(a.momentum, a.mean[i] - a.running_mean[i], a.running_mean[i]);
    }
    if (a.running_variance != nullptr) {
      const float variance = a.variance[i] * unbiased;
      a.running_variance[i] =
          fma(a.momentum, variance - a.running_variance[i], a.running_variance[i]);
    }
  }
}

void normalize(ThreadPool& threads, const clessidra_normalize& a) {
  const int64_t columns = a.columns;
  for_rows(threads, a, [&](int64_t image, int64_t first, int64_t last) {
    with_activation(a.activation, [&](auto activation) {
      for_strips(0, columns, [&](int64_t i, auto vectors, auto n) {
        Normalizer normalizers[vectors];
        Output<activation> outputs[vectors];
        for (int v = 0; v < vectors; ++v) {
          normalizers[v] = Normalizer(a, image, i + v * kLanes, n);
          outputs[v] = Output<activation>(a, i + v * kLanes, n);
        }
        const int64_t begin = (image * a.rows + first) * columns + i;
        const float* x = a.x + begin;
        float* y = a.y + begin;
        for (int64_t row = first; row < last; ++row, x += columns, y += columns) {
          for (int v = 0; v < vectors; ++v) {
            const Vec normalized = normalizers[v](load_part(x + v * kLanes, n));
            store_part(y + v * kLanes, outputs[v](normalized), n);
          }
        }
      });
    });
  });
}

void normalize_backward_statistics(ThreadPool& threads,
                                   const clessidra_normalize_backward_statistics& a) {
  const int64_t columns = a.columns;
  const int64_t group_columns = a.groups == 0 ? 0 : columns / a.groups;
  const ColumnSums<2> totals(a.images, a.rows, columns, a.workspace);
  with_activation(a.activation, [&](auto activation) {
    totals.compute(threads, [&](int64_t image, int64_t i, auto n) {
      const Normalizer normalizer(a, image, i, n);
      const Output<activation> output(a, i, n);
      const int64_t begin = image * a.rows * columns + i;
      return [=, x = a.x + begin, dy = a.dy + begin](int64_t row, Vec (&terms)[2]) {
        const Vec normalized = normalizer(load_part(x + row * columns, n));
        terms[0] = output.inner_gradient(load_part(dy + row * columns, n), normalized);
        terms[1] = terms[0] * normalized;
      };
    });
  });
  const float count = static_cast<float>(a.rows * group_columns);
  for (int which = 0; which < 2; ++which) {
    for (int64_t image = 0; image < a.images; ++image) {
      const float* const sums = totals.of(which, image);
      for (int64_t group = 0; group < a.groups; ++group) {
        float chain = 0.0f;
        for (int64_t i = group * group_columns; i < (group + 1) * group_columns; ++i) {
          chain = fma(a.scale[i], sums[i], chain);
        }
        a.sums[(which * a.images + image) * a.groups + group] = chain / count;
      }
    }
    float* const gradient = which == 0 ? a.dshift : a.dscale;
    const float beta = which == 0 ? a.shift_beta : a.scale_beta;
    if (gradient == nullptr) continue;
    for_vectors(0, columns, [&](int64_t i, auto n) {
      Vec sum = a.images == 0 ? Vec{} : load_part(totals.of(which, 0) + i, n);
      for (int64_t image = 1; image < a.images; ++image) {
        sum += load_part(totals.of(which, image) + i, n);
      }
      if (beta != 0.0f) sum = broadcast(beta) * load_part(gradient + i, n) + sum;
      store_part(gradient + i, sum, n);
    });
  }
}

void normalize_backward(ThreadPool& threads, const clessidra_normalize_backward& a) {
  with_activation(a.activation, [&](auto activation) {
    with_flag(a.beta != 0.0f, [&](auto accumulate) {
      run_normalize_backward<activation, accumulate>(threads, a);
    });
  });
}

void dice(ThreadPool& threads, const clessidra_dice& d) {
  const int64_t columns = d.columns;
  const ColumnSums<3> totals(d.images, d.rows, columns, d.workspace);
  totals.compute(threads, [&](int64_t image, int64_t i, auto n) {
    const float* const probabilities = d.probabilities + image * d.rows * columns + i;
    const int32_t* const labels = d.labels + image * d.rows;
    return [=](int64_t row, Vec (&terms)[3]) {
      const auto hot = lane_indices() + static_cast<int32_t>(i) == labels[row];
      const Vec p = load_part(probabilities + row * columns, n);
      terms[0] = hot ? p : Vec{};
      terms[1] = p;
      terms[2] = hot ? broadcast(1.0f) : Vec{};
    };
  });
  const int64_t half = d.images * columns;
  for (int64_t i = 0; i < half; ++i) {
    const int64_t image = i / columns;
    const int64_t column = i % columns;
    d.sums[i] = totals.of(0, image)[column];
    d.sums[half + i] = totals.of(1, image)[column] + totals.of(2, image)[column];
  }
  const Vec one = broadcast(1.0f);
  const Vec two = broadcast(2.0f);
  const Vec smooth = broadcast(d.smooth);
  // The sums of the columns have been taken: their memory serves once more.
  d.loss[0] = d.scale * sum(threads, half, d.workspace, [=](int64_t i, auto n) {
    const Vec overlap = load_part(d.sums + i, n);
    return one - (two * overlap + smooth) / (load_part(d.sums + half + i, n) + smooth);
  });
}

void dice_backward(ThreadPool& threads, const clessidra_dice_backward& d) {
  const int64_t columns = d.columns;
  for_rows(threads, d, [&](int64_t image, int64_t first, int64_t last) {
    const float* const overlaps = d.sums + image * columns;
    const float* const totals = overlaps + d.images * columns;
    const Vec two = broadcast(2.0f);
    const Vec smooth = broadcast(d.smooth);
    const Vec factor = broadcast(d.upstream[0] * d.scale);
    const Vec beta = broadcast(d.beta);
    with_flag(d.beta != 0.0f, [&](auto accumulate) {
      for_vectors(0, columns, [&](int64_t i, auto n) {
        const Vec u = load_part(totals + i, n) + smooth;
        const Vec background = (two * load_part(overlaps + i, n) + smooth) / u / u;
        const Vec labelled = background - two / u;
        for (int64_t row = first; row < last; ++row) {
          const int64_t pixel = image * d.rows + row;
          const auto hot = lane_indices() + static_cast<int32_t>(i) == d.labels[pixel];
          const Vec gradient = hot ? labelled : background;
          float* const dx = d.dx + pixel * columns + i;
          if constexpr (accumulate) {
            store_part(dx, fma(factor, gradient, beta * load_part(dx, n)), n);
          } else {
            store_part(dx, factor * gradient, n);
          }
        }
      });
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
