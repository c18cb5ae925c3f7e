// Random distortions of images.
#include <cmath>
#include <cstring>

#include "kernel_table.h"
#include "simd.h"

#include "clessidra/augmentation.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

void warp_image(const clessidra_affine_warp& w, const Warp& warp, const float* x, float* y) {
  const int32_t height = w.height, width = w.width, channels = w.channels;
  for (int32_t row = 0; row < height; ++row) {
    const float down = static_cast<float>(row) - centre(height);
    const float x0 = fma(warp.xd, down, warp.x0);
    const float y0 = fma(warp.yd, down, warp.y0);
    for (int32_t column = 0; column < width; ++column) {
      const float across = static_cast<float>(column) - centre(width);
      const float px = fma(warp.xa, across, x0);
      const float py = fma(warp.ya, across, y0);
      const float left = std::floor(px), above = std::floor(py);
      const float fx = px - left, fy = py - above;
      const int32_t i = static_cast<int32_t>(above), j = static_cast<int32_t>(left);
      const bool i0 = i >= 0 && i < height, i1 = i >= -1 && i + 1 < height;
      const bool j0 = j >= 0 && j < width, j1 = j >= -1 && j + 1 < width;
      const float* corner = x + (int64_t{i} * width + j) * channels;
      for (int32_t c = 0; c < channels; ++c) {
        const float p00 = i0 && j0 ? corner[c] : 0.0f;
        const float p01 = i0 && j1 ? corner[channels + c] : 0.0f;
        const float p10 = i1 && j0 ? corner[int64_t{width} * channels + c] : 0.0f;
        const float p11 = i1 && j1 ? corner[int64_t{width + 1} * channels + c] : 0.0f;
        const float top = fma(fx, p01 - p00, p00);
        const float bottom = fma(fx, p11 - p10, p10);
        *y++ = fma(fy, bottom - top, top);
      }
    }
  }
}

// The places that the views of one image after the other read.
class Field {
 public:
  explicit Field(const clessidra_deformation_field& arguments) : d_(arguments) {}

  // Draws the view and the displacements of an image.
  void draw(int64_t image) {
    view_ = draw_view(d_, static_cast<uint64_t>(image));
    if (d_.elastic == 0.0f) return;
    for (int32_t i = 0; i < d_.grid * d_.grid; ++i) {
      const Displacement drawn = draw_displacement(d_, static_cast<uint64_t>(image), i);
      down_[i] = drawn.down;
      right_[i] = drawn.right;
    }
  }

  // A row of that image.
  void write(int32_t row, float* field) const {
    const float down = static_cast<float>(row) - centre(d_.height);
    const float row_start = fma(view_.row_down, down, view_.row_start);
    const float column_start = fma(view_.column_down, down, view_.column_start);
    const auto place = [&](int32_t column, Vec& y, Vec& x) {
      const Vec across = to_float(column + lane_indices()) - centre(d_.width);
      y = fma(broadcast(view_.row_across), across, broadcast(row_start));
      x = fma(broadcast(view_.column_across), across, broadcast(column_start));
    };
    if (d_.elastic == 0.0f) {
      for_vectors(0, d_.width, [&](int64_t column, auto n) {
        Vec y, x;
        place(static_cast<int32_t>(column), y, x);
        store_pairs(field + 2 * column, y, x, n);
      });
      return;
    }
    float downs[CLESSIDRA_GRID], rights[CLESSIDRA_GRID];
    const GridPosition at = grid_position(row, d_.height, d_.grid);
    for (int32_t q = 0; q < d_.grid; ++q) {
      downs[q] = along_column(at, down_ + q);
      rights[q] = along_column(at, right_ + q);
    }
    const int32_t steps = grid_steps(d_.width);
    for (int32_t begin = 0; begin < d_.width;) {
      const int32_t point = grid_position(begin, d_.width, d_.grid).point;
      // The first column after the next point.
      const int32_t end = point == d_.grid - 2
                              ? d_.width
                              : ((point + 1) * steps + d_.grid - 2) / (d_.grid - 1);
      const auto move_down = along_row(point, downs);
      const auto move_right = along_row(point, rights);
      for_vectors(begin, end, [&](int64_t column, auto n) {
        const int32_t j = static_cast<int32_t>(column);
        const Vec t = to_float((j + lane_indices()) * (d_.grid - 1) - point * steps) /
                      static_cast<float>(steps);
        Vec y, x;
        place(j, y, x);
        store_pairs(field + 2 * column, y + move_down(t), x + move_right(t), n);
      });
      begin = end;
    }
  }

 private:
  float along_column(const GridPosition& at, const float* values) const {
    return curve_after(at.point, d_.grid, [&](int32_t p) { return values[p * d_.grid]; })(
        at.fraction);
  }
  Curve<Vec> along_row(int32_t point, const float* values) const {
    const auto c = curve_after(point, d_.grid, [&](int32_t q) { return values[q]; });
    return {broadcast(c.p1), broadcast(c.m1), broadcast(c.k2), broadcast(c.k3)};
  }

