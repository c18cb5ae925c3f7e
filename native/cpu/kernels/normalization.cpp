// Normalisation in groups, and the Dice loss, which takes the same sums.
#include <algorithm>

#include "../scratch.h"
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

// to[column] = statistics[the column's group]
void spread(const float* statistics, int64_t groups, int64_t columns, float* to) {
  if (groups == columns) {
    std::copy_n(statistics, columns, to);
    return;
  }
  const int64_t group_columns = columns / std::max<int64_t>(1, groups);
  for (int64_t group = 0; group < groups; ++group, to += group_columns) {
    std::fill_n(to, group_columns, statistics[group]);
  }
}

// What normalises a vector of columns.
struct Normalization {
  Vec mean, inverse;

  CLESSIDRA_FUNCTION Vec operator()(Vec x) const { return (x - mean) * inverse; }
};

// What normalises the columns of an image, taken apart where groups share it, so that loops over rows
// begin with two loads.
class Normalizer {
 public:
  // memory: 2 * columns floats
  template <class Arguments>
  Normalizer(const Arguments& a, int64_t image, float* memory)
      : means_(memory), inverses_(memory + a.columns) {
    spread(a.mean + image * a.groups, a.groups, a.columns, means_);
    spread(a.variance + image * a.groups, a.groups, a.columns, inverses_);
    for_vectors(0, a.columns, [&](int64_t i, auto n) {
      const Vec variance = load_part(inverses_ + i, n);
      store_part(inverses_ + i,
                 broadcast(1.0f) / square_root(variance + broadcast(a.epsilon)), n);
    });
  }

  template <class Count>
  CLESSIDRA_FUNCTION Normalization at(int64_t i, Count n) const {
    return {load_part(means_ + i, n), load_part(inverses_ + i, n)};
  }

 private:
  float* means_;
  float* inverses_;
};

// What follows the normalisation of a vector of columns.
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

// Vectors of columns side by side in a loop over rows: of an activation that takes an exponential one
// is enough work, and less code.
template <int kActivation>
constexpr int kStrip = kActivation >= CLESSIDRA_SIGMOID ? 1 : 4;

// Tasks a thread, so that a thread that lost time leaves work to the others.
constexpr int64_t kTasks = 8;
// Elements that stay in the first-level cache from one strip of columns to the next.
constexpr int64_t kCached = 2048;

// Calls body(image, first row, last row) for parts of [images, rows, columns], one task each.
template <class Arguments, class Body>
CLESSIDRA_FUNCTION void for_rows(ThreadPool& threads, const Arguments& a, const Body& body) {
  const int64_t wanted = kTasks * threads.threads() / std::max<int64_t>(1, a.images);
  const int64_t group =
      std::max(grain_rows(a.columns), int64_t{a.rows} / std::max<int64_t>(1, wanted));
  const int64_t groups = (a.rows + group - 1) / group;
  threads.for_each(a.images * groups, [&](int64_t task) {
    const int64_t first = task % groups * group;
    body(task / groups, first, std::min<int64_t>(first + group, a.rows));
  });
}

// Calls body(first row, last row) for blocks of those rows.
template <class Body>
CLESSIDRA_FUNCTION void for_cached_rows(int64_t first, int64_t last, int64_t columns,
                                        const Body& body) {
  const int64_t block = columns < kCached ? kCached / columns : 1;
  for (int64_t row = first; row < last; row += block) body(row, std::min(row + block, last));
}

