// Convolutions by Winograd's algorithm. The matrices are written out here once more, so that a slip in
// winograd.h shows.
#include <array>

#include "clessidra/convolution.h"
#include "definitions.h"

namespace definitions {

namespace {

template <int kRows, int kColumns>
using Matrix = std::array<std::array<float, kColumns>, kRows>;

// The points are 0, 3/4, -3/4, 3/2, -3/2 and infinity.
constexpr float kFactors[] = {
    64.0f / 81.0f,                      // 1 / (9/16 * 9/4)
    1.0f / (2.0f * 0.5625f * -1.6875f),  // 1 / (2 * 9/16 * (9/16 - 9/4))
    1.0f / (2.0f * 2.25f * 1.6875f),     // 1 / (2 * 9/4 * (9/4 - 9/16))
};

std::array<float, 6> b_transposed(const std::array<float, 6>& d) {
  const auto pair = [&](float point, float other_squared) {
    const float even = std::fma(-other_squared, d[2], d[4]);
    const float odd = std::fma(-other_squared, d[1], d[3]);
    return std::fma(point, odd, even);
  };
  return {std::fma(1.265625f, d[0], std::fma(-2.8125f, d[2], d[4])),
          pair(0.75f, 2.25f),
          pair(-0.75f, 2.25f),
          pair(1.5f, 0.5625f),
          pair(-1.5f, 0.5625f),
          std::fma(1.265625f, d[1], std::fma(-2.8125f, d[3], d[5]))};
}

std::array<float, 6> g_times(const std::array<float, 3>& g) {
  const auto at = [&](float point, float factor) {
    return std::fma(factor * point, g[1], factor * std::fma(point * point, g[2], g[0]));
  };
  return {kFactors[0] * g[0],       at(0.75f, kFactors[1]), at(-0.75f, kFactors[1]),
          at(1.5f, kFactors[2]), at(-1.5f, kFactors[2]), g[2]};
}

std::array<float, 4> a_transposed(const std::array<float, 6>& m) {
  const float sum[] = {m[1] + m[2], m[3] + m[4]};
  const float difference[] = {m[1] - m[2], m[3] - m[4]};
  return {(m[0] + sum[0]) + sum[1],
          std::fma(0.75f, difference[0], 1.5f * difference[1]),
          std::fma(0.5625f, sum[0], 2.25f * sum[1]),
          std::fma(0.421875f, difference[0], std::fma(3.375f, difference[1], m[5]))};
}

std::array<float, 6> a_times(const std::array<float, 4>& y) {
  const auto at = [&](float point) {
    const float even = std::fma(point * point, y[2], y[0]);
    const float odd = std::fma(point * point, y[3], y[1]);
    return std::fma(point, odd, even);
  };
  return {y[0], at(0.75f), at(-0.75f), at(1.5f), at(-1.5f), y[3]};
}

std::array<float, 3> g_transposed(const std::array<float, 6>& u) {
  const float sum[] = {kFactors[1] * (u[1] + u[2]), kFactors[2] * (u[3] + u[4])};
  const float difference[] = {kFactors[1] * 0.75f * (u[1] - u[2]),
                              kFactors[2] * 1.5f * (u[3] - u[4])};
  return {std::fma(kFactors[0], u[0], sum[0] + sum[1]), difference[0] + difference[1],
          std::fma(0.5625f, sum[0], std::fma(2.25f, sum[1], u[5]))};
}

// transform(columns), then transform(rows).
template <size_t kFrom, size_t kTo>
Matrix<kTo, kTo> both_ways(std::array<float, kTo> (*transform)(const std::array<float, kFrom>&),
                           const Matrix<kFrom, kFrom>& matrix) {
  Matrix<kTo, kFrom> half;
  for (size_t j = 0; j < kFrom; ++j) {
    std::array<float, kFrom> column;
    for (size_t i = 0; i < kFrom; ++i) column[i] = matrix[i][j];
    const std::array<float, kTo> to = transform(column);
    for (size_t i = 0; i < kTo; ++i) half[i][j] = to[i];
  }
  Matrix<kTo, kTo> result;
  for (size_t i = 0; i < kTo; ++i) result[i] = transform(half[i]);
  return result;
}

// Images of which the last channels may lie in a second place.
struct Pixels {
  const float* first;
  const float* second;
  int64_t height, width, channels, second_channels;

  float at(int64_t image, int64_t row, int64_t column, int64_t channel) const {
    if (row < 0 || row >= height || column < 0 || column >= width) return 0.0f;
    const int64_t pixel = (image * height + row) * width + column;
    const int64_t in_first = channels - second_channels;
    return channel < in_first ? first[pixel * in_first + channel]
                              : second[pixel * second_channels + channel - in_first];
  }

  template <size_t kSize>
  Matrix<kSize, kSize> square(int64_t image, int64_t top, int64_t left, int64_t channel) const {
    Matrix<kSize, kSize> pixels;
    for (size_t i = 0; i < kSize; ++i) {
      for (size_t j = 0; j < kSize; ++j) {
        pixels[i][j] = at(image, top + static_cast<int64_t>(i), left + static_cast<int64_t>(j),
                          channel);
      }
    }
    return pixels;
  }
};

void add_products(const Matrix<6, 6>& a, const Matrix<6, 6>& b, Matrix<6, 6>& chain) {
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) chain[i][j] = std::fma(a[i][j], b[i][j], chain[i][j]);
  }
}

