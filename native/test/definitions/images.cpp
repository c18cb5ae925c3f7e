// Convolution, pooling and up-sampling.
#include "clessidra/convolution.h"

#include "definitions.h"

namespace definitions {

namespace {

// Element (i, row, column, channel) of images; `outside` where there is no such pixel.
template <class T>
T at(const T* x, int64_t height, int64_t width, int64_t channels, int64_t i, int64_t row,
     int64_t column, int64_t channel, T outside) {
  if (row < 0 || row >= height || column < 0 || column >= width) return outside;
  return x[((i * height + row) * width + column) * channels + channel];
}

// Element (i, row, column, channel) of a convolution's images, 0 where there is no such pixel.
template <class Convolution>
float image_at(const Convolution& c, int64_t i, int64_t row, int64_t column, int64_t channel) {
  const int64_t first = c.channels - c.second_channels;
  return channel < first
             ? at(c.x, c.height, c.width, first, i, row, column, channel, 0.0f)
             : at(c.second_x, c.height, c.width, c.second_channels, i, row, column, channel - first,
                  0.0f);
}

// Calls body(i, row, column, channel, index) for each element of images, in their order.
template <class Body>
void for_elements(int64_t images, int64_t height, int64_t width, int64_t channels,
                  const Body& body) {
  int64_t index = 0;
  for (int64_t i = 0; i < images; ++i) {
    for (int64_t row = 0; row < height; ++row) {
      for (int64_t column = 0; column < width; ++column) {
        for (int64_t channel = 0; channel < channels; ++channel) {
          body(i, row, column, channel, index++);
        }
      }
    }
  }
}

}  // namespace

void define(const clessidra_conv2d& c) {
  if (c.algorithm == CLESSIDRA_WINOGRAD) return define_winograd(c);
  for_elements(c.images, c.output_height, c.output_width, c.filters,
               [&](int64_t i, int64_t p, int64_t q, int64_t k, int64_t index) {
    float chain = c.beta == 0.0f ? 0.0f : c.beta * c.y[index];
    for_elements(1, c.filter_height, c.filter_width, c.channels,
                 [&](int64_t, int64_t r, int64_t s, int64_t channel, int64_t tap) {
      const int64_t row = p * c.stride_height - c.padding_height + r * c.dilation_height;
      const int64_t column = q * c.stride_width - c.padding_width + s * c.dilation_width;
      const float x = image_at(c, i, row, column, channel);
      const int64_t taps = int64_t{c.filter_height} * c.filter_width * c.channels;
      chain = std::fma(x, c.filter[k * taps + tap], chain);
    });
    if (c.bias != nullptr) chain += c.bias[k];
    c.y[index] = activation_of(c.activation, chain, c.slope);
  });
}

void define(const clessidra_conv2d_backward_data& c) {
  if (c.algorithm == CLESSIDRA_WINOGRAD) return define_winograd(c);
  for_elements(c.images, c.height, c.width, c.channels,
               [&](int64_t i, int64_t h, int64_t w, int64_t channel, int64_t) {
    const int64_t first = c.channels - c.second_channels;
    const bool second = channel >= first;
    const int64_t pixel = (i * c.height + h) * c.width + w;
    float& dx = second ? c.second_dx[pixel * c.second_channels + channel - first]
                       : c.dx[pixel * first + channel];
    const float beta = second ? c.second_beta : c.beta;
    float chain = beta == 0.0f ? 0.0f : beta * dx;
    for_elements(1, c.filter_height, c.filter_width, c.filters,
                 [&](int64_t, int64_t r, int64_t s, int64_t k, int64_t) {
      const int64_t down = h + c.padding_height - r * c.dilation_height;
      const int64_t across = w + c.padding_width - s * c.dilation_width;
      if (down % c.stride_height != 0 || across % c.stride_width != 0) return;
      const float dy = at(c.dy, c.output_height, c.output_width, c.filters, i,
                          down / c.stride_height, across / c.stride_width, k, 0.0f);
      const int64_t tap = (k * c.filter_height + r) * c.filter_width + s;
      chain = std::fma(dy, c.filter[tap * c.channels + channel], chain);
    });
    if (c.bias != nullptr) chain += c.bias[channel];
    dx = activation_of(c.activation, chain, c.slope);
  });
}

void define(const clessidra_conv2d_backward_filter& c) {
  if (c.algorithm == CLESSIDRA_WINOGRAD) return define_winograd(c);
  const int64_t pixels = int64_t{c.images} * c.output_height * c.output_width;
  const int64_t elements = int64_t{c.filters} * c.filter_height * c.filter_width * c.channels;
  const int64_t chunk = math::pixels_per_chunk(pixels, elements);
  for_elements(c.filters, c.filter_height, c.filter_width, c.channels,
               [&](int64_t k, int64_t r, int64_t s, int64_t channel, int64_t index) {
    float sum = 0.0f;
    float chain = 0.0f;
    for_elements(c.images, c.output_height, c.output_width, 1,
                 [&](int64_t i, int64_t p, int64_t q, int64_t, int64_t pixel) {
      const int64_t row = p * c.stride_height - c.padding_height + r * c.dilation_height;
      const int64_t column = q * c.stride_width - c.padding_width + s * c.dilation_width;
      const float x = image_at(c, i, row, column, channel);
      chain = std::fma(c.dy[pixel * c.filters + k], x, chain);
      if ((pixel + 1) % chunk == 0 || pixel + 1 == pixels) {
        sum = pixel < chunk ? chain : sum + chain;
        chain = 0.0f;
      }
    });
    c.dfilter[index] = accumulated(sum, c.beta, c.dfilter[index]);
  });
}

void define(const clessidra_max_pool& m) {
  for_elements(m.images, m.output_height, m.output_width, m.channels,
               [&](int64_t i, int64_t p, int64_t q, int64_t channel, int64_t index) {
    bool any = false;
    for (int64_t r = 0; r < m.window_height; ++r) {
      for (int64_t s = 0; s < m.window_width; ++s) {
        const int64_t row = p * m.stride_height - m.padding_height + r;
        const int64_t column = q * m.stride_width - m.padding_width + s;
        if (row < 0 || row >= m.height || column < 0 || column >= m.width) continue;
        const float x = at(m.x, m.height, m.width, m.channels, i, row, column, channel, 0.0f);
        if (any && !(x > m.y[index]) && !std::isnan(x)) continue;
        any = true;
        m.y[index] = x;
        m.indices[index] = static_cast<int32_t>(row * m.width + column);
      }
    }
  });
}

void define(const clessidra_max_pool_backward& m) {
  for_elements(m.images, m.height, m.width, m.channels,
               [&](int64_t i, int64_t row, int64_t column, int64_t channel, int64_t index) {
    float sum = 0.0f;
    for (int64_t p = 0; p < m.output_height; ++p) {
      for (int64_t q = 0; q < m.output_width; ++q) {
        const int64_t r = row - (p * m.stride_height - m.padding_height);
        const int64_t s = column - (q * m.stride_width - m.padding_width);
        if (r < 0 || r >= m.window_height || s < 0 || s >= m.window_width) continue;
        const int64_t window =
            ((i * m.output_height + p) * m.output_width + q) * m.channels + channel;
        if (m.indices[window] == row * m.width + column) sum += m.dy[window];
      }
    }
    m.dx[index] = accumulated(sum, m.beta, m.dx[index]);
  });
}

namespace {

// Where output row (or column) i of a bilinear up-sampling reads.
struct Between {
  int64_t low, high;
  float fraction;