  const clessidra_deformation_field& d_;
  View view_;
  float down_[CLESSIDRA_GRID * CLESSIDRA_GRID], right_[CLESSIDRA_GRID * CLESSIDRA_GRID];
};

// kLanes places along a row or column of pixels.
struct Places {
  IntVec low, high;
  Vec fraction;

  CLESSIDRA_FUNCTION Places(Vec place, int32_t size, bool nearest) {
    const Vec q = mirrored(place, static_cast<float>(size - 1));
    low = __builtin_convertvector(nearest ? q + 0.5f : q, IntVec);
    high = low < size - 1 ? low + 1 : low;
    fraction = q - to_float(low);
  }
};

template <class T>
CLESSIDRA_FUNCTION T between(T fraction, T low, T high) {
  return fma(fraction, high - low, low);
}

// A row of the output from its row of the field. NEAREST moves elements of any kind as floats.
template <bool kNearest, bool kOneChannel>
void sample_row(clessidra_sample_images s, const float* x, const float* field, float* y) {
  const int64_t channels = kOneChannel ? 1 : s.channels;
  for_vectors(0, s.output_width, [&](int64_t begin, auto n) {
    Vec vertical, horizontal;
    load_pairs(field + 2 * begin, n, vertical, horizontal);
    const Places rows(vertical, s.height, kNearest);
    const Places columns(horizontal, s.width, kNearest);
    const IntVec top = rows.low * s.width, bottom = rows.high * s.width;
    const IntVec p00 = top + columns.low, p01 = top + columns.high;
    const IntVec p10 = bottom + columns.low, p11 = bottom + columns.high;
    const auto sample = [](auto fx, auto fy, const auto& read) {
      const auto corner = read(0);
      if constexpr (kNearest) {
        return corner;
      } else {
        return between(fy, between(fx, corner, read(1)), between(fx, read(2), read(3)));
      }
    };
    const IntVec pixels[] = {p00, p01, p10, p11};
    if constexpr (kOneChannel) {
      const auto read = [&](int i) { return gather(x, pixels[i]); };
      store_part(y + begin, sample(columns.fraction, rows.fraction, read), n);
    } else {
      for (int64_t lane = 0; lane < n; ++lane) {
        for (int64_t c = 0; c < channels; ++c) {
          const auto read = [&](int i) { return x[pixels[i][lane] * channels + c]; };
          y[(begin + lane) * channels + c] =
              sample(columns.fraction[lane], rows.fraction[lane], read);
        }
      }
    }
  });
}

}  // namespace

void affine_warp(ThreadPool& threads, const clessidra_affine_warp& w) {
  const int64_t size = int64_t{w.height} * w.width * w.channels;
  // A pixel costs as much as some ten elements of a plain kernel.
  threads.for_ranges(w.images, grain_rows(10 * size), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      const float* const x = w.x + image * size;
      float* const y = w.y + image * size;
      const Warp warp = draw_warp(w, static_cast<uint64_t>(image));
      if (warp.drawn) {
        warp_image(w, warp, x, y);
      } else {
        std::memcpy(y, x, static_cast<size_t>(size) * sizeof(float));
      }
    }
  });
}

void deformation_field(ThreadPool& threads, const clessidra_deformation_field& d) {
  const int64_t rows = int64_t{d.images} * d.height;
  // A place costs as much as some four elements of a plain kernel.
  threads.for_ranges(rows, grain_rows(4 * int64_t{d.width}), [&](int64_t begin, int64_t end) {
    Field field(d);
    for (int64_t i = begin; i < end; ++i) {
      const int32_t row = static_cast<int32_t>(i % d.height);
      if (i == begin || row == 0) field.draw(i / d.height);
      field.write(row, d.field + 2 * i * d.width);
    }
  });
}

void sample_images(ThreadPool& threads, const clessidra_sample_images& s) {
  const int64_t rows = int64_t{s.images} * s.output_height;
  const int64_t image_size = int64_t{s.height} * s.width * s.channels;
  const int64_t row_size = int64_t{s.output_width} * s.channels;
  with_flag(s.interpolation == CLESSIDRA_NEAREST, [&](auto nearest) {
    with_flag(s.channels == 1, [&](auto one_channel) {
      // An element costs as much as some eight of a plain kernel.
      threads.for_ranges(rows, grain_rows(8 * row_size), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          sample_row<nearest, one_channel>(
              s, static_cast<const float*>(s.x) + i / s.output_height * image_size,
              s.field + 2 * i * s.output_width, static_cast<float*>(s.y) + i * row_size);
        }
      });
    });
  });
}

void random_brightness(ThreadPool& threads, const clessidra_random_brightness& b) {
  threads.for_ranges(b.images, grain_rows(4 * b.size), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      const Brightness drawn = draw_brightness(b, static_cast<uint64_t>(image));
      const float* const x = b.x + image * b.size;
      float* const y = b.y + image * b.size;
      with_flag(b.gamma != 0.0f, [&](auto gamma) {
        for_vectors(0, b.size, [&](int64_t i, auto n) {
          Vec value = load_part(x + i, n);
          if constexpr (gamma) value = gamma_corrected(drawn, value);
          store_part(y + i, brightened(drawn, value), n);
        });
      });
    }
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