// Calls store(image, row, column, filter, value) with the sums for each pixel of height x width.
template <class Filter, class Store>
void convolve(const Pixels& x, int64_t padding_height, int64_t padding_width, int64_t images,
              int64_t height, int64_t width, int64_t filters, const Filter& filter,
              const Store& store) {
  std::vector<Matrix<6, 6>> transformed;
  for (int64_t k = 0; k < filters; ++k) {
    for (int64_t channel = 0; channel < x.channels; ++channel) {
      Matrix<3, 3> taps;
      for (int r = 0; r < 3; ++r) {
        for (int s = 0; s < 3; ++s) taps[r][s] = filter(k, r, s, channel);
      }
      transformed.push_back(both_ways(g_times, taps));
    }
  }
  std::vector<Matrix<6, 6>> inputs(x.channels);
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t top = 0; top < height; top += 4) {
      for (int64_t left = 0; left < width; left += 4) {
        for (int64_t channel = 0; channel < x.channels; ++channel) {
          inputs[channel] = both_ways(
              b_transposed,
              x.square<6>(image, top - padding_height, left - padding_width, channel));
        }
        for (int64_t k = 0; k < filters; ++k) {
          Matrix<6, 6> products{};
          for (int64_t channel = 0; channel < x.channels; ++channel) {
            add_products(inputs[channel], transformed[k * x.channels + channel], products);
          }
          const Matrix<4, 4> tile = both_ways(a_transposed, products);
          for (int64_t i = 0; i < 4 && top + i < height; ++i) {
            for (int64_t j = 0; j < 4 && left + j < width; ++j) {
              store(image, top + i, left + j, k, tile[i][j]);
            }
          }
        }
      }
    }
  }
}

float finished(float value, float beta, const float& old, const float* bias, int64_t k,
               int32_t activation, float slope) {
  const float sum = accumulated(value, beta, old);
  return activation_of(activation, bias == nullptr ? sum : sum + bias[k], slope);
}

}  // namespace

void define_winograd(const clessidra_conv2d& c) {
  const Pixels x{c.x, c.second_x, c.height, c.width, c.channels, c.second_channels};
  convolve(
      x, c.padding_height, c.padding_width, c.images, c.output_height, c.output_width, c.filters,
      [&](int64_t k, int64_t r, int64_t s, int64_t channel) {
        return c.filter[((k * 3 + r) * 3 + s) * c.channels + channel];
      },
      [&](int64_t image, int64_t row, int64_t column, int64_t k, float value) {
        float& y = c.y[((image * c.output_height + row) * c.output_width + column) * c.filters + k];
        y = finished(value, c.beta, y, c.bias, k, c.activation, c.slope);
      });
}

void define_winograd(const clessidra_conv2d_backward_data& c) {
  const int64_t first = c.channels - c.second_channels;
  const Pixels dy{c.dy, nullptr, c.output_height, c.output_width, c.filters, 0};
  convolve(
      dy, 2 - c.padding_height, 2 - c.padding_width, c.images, c.height, c.width, c.channels,
      [&](int64_t channel, int64_t r, int64_t s, int64_t k) {
        return c.filter[((k * 3 + 2 - r) * 3 + 2 - s) * c.channels + channel];
      },
      [&](int64_t image, int64_t row, int64_t column, int64_t channel, float value) {
        const bool second = channel >= first;
        const int64_t pixel = (image * c.height + row) * c.width + column;
        float& dx = second ? c.second_dx[pixel * c.second_channels + channel - first]
                           : c.dx[pixel * first + channel];
        dx = finished(value, second ? c.second_beta : c.beta, dx, c.bias, channel, c.activation,
                      c.slope);
      });
}

void define_winograd(const clessidra_conv2d_backward_filter& c) {
  const Pixels x{c.x, c.second_x, c.height, c.width, c.channels, c.second_channels};
  const Pixels dy{c.dy, nullptr, c.output_height, c.output_width, c.filters, 0};
  const int64_t pairs = int64_t{c.filters} * c.channels;
  const int64_t down = (c.output_height + 3) / 4;
  const int64_t across = (c.output_width + 3) / 4;
  const int64_t tiles = c.images * down * across;
  const int64_t chunk = math::tiles_per_chunk(tiles, pairs);
  std::vector<Matrix<6, 6>> sums(pairs);
  std::vector<Matrix<6, 6>> chains(pairs);
  std::vector<Matrix<6, 6>> gradients(c.filters);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t image = tile / across / down;
    const int64_t top = tile / across % down * 4;
    const int64_t left = tile % across * 4;
    for (int64_t k = 0; k < c.filters; ++k) {
      gradients[k] = both_ways(a_times, dy.square<4>(image, top, left, k));
    }
    for (int64_t channel = 0; channel < c.channels; ++channel) {
      const Matrix<6, 6> inputs = both_ways(
          b_transposed,
          x.square<6>(image, top - c.padding_height, left - c.padding_width, channel));
      for (int64_t k = 0; k < c.filters; ++k) {
        add_products(gradients[k], inputs, chains[k * c.channels + channel]);
      }
    }
    if ((tile + 1) % chunk != 0 && tile + 1 != tiles) continue;
    for (int64_t pair = 0; pair < pairs; ++pair) {
      for (int i = 0; i < 6; ++i) {
        for (int j = 0; j < 6; ++j) {
          float& sum = sums[pair][i][j];
          sum = tile < chunk ? chains[pair][i][j] : sum + chains[pair][i][j];
        }
      }
      chains[pair] = {};
    }
  }
  for (int64_t k = 0; k < c.filters; ++k) {
    for (int64_t channel = 0; channel < c.channels; ++channel) {
      const Matrix<3, 3> gradient = both_ways(g_transposed, sums[k * c.channels + channel]);
      for (int r = 0; r < 3; ++r) {
        for (int s = 0; s < 3; ++s) {
          float& dfilter = c.dfilter[((k * 3 + r) * 3 + s) * c.channels + channel];
          dfilter = accumulated(gradient[r][s], c.beta, dfilter);
        }
      }
    }
  }
}

}  // namespace definitions
