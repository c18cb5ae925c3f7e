// The minimal filtering algorithm F(4 x 4, 3 x 3): tiles of 4 x 4 outputs of a convolution with 3 x 3
// taps from 36 products a channel instead of 144 (Winograd, "Arithmetic complexity of computations",
// 1980; Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, equation 8):
//
//   outputs = A' ((G filter G') * (B' inputs B)) A     inputs 6 x 6, * by elements, summed over channels
//
// The polynomials are evaluated at 0, +-3/4, +-3/2 and infinity. All powers of these are exact, and
// the error is half that of the usual 0, +-1, +-2: about twice that of the direct sum (CVPR 2016 has
// 7 times; that points matter is shown by Barabasz et al., "Error analysis and improving the accuracy
// of Winograd convolution for deep neural networks", ACM TOMS 2020).
//
// Each function below multiplies one of the matrices by a vector; a matrix is transformed column by
// column first, then row by row. T is float or a vector of floats, as in math.h.
#ifndef CLESSIDRA_WINOGRAD_H
#define CLESSIDRA_WINOGRAD_H

#include "clessidra/primitives.h"

namespace clessidra::winograd {

constexpr int kOutputs = 4;
constexpr int kTaps = 3;
constexpr int kInputs = kOutputs + kTaps - 1;
constexpr int kPoints = kInputs * kInputs;

// The points of evaluation and their powers.
constexpr float kP = 0.75f, kP2 = kP * kP, kP3 = kP2 * kP;
constexpr float kQ = 1.5f, kQ2 = kQ * kQ, kQ3 = kQ2 * kQ;
// What the filter is divided by at 0, +-p and +-q.
constexpr float kAtZero = 1.0f / (kP2 * kQ2);
constexpr float kAtP = 1.0f / (2.0f * kP2 * (kP2 - kQ2));
constexpr float kAtQ = 1.0f / (2.0f * kQ2 * (kQ2 - kP2));

// B' d
template <class T>
CLESSIDRA_FUNCTION void transform_inputs(const T (&d)[kInputs], T (&v)[kInputs]) {
  const T product = constant<T>(kP2 * kQ2);
  const T sum = constant<T>(-(kP2 + kQ2));
  v[0] = fma(product, d[0], fma(sum, d[2], d[4]));
  const T even_p = fma(constant<T>(-kQ2), d[2], d[4]);
  const T odd_p = fma(constant<T>(-kQ2), d[1], d[3]);
  v[1] = fma(constant<T>(kP), odd_p, even_p);
  v[2] = fma(constant<T>(-kP), odd_p, even_p);
  const T even_q = fma(constant<T>(-kP2), d[2], d[4]);
  const T odd_q = fma(constant<T>(-kP2), d[1], d[3]);
  v[3] = fma(constant<T>(kQ), odd_q, even_q);
  v[4] = fma(constant<T>(-kQ), odd_q, even_q);
  v[5] = fma(product, d[1], fma(sum, d[3], d[5]));
}

// G g
template <class T>
CLESSIDRA_FUNCTION void transform_taps(const T (&g)[kTaps], T (&u)[kInputs]) {
  u[0] = constant<T>(kAtZero) * g[0];
  const T even_p = constant<T>(kAtP) * fma(constant<T>(kP2), g[2], g[0]);
  u[1] = fma(constant<T>(kAtP * kP), g[1], even_p);
  u[2] = fma(constant<T>(-kAtP * kP), g[1], even_p);
  const T even_q = constant<T>(kAtQ) * fma(constant<T>(kQ2), g[2], g[0]);
  u[3] = fma(constant<T>(kAtQ * kQ), g[1], even_q);
  u[4] = fma(constant<T>(-kAtQ * kQ), g[1], even_q);
  u[5] = g[2];
}

// A' m
template <class T>
CLESSIDRA_FUNCTION void transform_products(const T (&m)[kInputs], T (&y)[kOutputs]) {
  const T sum_p = m[1] + m[2];
  const T difference_p = m[1] - m[2];
  const T sum_q = m[3] + m[4];
  const T difference_q = m[3] - m[4];
  y[0] = (m[0] + sum_p) + sum_q;
  y[1] = fma(constant<T>(kP), difference_p, constant<T>(kQ) * difference_q);
  y[2] = fma(constant<T>(kP2), sum_p, constant<T>(kQ2) * sum_q);
  y[3] = fma(constant<T>(kP3), difference_p, fma(constant<T>(kQ3), difference_q, m[5]));
}

// A dy, for the gradient of the filter.
template <class T>
CLESSIDRA_FUNCTION void transform_gradients(const T (&dy)[kOutputs], T (&w)[kInputs]) {
  w[0] = dy[0];
  const T even_p = fma(constant<T>(kP2), dy[2], dy[0]);
  const T odd_p = fma(constant<T>(kP2), dy[3], dy[1]);
  w[1] = fma(constant<T>(kP), odd_p, even_p);
  w[2] = fma(constant<T>(-kP), odd_p, even_p);
  const T even_q = fma(constant<T>(kQ2), dy[2], dy[0]);
  const T odd_q = fma(constant<T>(kQ2), dy[3], dy[1]);
  w[3] = fma(constant<T>(kQ), odd_q, even_q);
  w[4] = fma(constant<T>(-kQ), odd_q, even_q);
  w[5] = dy[3];
}

// G' du, the gradient of the filter.
template <class T>
CLESSIDRA_FUNCTION void transform_tap_gradients(const T (&du)[kInputs], T (&dg)[kTaps]) {
  const T sum_p = constant<T>(kAtP) * (du[1] + du[2]);
  const T difference_p = constant<T>(kAtP * kP) * (du[1] - du[2]);
  const T sum_q = constant<T>(kAtQ) * (du[3] + du[4]);
  const T difference_q = constant<T>(kAtQ * kQ) * (du[3] - du[4]);
  dg[0] = fma(constant<T>(kAtZero), du[0], sum_p + sum_q);
  dg[1] = difference_p + difference_q;
  dg[2] = fma(constant<T>(kP2), sum_p, fma(constant<T>(kQ2), sum_q, du[5]));
}

// transform(column by column), then row by row: load(i, j) gives an element, store(i, j, t) takes one.
template <int kFrom, int kTo, class T, class Transform, class Load, class Store>
CLESSIDRA_FUNCTION void transform_both_ways(const Transform& transform, const Load& load,
                                            const Store& store) {
  T half[kTo][kFrom];
  CLESSIDRA_UNROLL
  for (int j = 0; j < kFrom; ++j) {
    T from[kFrom];
    T to[kTo];
    CLESSIDRA_UNROLL
    for (int i = 0; i < kFrom; ++i) from[i] = load(i, j);
    transform(from, to);
    CLESSIDRA_UNROLL
    for (int i = 0; i < kTo; ++i) half[i][j] = to[i];
  }
  CLESSIDRA_UNROLL
  for (int i = 0; i < kTo; ++i) {
    T to[kTo];
    transform(half[i], to);
    CLESSIDRA_UNROLL
    for (int j = 0; j < kTo; ++j) store(i, j, to[j]);
  }
}

}  // namespace clessidra::winograd

#endif
