// Random distortions of images.
#include "definitions.h"

namespace definitions {

void define(const clessidra_affine_warp& w) {
  for (int64_t image = 0; image < w.images; ++image) {
    float u[8];
    for (int i = 0; i < 8; ++i) {
      const uint64_t block = 2 * static_cast<uint64_t>(image) + static_cast<uint64_t>(i / 4);
      u[i] = math::unit_uniform(math::random_words(block, w.stream, *w.step, w.seed).w[i % 4]);
    }
    float d[8];
    for (int i = 0; i < 8; ++i) d[i] = std::fma(2.0f, u[i], -1.0f);
    float t = w.rotation * d[1];
    t = t < 0.0f ? t + 1.0f : t;
    float c;
    float s;
    math::cosine_and_sine_of_turns(t, c, s);
    const float sx = std::fma(w.scale, d[2], 1.0f);
    const float sy = std::fma(w.scale, d[3], 1.0f);
    const float centre_x = static_cast<float>(w.width - 1) / 2.0f;
    const float centre_y = static_cast<float>(w.height - 1) / 2.0f;
    for (int row = 0; row < w.height; ++row) {
      for (int column = 0; column < w.width; ++column) {
        for (int channel = 0; channel < w.channels; ++channel) {
          const auto pixel = [&](int i, int j) {
            if (i < 0 || i >= w.height || j < 0 || j >= w.width) return 0.0f;
            return w.x[((image * w.height + i) * w.width + j) * w.channels + channel];
          };
          float value = pixel(row, column);
          if (u[0] < w.probability) {
            const float across = static_cast<float>(column) - centre_x;
            const float down = static_cast<float>(row) - centre_y;
            const float px = std::fma(
                c * sx, across,
                std::fma(std::fma(w.shear, d[4], -(s * sy)), down, centre_x + w.shift * d[5]));
            const float py =
                std::fma(s * sx, across, std::fma(c * sy, down, centre_y + w.shift * d[6]));
            const int i = static_cast<int>(std::floor(py));
            const int j = static_cast<int>(std::floor(px));
            const float fx = px - std::floor(px);
            const float fy = py - std::floor(py);
            const float top = std::fma(fx, pixel(i, j + 1) - pixel(i, j), pixel(i, j));
            const float bottom =
                std::fma(fx, pixel(i + 1, j + 1) - pixel(i + 1, j), pixel(i + 1, j));
            value = std::fma(fy, bottom - top, top);
          }
          w.y[((image * w.height + row) * w.width + column) * w.channels + channel] = value;
        }
      }
    }
  }
}

// Uniform from -1 to 1.
static float signed_unit(uint32_t word) { return std::fma(2.0f, math::unit_uniform(word), -1.0f); }

// A whole number drawn from 0 to n.
static int64_t offset_of(uint32_t word, int64_t n) {
  const int64_t size = n < 0 ? -n : n;
  const int64_t offset = static_cast<int64_t>(word / 256) * (size + 1) / (1 << 24);
  return n < 0 ? -offset : offset;
}

static float curve_of(float p0, float p1, float p2, float p3, float t) {
  const float m1 = 0.5f * (p2 - p0);
  const float m2 = 0.5f * (p3 - p1);
  const float g = p2 - p1;
  const float k3 = std::fma(-2.0f, g, m1 + m2);
  const float k2 = (g - m1) - k3;
  return std::fma(t, std::fma(t, std::fma(t, k3, k2), m1), p1);
}

// The curve through some values, at pixel i of n.
static float curve_through(const std::vector<float>& values, int i, int n) {
  const int last = static_cast<int>(values.size()) - 1;
  const int steps = n > 1 ? n - 1 : 1;
  int k = i * last / steps;
  if (k > last - 1) k = last - 1;
  const float t = static_cast<float>(i * last - k * steps) / static_cast<float>(steps);
  const auto value = [&](int at) { return values[at < 0 ? 0 : at > last ? last : at]; };
  return curve_of(value(k - 1), value(k), value(k + 1), value(k + 2), t);
}

void define(const clessidra_deformation_field& d) {
  for (int64_t image = 0; image < d.images; ++image) {
    const int64_t points = int64_t{d.grid} * d.grid;
    const int64_t block = image * (2 + (points + 1) / 2);
    uint32_t w[8];
    for (int i = 0; i < 8; ++i) {
      w[i] = math::random_words(static_cast<uint64_t>(block + i / 4), d.stream, *d.step, d.seed)
                 .w[i % 4];
    }
    const float top = static_cast<float>(offset_of(w[0], d.source_height - d.height));
    const float left = static_cast<float>(offset_of(w[1], d.source_width - d.width));
    const float quarters = d.quarter_turns ? 0.25f * static_cast<float>(w[6] >> 30) : 0.0f;
    const float t = std::fma(d.rotation, signed_unit(w[2]), quarters);
    float c;
    float s;
    math::cosine_and_sine_of_turns(t - std::floor(t), c, s);
    const float z = std::fma(d.scale, signed_unit(w[3]), 1.0f);
    const float h = d.mirror_left_right && w[4] >= 0x80000000u ? -1.0f : 1.0f;
    const float v = d.mirror_up_down && w[5] >= 0x80000000u ? -1.0f : 1.0f;
    const float middle_row = static_cast<float>(d.height - 1) / 2.0f;
    const float middle_column = static_cast<float>(d.width - 1) / 2.0f;
    for (int i = 0; i < d.height; ++i) {
      for (int j = 0; j < d.width; ++j) {
        const float down = static_cast<float>(i) - middle_row;
        const float across = static_cast<float>(j) - middle_column;
        float row = std::fma(-(z * s) * h, across, std::fma(z * c * v, down, top + middle_row));
        float column =
            std::fma(z * c * h, across, std::fma(z * s * v, down, left + middle_column));
        if (d.elastic != 0.0f) {
          const auto displacement = [&](int64_t element) {
            std::vector<float> along_rows;
            for (int q = 0; q < d.grid; ++q) {
              std::vector<float> grid_column;
              for (int p = 0; p < d.grid; ++p) {
                const int64_t index = 4 * (block + 2) + 2 * (p * d.grid + q) + element;
                grid_column.push_back(d.elastic * normal_of(index, d.stream, *d.step, d.seed));
              }
              along_rows.push_back(curve_through(grid_column, i, d.height));
            }
            return curve_through(along_rows, j, d.width);
          };
          row += displacement(0);
          column += displacement(1);
        }
        float* const place = d.field + ((image * d.height + i) * d.width + j) * 2;
        place[0] = row;
        place[1] = column;
      }
    }
  }
}

// A place along n pixels, mirrored into them.
static float within(float p, int n) {
  const float last = static_cast<float>(n - 1);
  const float turns = std::floor(std::fabs(p) / (2.0f * last));
  const float a = std::fabs(std::fma(-(2.0f * last), turns, std::fabs(p)));
  if (std::isnan(a)) return 0.0f;
  return std::fmax(0.0f, std::fmin(last, std::fmin(a, 2.0f * last - a)));
}

void define(const clessidra_sample_images& s) {
  const int64_t outputs = int64_t{s.images} * s.output_height * s.output_width;
  for (int64_t i = 0; i < outputs; ++i) {
    const int64_t image = i / (int64_t{s.output_height} * s.output_width);
    const float row = within(s.field[2 * i], s.height);
    const float column = within(s.field[2 * i + 1], s.width);
    for (int64_t channel = 0; channel < s.channels; ++channel) {
      const auto index = [&](int64_t r, int64_t c) {
        return ((image * s.height + r) * s.width + c) * s.channels + channel;
      };
      const int64_t to = i * s.channels + channel;
      if (s.interpolation == CLESSIDRA_NEAREST) {
        const int64_t from = index(static_cast<int64_t>(std::floor(row + 0.5f)),
                                   static_cast<int64_t>(std::floor(column + 0.5f)));
        static_cast<int32_t*>(s.y)[to] = static_cast<const int32_t*>(s.x)[from];
        continue;
      }
      const int64_t above = static_cast<int64_t>(std::floor(row));
      const int64_t left = static_cast<int64_t>(std::floor(column));
      const int64_t below = above + 1 < s.height ? above + 1 : above;
      const int64_t right = left + 1 < s.width ? left + 1 : left;
      const float fx = column - std::floor(column);
      const float fy = row - std::floor(row);
      const float* const x = static_cast<const float*>(s.x);
      const auto between = [&](int64_t r) {
        return std::fma(fx, x[index(r, right)] - x[index(r, left)], x[index(r, left)]);
      };
      const float upper = between(above);
      static_cast<float*>(s.y)[to] = std::fma(fy, between(below) - upper, upper);
    }
  }
}

void define(const clessidra_random_brightness& b) {
  for (int64_t image = 0; image < b.images; ++image) {
    const math::Words words =
        math::random_words(static_cast<uint64_t>(image), b.stream, *b.step, b.seed);
    const float contrast = std::fma(b.contrast, signed_unit(words.w[0]), 1.0f);
    const float shift = std::fma(b.brightness, signed_unit(words.w[1]), 0.5f);
    const float exponent = std::fma(b.gamma, signed_unit(words.w[2]), 1.0f);
    for (int64_t i = image * b.size; i < (image + 1) * b.size; ++i) {
      float g = b.x[i];
      if (b.gamma != 0.0f && g > 0.0f) g = math::exponential(exponent * math::logarithm(g));
      b.y[i] = std::fma(g - 0.5f, contrast, shift);
    }
  }
}

}  // namespace definitions
