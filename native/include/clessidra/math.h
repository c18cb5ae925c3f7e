// exp, log, tanh, ... from fused multiply-adds alone, so that the C++ kernels (scalar or SIMD), the
// CUDA kernels and the definitions in the test tree give the same bits. T is float or a GCC vector
// of floats, whose primitives (see primitives.h) are declared before this file is read; so is an
// instruction set's own form of a function below, which takes the template's place.
// Polynomials: Cephes (S. L. Moshier, netlib.org/cephes, single precision) coefficients; errors are
// a few units in the last place. Denormals are kept.
#ifndef CLESSIDRA_MATH_H
#define CLESSIDRA_MATH_H

#include "clessidra/primitives.h"

namespace clessidra {

// p * 2^n, rounded once, for an integer n with |n| <= 252 and p in [1/2, 2) or NaN.
template <class T>
CLESSIDRA_FUNCTION T times_power_of_two(T p, T n) {
  // 2^n in two factors, so that neither overflows nor vanishes before the product does.
  const auto exponent = to_integer(n);
  const auto half = exponent >> 1;
  return p * from_bits((half + 127) << 23) * from_bits((exponent - half + 127) << 23);
}

// exp(t) = p * 2^n for -104 <= t <= 89, with p in [1/2, 2) and the integer n, which also stands in
// the lowest bits of `shifted`; NaN for NaN.
template <class T>
CLESSIDRA_FUNCTION T exponential_in_parts(T t, T& n, T& shifted) {
  // Adding 1.5 * 2^23 rounds to the nearest integer.
  const T shifter = constant<T>(12582912.0f);
  shifted = fma(t, constant<T>(1.44269504088896341f), shifter);
  n = shifted - shifter;
  T r = fma(n, constant<T>(-0.693359375f), t);
  r = fma(n, constant<T>(2.12194440e-4f), r);
  T p = constant<T>(1.9875691500e-4f);
  p = fma(p, r, constant<T>(1.3981999507e-3f));
  p = fma(p, r, constant<T>(8.3334519073e-3f));
  p = fma(p, r, constant<T>(4.1665795894e-2f));
  p = fma(p, r, constant<T>(1.6666665459e-1f));
  p = fma(p, r, constant<T>(5.0000001201e-1f));
  return fma(p, r * r, r) + constant<T>(1.0f);
}

// exp(x); 0 below -104, infinity above 88.73, NaN for NaN.
template <class T>
CLESSIDRA_FUNCTION T exponential(T x) {
  const T t = smaller(constant<T>(89.0f), larger(constant<T>(-104.0f), x));
  T n, shifted;
  const T p = exponential_in_parts(t, n, shifted);
  return times_power_of_two(p, n);
}

// x = m * 2^e with m in [1/2, 1), for normal x > 0.
template <class T>
CLESSIDRA_FUNCTION void split_normal(T x, T& m, T& e) {
  const auto i = bits(x);
  e = to_float((i >> 23) - 126);
  m = from_bits((i & 0x007fffff) | 0x3f000000);
}

// The same for any finite x > 0.
template <class T>
CLESSIDRA_FUNCTION void split_positive(T x, T& m, T& e) {
  const auto denormal = x < constant<T>(1.17549435e-38f);
  split_normal(denormal ? x * constant<T>(8388608.0f) : x, m, e);
  e = e - (denormal ? constant<T>(23.0f) : constant<T>(0.0f));
}

// log(m * 2^e) for m in [1/2, 1) and an integer e.
template <class T>
CLESSIDRA_FUNCTION T logarithm_of_parts(T m, T e) {
  const auto below = m < constant<T>(0.707106781186547524f);
  e = below ? e - constant<T>(1.0f) : e;
  m = below ? m + m : m;
  m = m - constant<T>(1.0f);
  const T z = m * m;
  T p = constant<T>(7.0376836292e-2f);
  p = fma(p, m, constant<T>(-1.1514610310e-1f));
  p = fma(p, m, constant<T>(1.1676998740e-1f));
  p = fma(p, m, constant<T>(-1.2420140846e-1f));
  p = fma(p, m, constant<T>(1.4249322787e-1f));
  p = fma(p, m, constant<T>(-1.6668057665e-1f));
  p = fma(p, m, constant<T>(2.0000714765e-1f));
  p = fma(p, m, constant<T>(-2.4999993993e-1f));
  p = fma(p, m, constant<T>(3.3333331174e-1f));
  T y = p * m * z;
  y = fma(e, constant<T>(-2.12194440e-4f), y);
  y = fma(z, constant<T>(-0.5f), y);
  return fma(e, constant<T>(0.693359375f), m + y);
}

// log(x) for normal x > 0.
template <class T>
CLESSIDRA_FUNCTION T logarithm_of_normal(T x) {
  T m, e;
  split_normal(x, m, e);
  return logarithm_of_parts(m, e);
}

// log(x); -infinity for 0, NaN below 0, x for +infinity and NaN.
template <class T>
CLESSIDRA_FUNCTION T logarithm(T x) {
  const T zero = constant<T>(0.0f);
  const T infinity = constant<T>(__builtin_inff());
  const T edge = x == zero ? -infinity : constant<T>(__builtin_nanf(""));
  T m, e;
  split_positive(x, m, e);
  const T result = x > zero ? logarithm_of_parts(m, e) : edge;
  return x == infinity ? infinity : result;
}

// log(1 + x) for finite x >= 0 (Goldberg 1991, theorem 4).
template <class T>
CLESSIDRA_FUNCTION T logarithm_of_one_plus(T x) {
  const T one = constant<T>(1.0f);
  const T u = x + one;
  const T d = u - one;
  const T safe = d == constant<T>(0.0f) ? one : d;
  return d == constant<T>(0.0f) ? x : logarithm_of_normal(u) * (x / safe);
}

template <class T>
CLESSIDRA_FUNCTION T absolute(T x) {
  return from_bits(bits(x) & 0x7fffffff);
}

template <class T>
CLESSIDRA_FUNCTION T sigmoid(T x) {
  const T one = constant<T>(1.0f);
  const T e = exponential(-absolute(x));
  return (x < constant<T>(0.0f) ? e : one) / (one + e);
}

template <class T>
CLESSIDRA_FUNCTION T hyperbolic_tangent(T x) {
  const T one = constant<T>(1.0f);
  const T a = absolute(x);
  const T large = one - constant<T>(2.0f) / (exponential(a + a) + one);
  const T z = a * a;
  T p = constant<T>(-5.70498872745e-3f);
  p = fma(p, z, constant<T>(2.06390887954e-2f));
  p = fma(p, z, constant<T>(-5.37397155531e-2f));
  p = fma(p, z, constant<T>(1.33314422036e-1f));
  p = fma(p, z, constant<T>(-3.33332819422e-1f));
  const T small = fma(p * z, a, a);
  const T result = a < constant<T>(0.625f) ? small : large;
  return from_bits(bits(result) | (bits(x) & static_cast<int32_t>(0x80000000u)));
}

template <class T>
CLESSIDRA_FUNCTION T softplus(T x) {
  return larger(x, constant<T>(0.0f)) + logarithm_of_one_plus(exponential(-absolute(x)));
}

// cos(2 pi v) and sin(2 pi v) for v in [0, 1): reduced to an eighth of the circle.
template <class T>
CLESSIDRA_FUNCTION void cosine_and_sine_of_turns(T v, T& cosine, T& sine) {
  const T shifter = constant<T>(12582912.0f);
  const T shifted = fma(v, constant<T>(4.0f), shifter);
  const auto quadrant = (bits(shifted) - bits(shifter)) & 3;
  // 4v - n is exact; in quarter turns within [-1/2, 1/2].
  const T r = fma(v, constant<T>(4.0f), -(shifted - shifter)) * constant<T>(1.57079632679489662f);
  const T z = r * r;
  T s = constant<T>(-1.9515295891e-4f);
  s = fma(s, z, constant<T>(8.3321608736e-3f));
  s = fma(s, z, constant<T>(-1.6666654611e-1f));
  s = fma(s * z, r, r);
  T c = constant<T>(2.443315711809948e-5f);
  c = fma(c, z, constant<T>(-1.388731625493765e-3f));
  c = fma(c, z, constant<T>(4.166664568298827e-2f));
  c = fma(c * z, z, fma(z, constant<T>(-0.5f), constant<T>(1.0f)));
  const auto odd = (quadrant & 1) == 1;
  const T a = odd ? s : c;
  const T b = odd ? c : s;
  cosine = (quadrant == 1 || quadrant == 2) ? -a : a;
  sine = quadrant >= 2 ? -b : b;
}

// cos(pi t) for t in [0, 1], in double: Taylor series on the eighths of the circle.
CLESSIDRA_FUNCTION double cosine_of_half_turns(double t) {
  const double folded = t > 0.5 ? 1.0 - t : t;
  const bool sine = folded > 0.25;
  const double x = (sine ? 0.5 - folded : folded) * 3.14159265358979323846;
  const double z = x * x;
  // 1 - z / (1 * 2) * (1 - z / (3 * 4) * ...), for the sine 1 - z / (2 * 3) * (...).
  double sum = 1.0;
  for (int n = 16; n >= 2; n -= 2) {
    const double divisor = sine ? n * (n + 1.0) : n * (n - 1.0);
    sum = 1.0 - sum * z / divisor;
  }
  if (sine) sum *= x;
  return t > 0.5 ? -sum : sum;
}

}  // namespace clessidra

#endif
