// Batches of a resident data set, and their distortion.
#include "clessidra/random.h"
#include "kernel.cuh"

namespace clessidra {

namespace {

__device__ inline int64_t source_row(const clessidra_gather_rows& g, int64_t row) {
  const uint64_t rows = static_cast<uint64_t>(g.source_rows);
  const uint64_t position =
      *g.step * static_cast<uint64_t>(g.rows) + static_cast<uint64_t>(row);
  const uint64_t epoch = position / rows;
  const uint64_t index = position % rows;
  return static_cast<int64_t>(g.shuffle ? shuffled(index, rows, epoch, g.seed) : index);
}

// Calls body(i) for the elements of a row that fall to this thread: blocks side by side in y.
template <class Body>
__device__ inline void for_columns(int64_t count, const Body& body) {
  for (int64_t i = int64_t{blockIdx.y} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.y} * blockDim.x) {
    body(i);
  }
}

// Where an output pixel (across, down from the centre) is read: x = xa * across + xd * down + x0.
struct Warp {
  float xa, xd, x0, ya, yd, y0;
  bool drawn;  // false: the image stays as it is
};

__device__ inline Warp draw_warp(const clessidra_affine_warp& w, uint64_t image) {
  const uint64_t step = *w.step;
  const Words first = random_words(2 * image, w.stream, step, w.seed);
  const Words second = random_words(2 * image + 1, w.stream, step, w.seed);
  const auto signed_unit = [](uint32_t word) { return fma(2.0f, unit_uniform(word), -1.0f); };
  float turns = w.rotation * signed_unit(first.w[1]);
  if (turns < 0.0f) turns += 1.0f;
  float cosine, sine;
  cosine_and_sine_of_turns(turns, cosine, sine);
  const float sx = fma(w.scale, signed_unit(first.w[2]), 1.0f);
  const float sy = fma(w.scale, signed_unit(first.w[3]), 1.0f);
  Warp warp;
  warp.xa = cosine * sx;
  warp.xd = fma(w.shear, signed_unit(second.w[0]), -(sine * sy));
  warp.x0 = static_cast<float>(w.width - 1) / 2.0f + w.shift * signed_unit(second.w[1]);
  warp.ya = sine * sx;
  warp.yd = cosine * sy;
  warp.y0 = static_cast<float>(w.height - 1) / 2.0f + w.shift * signed_unit(second.w[2]);
  warp.drawn = unit_uniform(first.w[0]) < w.probability;
  return warp;
}

// Element i of an image, read through the warp.
__device__ inline float warped(const clessidra_affine_warp& w, const Warp& warp, const float* x,
                               int64_t i) {
  const Division pixel = divide(i, w.channels);
  const Division place = divide(pixel.quotient, w.width);
  const float down =
      static_cast<float>(place.quotient) - static_cast<float>(w.height - 1) / 2.0f;
  const float across =
      static_cast<float>(place.remainder) - static_cast<float>(w.width - 1) / 2.0f;
  const float px = fma(warp.xa, across, fma(warp.xd, down, warp.x0));
  const float py = fma(warp.ya, across, fma(warp.yd, down, warp.y0));
  const float left = floorf(px);
  const float above = floorf(py);
  const float fx = px - left;
  const float fy = py - above;
  // What is near no pixel becomes -2: nothing is converted that an int32 cannot hold.
  const auto index = [](float v, int32_t size) {
    return v >= -1.0f && v < static_cast<float>(size) ? static_cast<int32_t>(v) : -2;
  };
  const int32_t row = index(above, w.height);
  const int32_t column = index(left, w.width);
  const auto read = [&](int64_t i, int64_t j) {
    const bool inside = i >= 0 && i < w.height && j >= 0 && j < w.width;
    return inside ? x[(i * w.width + j) * w.channels + pixel.remainder] : 0.0f;
  };
  const float p00 = read(row, column);
  const float p01 = read(row, int64_t{column} + 1);
  const float p10 = read(int64_t{row} + 1, column);
  const float p11 = read(int64_t{row} + 1, int64_t{column} + 1);
  const float top = fma(fx, p01 - p00, p00);
  const float bottom = fma(fx, p11 - p10, p10);
  return fma(fy, bottom - top, top);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    gather_rows(const __grid_constant__ clessidra_gather_rows arguments) {
  const int64_t columns = arguments.columns;
  const int64_t row = blockIdx.x;
  __shared__ int64_t shared_row;
  if (threadIdx.x == 0) shared_row = source_row(arguments, row);
  __syncthreads();
  const int64_t from = shared_row * columns;
  const int64_t to = row * columns;
  const bool vectors = columns % 4 == 0 && aligned(arguments.source, arguments.y);
  if (arguments.element == CLESSIDRA_UINT8) {
    const uint8_t* const x = static_cast<const uint8_t*>(arguments.source) + from;
    float* const y = static_cast<float*>(arguments.y) + to;
    const auto unit = [](uint8_t value) { return static_cast<float>(value) / 255.0f; };
    if (vectors) {
      for_columns(columns / 4, [&](int64_t i) {
        const uchar4 v = reinterpret_cast<const uchar4*>(x)[i];
        store(y + 4 * i, Pack<4>{{unit(v.x), unit(v.y), unit(v.z), unit(v.w)}});
      });
    } else {
      for_columns(columns, [&](int64_t i) { y[i] = unit(x[i]); });
    }
  } else {
    // FLOAT32 and INT32 move as they are.
    const int32_t* const x = static_cast<const int32_t*>(arguments.source) + from;
    int32_t* const y = static_cast<int32_t*>(arguments.y) + to;
    if (vectors) {
      for_columns(columns / 4, [&](int64_t i) {
        reinterpret_cast<int4*>(y)[i] = reinterpret_cast<const int4*>(x)[i];
      });
    } else {
      for_columns(columns, [&](int64_t i) { y[i] = x[i]; });
    }
  }
}
EMULATOR_KERNEL(gather_rows)

extern "C" __global__ void __launch_bounds__(kThreads)
    affine_warp(const __grid_constant__ clessidra_affine_warp arguments) {
  const int64_t size = int64_t{arguments.height} * arguments.width * arguments.channels;
  const int64_t image = blockIdx.x;
  __shared__ Warp shared_warp;
  if (threadIdx.x == 0) shared_warp = draw_warp(arguments, static_cast<uint64_t>(image));
  __syncthreads();
  const Warp warp = shared_warp;
  const float* const x = arguments.x + image * size;
  float* const y = arguments.y + image * size;
  for_columns(size, [&](int64_t i) { y[i] = warp.drawn ? warped(arguments, warp, x, i) : x[i]; });
}
EMULATOR_KERNEL(affine_warp)

}  // namespace clessidra
