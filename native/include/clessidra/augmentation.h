// What random distortions of images draw and how they are read, shared by the C++ and the CUDA
// kernels. T is float or a vector of floats, as in math.h.
#ifndef CLESSIDRA_AUGMENTATION_H
#define CLESSIDRA_AUGMENTATION_H

#include "clessidra/kernels.h"
#include "clessidra/random.h"

namespace clessidra {

// Uniform from -1 to 1.
CLESSIDRA_FUNCTION float signed_uniform(uint32_t word) {
  return fma(2.0f, unit_uniform(word), -1.0f);
}

// The pixel in the middle of `size`.
CLESSIDRA_FUNCTION float centre(int32_t size) { return static_cast<float>(size - 1) / 2.0f; }

// Where an output pixel (across, down from the centre) of clessidra_affine_warp is read:
// x = xa * across + xd * down + x0.
struct Warp {
  float xa, xd, x0, ya, yd, y0;
  bool drawn;  // false: the image stays as it is
};
CLESSIDRA_FUNCTION Warp draw_warp(const clessidra_affine_warp& w, uint64_t image) {
  const uint64_t step = *w.step;
  const Words first = random_words(2 * image, w.stream, step, w.seed);
  const Words second = random_words(2 * image + 1, w.stream, step, w.seed);
  float turns = w.rotation * signed_uniform(first.w[1]);
  if (turns < 0.0f) turns += 1.0f;
  float cosine, sine;
  cosine_and_sine_of_turns(turns, cosine, sine);
  const float sx = fma(w.scale, signed_uniform(first.w[2]), 1.0f);
  const float sy = fma(w.scale, signed_uniform(first.w[3]), 1.0f);
  Warp warp;
  warp.xa = cosine * sx;
  warp.xd = fma(w.shear, signed_uniform(second.w[0]), -(sine * sy));
  warp.x0 = centre(w.width) + w.shift * signed_uniform(second.w[1]);
  warp.ya = sine * sx;
  warp.yd = cosine * sy;
  warp.y0 = centre(w.height) + w.shift * signed_uniform(second.w[2]);
  warp.drawn = unit_uniform(first.w[0]) < w.probability;
  return warp;
}

// The view of clessidra_deformation_field without its displacements: row and column are
// across * (across from the centre) + down * (down from the centre) + start.
struct View {
  float row_across, row_down, row_start;
  float column_across, column_down, column_start;
};
// The first of an image's blocks of random words.
CLESSIDRA_FUNCTION uint64_t first_block(const clessidra_deformation_field& d, uint64_t image) {
  const uint64_t points = static_cast<uint64_t>(d.grid) * static_cast<uint64_t>(d.grid);
  return image * (2 + (points + 1) / 2);
}
// Drawn evenly from 0 to n, which may be negative.
CLESSIDRA_FUNCTION float draw_offset(uint32_t word, int32_t n) {
  const uint64_t choices = static_cast<uint64_t>(n < 0 ? -n : n) + 1;
  const int32_t offset = static_cast<int32_t>(((word >> 8) * choices) >> 24);
  return static_cast<float>(n < 0 ? -offset : offset);
}
CLESSIDRA_FUNCTION View draw_view(const clessidra_deformation_field& d, uint64_t image) {
  const uint64_t block = first_block(d, image);
  const uint64_t step = *d.step;
  const Words first = random_words(block, d.stream, step, d.seed);
  const Words second = random_words(block + 1, d.stream, step, d.seed);
  const float quarters = d.quarter_turns ? static_cast<float>(second.w[2] >> 30) * 0.25f : 0.0f;
  const float turns = fma(d.rotation, signed_uniform(first.w[2]), quarters);
  float cosine, sine;
  cosine_and_sine_of_turns(turns - round_down(turns), cosine, sine);
  const float scale = fma(d.scale, signed_uniform(first.w[3]), 1.0f);
  const float across = d.mirror_left_right && second.w[0] >> 31 ? -1.0f : 1.0f;
  const float down = d.mirror_up_down && second.w[1] >> 31 ? -1.0f : 1.0f;
  View view;
  view.row_across = -(scale * sine) * across;
  view.row_down = scale * cosine * down;
  view.row_start = draw_offset(first.w[0], d.source_height - d.height) + centre(d.height);
  view.column_across = scale * cosine * across;
  view.column_down = scale * sine * down;
  view.column_start = draw_offset(first.w[1], d.source_width - d.width) + centre(d.width);
  return view;
}

// The displacement of a point of the grid.
struct Displacement {
  float down, right;
};
CLESSIDRA_FUNCTION Displacement draw_displacement(const clessidra_deformation_field& d,
                                                  uint64_t image, int32_t point) {
  const uint64_t block = first_block(d, image) + 2 + static_cast<uint64_t>(point / 2);
  const Words words = random_words(block, d.stream, *d.step, d.seed);
  float first, second;
  const bool odd = point % 2 == 1;
  unit_normals(odd ? words.w[2] : words.w[0], odd ? words.w[3] : words.w[1], first, second);
  return {d.elastic * first, d.elastic * second};
}

// Where a pixel of a row or column lies between the points of a grid.
struct GridPosition {
  int32_t point;  // the one before it, never the last
  float fraction;
};
CLESSIDRA_FUNCTION int32_t grid_steps(int32_t size) { return size > 1 ? size - 1 : 1; }
CLESSIDRA_FUNCTION GridPosition grid_position(int32_t pixel, int32_t size, int32_t grid) {
  const int32_t steps = grid_steps(size);
  const int32_t place = pixel * (grid - 1);
  const int32_t point = place / steps < grid - 2 ? place / steps : grid - 2;
  return {point, static_cast<float>(place - point * steps) / static_cast<float>(steps)};
}

// A Catmull-Rom curve from p1 to p2.
template <class T>
struct Curve {
  T p1, m1, k2, k3;

