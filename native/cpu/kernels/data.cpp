// Batches of a resident data set, and their distortion.
#include <cmath>
#include <cstring>

#include "clessidra/random.h"
#include "kernel_table.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Where an output pixel (across, down from the centre) is read: x = xa * across + xd * down + x0.
struct Warp {
  float xa, xd, x0, ya, yd, y0;
};

// Draws an image's distortion; false: the image stays as it is.
bool draw_warp(const clessidra_affine_warp& w, int64_t image, Warp& warp) {
  float u[8];
  for (uint64_t half = 0; half < 2; ++half) {
    const Words words =
        random_words(2 * static_cast<uint64_t>(image) + half, w.stream, *w.step, w.seed);
    for (int i = 0; i < 4; ++i) u[4 * half + i] = unit_uniform(words.w[i]);
  }
  if (u[0] >= w.probability) return false;
  const auto signed_unit = [&](int i) { return fma(2.0f, u[i], -1.0f); };
  float turns = w.rotation * signed_unit(1);
  if (turns < 0.0f) turns += 1.0f;
  float cosine, sine;
  cosine_and_sine_of_turns(turns, cosine, sine);
  const float sx = fma(w.scale, signed_unit(2), 1.0f);
  const float sy = fma(w.scale, signed_unit(3), 1.0f);
  warp.xa = cosine * sx;
  warp.xd = fma(w.shear, signed_unit(4), -(sine * sy));
  warp.x0 = static_cast<float>(w.width - 1) / 2.0f + w.shift * signed_unit(5);
  warp.ya = sine * sx;
  warp.yd = cosine * sy;
  warp.y0 = static_cast<float>(w.height - 1) / 2.0f + w.shift * signed_unit(6);
  return true;
}

void warp_image(const clessidra_affine_warp& w, const Warp& warp, const float* x, float* y) {
  const int32_t height = w.height, width = w.width, channels = w.channels;
  for (int32_t row = 0; row < height; ++row) {
    const float down = static_cast<float>(row) - static_cast<float>(height - 1) / 2.0f;
    const float x0 = fma(warp.xd, down, warp.x0);
    const float y0 = fma(warp.yd, down, warp.y0);
    for (int32_t column = 0; column < width; ++column) {
      const float across = static_cast<float>(column) - static_cast<float>(width - 1) / 2.0f;
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

}  // namespace

void affine_warp(ThreadPool& threads, const clessidra_affine_warp& w) {
  const int64_t size = int64_t{w.height} * w.width * w.channels;
  // A pixel costs as much as some ten elements of a plain kernel.
  threads.for_ranges(w.images, grain_rows(10 * size), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      const float* const x = w.x + image * size;
      float* const y = w.y + image * size;
      Warp warp;
      if (draw_warp(w, image, warp)) {
        warp_image(w, warp, x, y);
      } else {
        std::memcpy(y, x, static_cast<size_t>(size) * sizeof(float));
      }
    }
  });
}

void gather_rows(ThreadPool& threads, const clessidra_gather_rows& arguments) {
  const int64_t columns = arguments.columns;
  const uint64_t source_rows = static_cast<uint64_t>(arguments.source_rows);
  // Shuffling a row index costs as much as some 500 elements.
  const int64_t grain = grain_rows(columns + (arguments.shuffle ? 500 : 0));
  threads.for_ranges(arguments.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const uint64_t position =
          *arguments.step * static_cast<uint64_t>(arguments.rows) + static_cast<uint64_t>(row);
      uint64_t source_row = position % source_rows;
      if (arguments.shuffle) {
        source_row = shuffled(source_row, source_rows, position / source_rows, arguments.seed);
      }
      const int64_t from = static_cast<int64_t>(source_row) * columns;
      const int64_t to = row * columns;
      if (arguments.element == CLESSIDRA_UINT8) {
        const uint8_t* const x = static_cast<const uint8_t*>(arguments.source) + from;
        float* const y = static_cast<float*>(arguments.y) + to;
        for (int64_t i = 0; i < columns; ++i) y[i] = static_cast<float>(x[i]) / 255.0f;
      } else {
        // FLOAT32 and INT32 move as they are.
        std::memcpy(static_cast<char*>(arguments.y) + to * 4,
                    static_cast<const char*>(arguments.source) + from * 4,
                    static_cast<size_t>(columns) * 4);
      }
    }
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