template <int kActivation, bool kAccumulate>
void run_normalize_backward(ThreadPool& threads, const clessidra_normalize_backward& a) {
  const int64_t columns = a.columns;
  for_rows(threads, a, [&](int64_t image, int64_t first_row, int64_t last_row) {
    float* const memory = thread_scratch(Scratch::kPrivate, 4 * columns);
    const Normalizer normalizer(a, image, memory);
    float* const first_sums = memory + 2 * columns;
    float* const second_sums = memory + 3 * columns;
    spread(a.sums + image * a.groups, a.groups, columns, first_sums);
    spread(a.sums + (a.images + image) * a.groups, a.groups, columns, second_sums);
    const Vec beta = broadcast(a.beta);
    for_cached_rows(first_row, last_row, columns, [&](int64_t first, int64_t last) {
      for_strips<kStrip<kActivation>>(0, columns, [&](int64_t i, auto vectors, auto n) {
        Normalization normalize[vectors];
        Output<kActivation> outputs[vectors];
        Vec first_sum[vectors], second_sum[vectors];
        for (int v = 0; v < vectors; ++v) {
          const int64_t column = i + v * kLanes;
          normalize[v] = normalizer.at(column, n);
          outputs[v] = Output<kActivation>(a, column, n);
          first_sum[v] = load_part(first_sums + column, n);
          second_sum[v] = load_part(second_sums + column, n);
        }
        const int64_t begin = (image * a.rows + first) * columns + i;
        const float* x = a.x + begin;
        const float* dy = a.dy + begin;
        float* dx = a.dx + begin;
        for (int64_t row = first; row < last; ++row, x += columns, dy += columns, dx += columns) {
          for (int v = 0; v < vectors; ++v) {
            const int offset = v * kLanes;
            const Vec normalized = normalize[v](load_part(x + offset, n));
            const Vec dz = outputs[v].inner_gradient(load_part(dy + offset, n), normalized);
            const Vec gradient =
                fma(-normalized, second_sum[v], outputs[v].scale * dz - first_sum[v]);
            const Vec inverse = normalize[v].inverse;
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
  sums.compute(threads, [&](int64_t image) {
    const float* const x = a.x + image * a.rows * columns;
    return [=](int64_t i, auto n) {
      return [=](int64_t row, Vec (&terms)[1]) { terms[0] = load_part(x + row * columns + i, n); };
    };
  });
  store_means(a.mean);
  sums.compute(threads, [&](int64_t image) {
    const float* const x = a.x + image * a.rows * columns;
    float* const means = thread_scratch(Scratch::kPrivate, columns);
    spread(a.mean + image * a.groups, a.groups, columns, means);
    return [=](int64_t i, auto n) {
      const Vec mean = load_part(means + i, n);
      return [=](int64_t row, Vec (&terms)[1]) {
        const Vec d = load_part(x + row * columns + i, n) - mean;
        terms[0] = d * d;
      };
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
  for_rows(threads, a, [&](int64_t image, int64_t first_row, int64_t last_row) {
    const Normalizer normalizer(a, image, thread_scratch(Scratch::kPrivate, 2 * columns));
    with_activation(a.activation, [&](auto activation) {
      for_cached_rows(first_row, last_row, columns, [&](int64_t first, int64_t last) {
        for_strips<kStrip<activation>>(0, columns, [&](int64_t i, auto vectors, auto n) {
          Normalization normalize[vectors];
          Output<activation> outputs[vectors];
          for (int v = 0; v < vectors; ++v) {
            normalize[v] = normalizer.at(i + v * kLanes, n);
            outputs[v] = Output<activation>(a, i + v * kLanes, n);
          }
          const int64_t begin = (image * a.rows + first) * columns + i;
          const float* x = a.x + begin;
          float* y = a.y + begin;
          for (int64_t row = first; row < last; ++row, x += columns, y += columns) {
            for (int v = 0; v < vectors; ++v) {
              const Vec normalized = normalize[v](load_part(x + v * kLanes, n));
              store_part(y + v * kLanes, outputs[v](normalized), n);
            }
          }
        });
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
    using ActivatedOutput = Output<activation>;
    totals.compute<kStrip<activation>>(threads, [&](int64_t image) {
      const Normalizer normalizer(a, image, thread_scratch(Scratch::kPrivate, 2 * columns));
      const int64_t begin = image * a.rows * columns;
      return [=, &a, x = a.x + begin, dy = a.dy + begin](int64_t i, auto n) {
        const Normalization normalize = normalizer.at(i, n);
        const ActivatedOutput output(a, i, n);
        return [=](int64_t row, Vec (&terms)[2]) {
          const int64_t at = row * columns + i;
          const Vec normalized = normalize(load_part(x + at, n));
          terms[0] = output.inner_gradient(load_part(dy + at, n), normalized);
          terms[1] = terms[0] * normalized;
        };
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
  totals.compute(threads, [&](int64_t image) {
    const float* const probabilities = d.probabilities + image * d.rows * columns;
    const int32_t* const labels = d.labels + image * d.rows;
    return [=](int64_t i, auto n) {
      return [=](int64_t row, Vec (&terms)[3]) {
        const auto hot = lane_indices() + static_cast<int32_t>(i) == labels[row];
        const Vec p = load_part(probabilities + row * columns + i, n);
        terms[0] = hot ? p : Vec{};
        terms[1] = p;
        terms[2] = hot ? broadcast(1.0f) : Vec{};
      };
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