  CLESSIDRA_FUNCTION T operator()(T t) const { return fma(t, fma(t, fma(t, k3, k2), m1), p1); }
};
template <class T>
CLESSIDRA_FUNCTION Curve<T> curve(T p0, T p1, T p2, T p3) {
  const T half = constant<T>(0.5f);
  const T m1 = half * (p2 - p0);
  const T m2 = half * (p3 - p1);
  const T g = p2 - p1;
  const T k3 = fma(constant<T>(-2.0f), g, m1 + m2);
  return {p1, m1, (g - m1) - k3, k3};
}
// The curve after a point of a row of the grid; value_of(i) is that of point i.
template <class Values>
CLESSIDRA_FUNCTION Curve<float> curve_after(int32_t point, int32_t grid, const Values& value_of) {
  const int32_t before = point > 0 ? point - 1 : 0;
  const int32_t after = point + 2 < grid ? point + 2 : grid - 1;
  return curve(value_of(before), value_of(point), value_of(point + 1), value_of(after));
}

// A place along the pixels 0 to last, mirrored into them; 0 for NaN and infinity.
template <class T>
CLESSIDRA_FUNCTION T mirrored(T place, float last) {
  const T period = constant<T>(2.0f * last);
  const T limit = constant<T>(last);
  const T zero = constant<T>(0.0f);
  const T p = absolute(place);
  const T a = absolute(fma(-period, round_down(p / period), p));
  const T back = period - a;
  T q = a < back ? a : back;
  q = q > zero ? q : zero;  // NaN as well
  return q < limit ? q : limit;
}

// The contrast, shift and exponent of an image of clessidra_random_brightness.
struct Brightness {
  float contrast, shift, exponent;
};
CLESSIDRA_FUNCTION Brightness draw_brightness(const clessidra_random_brightness& b,
                                              uint64_t image) {
  const Words words = random_words(image, b.stream, *b.step, b.seed);
  return {fma(b.contrast, signed_uniform(words.w[0]), 1.0f),
          fma(b.brightness, signed_uniform(words.w[1]), 0.5f),
          fma(b.gamma, signed_uniform(words.w[2]), 1.0f)};
}
// An element, without the exponent.
template <class T>
CLESSIDRA_FUNCTION T brightened(const Brightness& b, T x) {
  return fma(x - constant<T>(0.5f), constant<T>(b.contrast), constant<T>(b.shift));
}
// x to the power of the exponent, where x is above 0.
template <class T>
CLESSIDRA_FUNCTION T gamma_corrected(const Brightness& b, T x) {
  const T power = exponential(constant<T>(b.exponent) * logarithm(x));
  return x > constant<T>(0.0f) ? power : x;
}

}  // namespace clessidra

#endif
