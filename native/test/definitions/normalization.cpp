// Normalisation in groups, and the Dice loss, which takes the same sums.
#include "definitions.h"

namespace definitions {

namespace {

// The column sum of term(row, column) over the rows of an image.
template <class Term>
float column_sum(int64_t rows, const Term& term) {
  std::vector<float> terms;
  for (int64_t row = 0; row < rows; ++row) terms.push_back(term(row));
  return column_sum_of(terms);
}

// The mean over a group of term(index of the element).
template <class Arguments, class Term>
float group_mean(const Arguments& n, int64_t image, int64_t group, const Term& term) {
  const int64_t columns = n.columns / n.groups;
  float total = 0.0f;
  for (int64_t column = group * columns; column < (group + 1) * columns; ++column) {
    const float sum = column_sum(n.rows, [&](int64_t row) {
      return term((image * n.rows + row) * n.columns + column);
    });
    total = column == group * columns ? sum : total + sum;
  }
  return total / static_cast<float>(n.rows * columns);
}

// An element of x and what belongs to it.
template <class Arguments>
struct Element {
  int64_t column, statistic;
  float inverse, normalized;

  Element(const Arguments& n, int64_t index) {
    column = index % n.columns;
    statistic = index / (n.rows * n.columns) * n.groups + column / (n.columns / n.groups);
    inverse = 1.0f / std::sqrt(n.variance[statistic] + n.epsilon);
    normalized = (n.x[index] - n.mean[statistic]) * inverse;
  }
};

template <class Arguments>
float output(const Arguments& n, const Element<Arguments>& element) {
  const float y = std::fma(element.normalized, n.scale[element.column], n.shift[element.column]);
  return activation_of(n.activation, y, n.slope);
}

// The gradient before the activation.
template <class Arguments>
float inner_gradient(const Arguments& n, int64_t index) {
  const float y = output(n, Element(n, index));
  return n.dy[index] * derivative_of(n.activation, y, n.slope);
}

}  // namespace

void define(const clessidra_normalize_statistics& n) {
  for (int64_t image = 0; image < n.images; ++image) {
    for (int64_t group = 0; group < n.groups; ++group) {
      const int64_t statistic = image * n.groups + group;
      const float mean = group_mean(n, image, group, [&](int64_t i) { return n.x[i]; });
      const float variance = group_mean(n, image, group, [&](int64_t i) {
        const float d = n.x[i] - mean;
        return d * d;
      });
      n.mean[statistic] = mean;
      n.variance[statistic] = variance;
      if (n.running_mean != nullptr) {
        float& running = n.running_mean[statistic];
        running = std::fma(n.momentum, mean - running, running);
      }
      if (n.running_variance != nullptr) {
        const int64_t m = n.rows * (n.columns / n.groups);
        const float unbiased =
            variance * (static_cast<float>(m) / static_cast<float>(m > 1 ? m - 1 : 1));
        float& running = n.running_variance[statistic];
        running = std::fma(n.momentum, unbiased - running, running);
      }
    }
  }
}

void define(const clessidra_normalize& n) {
  for (int64_t i = 0; i < n.images * n.rows * n.columns; ++i) {
    n.y[i] = output(n, Element(n, i));
  }
}

void define(const clessidra_normalize_backward_statistics& n) {
  // [sum][image][column]
  std::vector<float> totals[2];
  for (int64_t image = 0; image < n.images; ++image) {
    for (int64_t column = 0; column < n.columns; ++column) {
      const auto index = [&](int64_t row) { return (image * n.rows + row) * n.columns + column; };
      totals[0].push_back(column_sum(n.rows, [&](int64_t row) {
        return inner_gradient(n, index(row));
      }));
      totals[1].push_back(column_sum(n.rows, [&](int64_t row) {
        return inner_gradient(n, index(row)) * Element(n, index(row)).normalized;
      }));
    }
  }
  const int64_t columns = n.columns / n.groups;
  for (int which = 0; which < 2; ++which) {
    for (int64_t image = 0; image < n.images; ++image) {
      for (int64_t group = 0; group < n.groups; ++group) {
        float chain = 0.0f;
        for (int64_t column = group * columns; column < (group + 1) * columns; ++column) {
          chain = std::fma(n.scale[column], totals[which][image * n.columns + column], chain);
        }
        n.sums[(which * n.images + image) * n.groups + group] =
            chain / static_cast<float>(n.rows * columns);
      }
    }
    float* const gradient = which == 0 ? n.dshift : n.dscale;
    const float beta = which == 0 ? n.shift_beta : n.scale_beta;
    for (int64_t column = 0; gradient != nullptr && column < n.columns; ++column) {
      float sum = 0.0f;
      for (int64_t image = 0; image < n.images; ++image) {
        const float total = totals[which][image * n.columns + column];
        sum = image == 0 ? total : sum + total;
      }
      gradient[column] = accumulated(sum, beta, gradient[column]);
    }
  }
}

void define(const clessidra_normalize_backward& n) {
  for (int64_t i = 0; i < n.images * n.rows * n.columns; ++i) {
    const Element element(n, i);
    const float first = n.sums[element.statistic];
    const float second = n.sums[n.images * n.groups + element.statistic];
    const float centred = n.scale[element.column] * inner_gradient(n, i) - first;
    const float gradient = std::fma(-element.normalized, second, centred);
    n.dx[i] = accumulated_product(element.inverse, gradient, n.beta, n.dx[i]);
  }
}

void define(const clessidra_dice& d) {
  std::vector<float> losses;
  for (int64_t image = 0; image < d.images; ++image) {
    for (int64_t column = 0; column < d.columns; ++column) {
      const auto probability = [&](int64_t row) {
        return d.probabilities[(image * d.rows + row) * d.columns + column];
      };
      const auto is_class = [&](int64_t row) { return d.labels[image * d.rows + row] == column; };
      const float overlap = column_sum(d.rows, [&](int64_t row) {
        return is_class(row) ? probability(row) : 0.0f;
      });
      const float predicted = column_sum(d.rows, probability);
      const float labelled =
          column_sum(d.rows, [&](int64_t row) { return is_class(row) ? 1.0f : 0.0f; });
      const float total = predicted + labelled;
      const int64_t index = image * d.columns + column;
      d.sums[index] = overlap;
      d.sums[d.images * d.columns + index] = total;
      losses.push_back(1.0f - (2.0f * overlap + d.smooth) / (total + d.smooth));
    }
  }
  *d.loss = d.scale * sum_of(losses);
}

void define(const clessidra_dice_backward& d) {
  const float factor = *d.upstream * d.scale;
  for (int64_t i = 0; i < d.images * d.rows * d.columns; ++i) {
    const int64_t column = i % d.columns;
    const int64_t index = i / (d.rows * d.columns) * d.columns + column;
    const float u = d.sums[d.images * d.columns + index] + d.smooth;
    float gradient = (2.0f * d.sums[index] + d.smooth) / u / u;
    if (d.labels[i / d.columns] == column) gradient -= 2.0f / u;
    d.dx[i] = accumulated_product(factor, gradient, d.beta, d.dx[i]);
  }
}

}  // namespace definitions