  Between(int64_t i, int64_t size, int64_t output_size) {
    int64_t n = (2 * i + 1) * size - output_size;
    if (n < 0) n = 0;
    low = n / (2 * output_size);
    high = low + 1 < size ? low + 1 : size - 1;
    fraction = static_cast<float>(n % (2 * output_size)) / static_cast<float>(2 * output_size);
  }

  bool reads(int64_t i) const { return i == low || i == high; }
  float weight(int64_t i) const {
    if (low == high) return 1.0f;
    return i == low ? 1.0f - fraction : fraction;
  }
};

}  // namespace

void define(const clessidra_upsample& u) {
  for_elements(u.images, u.output_height, u.output_width, u.channels,
               [&](int64_t i, int64_t p, int64_t q, int64_t channel, int64_t index) {
    const auto pixel = [&](int64_t row, int64_t column) {
      return at(u.x, u.height, u.width, u.channels, i, row, column, channel, 0.0f);
    };
    if (u.interpolation == CLESSIDRA_NEAREST) {
      u.y[index] = pixel(p * u.height / u.output_height, q * u.width / u.output_width);
      return;
    }
    const Between rows(p, u.height, u.output_height);
    const Between columns(q, u.width, u.output_width);
    const auto along = [&](int64_t row) {
      const float left = pixel(row, columns.low);
      return std::fma(columns.fraction, pixel(row, columns.high) - left, left);
    };
    const float top = along(rows.low);
    u.y[index] = std::fma(rows.fraction, along(rows.high) - top, top);
  });
}

void define(const clessidra_upsample_backward& u) {
  for_elements(u.images, u.height, u.width, u.channels,
               [&](int64_t i, int64_t row, int64_t column, int64_t channel, int64_t index) {
    float sum = 0.0f;
    for (int64_t p = 0; p < u.output_height; ++p) {
      for (int64_t q = 0; q < u.output_width; ++q) {
        const float dy =
            at(u.dy, u.output_height, u.output_width, u.channels, i, p, q, channel, 0.0f);
        if (u.interpolation == CLESSIDRA_NEAREST) {
          const bool reads =
              p * u.height / u.output_height == row && q * u.width / u.output_width == column;
          if (reads) sum += dy;
          continue;
        }
        const Between rows(p, u.height, u.output_height);
        const Between columns(q, u.width, u.output_width);
        if (rows.reads(row) && columns.reads(column)) {
          sum = std::fma(rows.weight(row) * columns.weight(column), dy, sum);
        }
      }
    }
    u.dx[index] = accumulated(sum, u.beta, u.dx[index]);
  });
}

}  // namespace definitions
