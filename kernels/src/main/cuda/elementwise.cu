// Element by element: bound by memory, so one pass in loads of 128 bits.
#include "activation.cuh"

namespace clessidra {

namespace {

template <int kWidth>
__device__ inline Pack<kWidth> apply_unary(const clessidra_unary& u, const Pack<kWidth>& x) {
  switch (u.function) {
    case CLESSIDRA_AFFINE:
      return map(x, [&](float v) { return fma(u.alpha, v, u.shift); });
    case CLESSIDRA_SQUARE:
      return map(x, [](float v) { return v * v; });
    case CLESSIDRA_SQUARE_ROOT:
      return map(x, [](float v) { return square_root(v); });
    case CLESSIDRA_EXP:
      return map(x, [](float v) { return exponential(v); });
    case CLESSIDRA_LOG:
      return map(x, [](float v) { return logarithm(v); });
    case CLESSIDRA_ABSOLUTE:
      return map(x, [](float v) { return absolute(v); });
    case CLESSIDRA_SIGN:
      return map(x, [](float v) { return v > 0.0f ? 1.0f : (v < 0.0f ? -1.0f : 0.0f); });
    default:
      return map(x, [](float v) { return 1.0f / v; });
  }
}

template <int kWidth>
__device__ inline Pack<kWidth> apply_binary(int32_t function, const Pack<kWidth>& a,
                                            const Pack<kWidth>& b) {
  switch (function) {
    case CLESSIDRA_ADD:
      return map(a, b, [](float p, float q) { return p + q; });
    case CLESSIDRA_SUBTRACT:
      return map(a, b, [](float p, float q) { return p - q; });
    case CLESSIDRA_MULTIPLY:
      return map(a, b, [](float p, float q) { return p * q; });
    default:
      return map(a, b, [](float p, float q) { return p / q; });
  }
}

// b[i % count], b[(i + 1) % count], ...
template <int kWidth>
__device__ inline Pack<kWidth> load_repeated(const float* b, int64_t count, int64_t i) {
  int64_t place = divide(i, count).remainder;
  if (count % kWidth == 0 && (kWidth == 1 || aligned(b))) return load<kWidth>(b + place);
  Pack<kWidth> values;
  CLESSIDRA_UNROLL
  for (int j = 0; j < kWidth; ++j) {
    values.v[j] = b[place];
    place = place + 1 == count ? 0 : place + 1;
  }
  return values;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    activation_forward(const __grid_constant__ clessidra_activation_forward arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  for_elements(arguments.count, aligned(x, y), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    store(y + i, activate(arguments.activation, load<kWidth>(x + i), arguments.slope));
  });
}
EMULATOR_KERNEL(activation_forward)

extern "C" __global__ void __launch_bounds__(kThreads)
    activation_backward(const __grid_constant__ clessidra_activation_backward arguments) {
  const float* const dy = arguments.dy;
  const float* const y = arguments.y;
  float* const dx = arguments.dx;
  for_elements(arguments.count, aligned(dy, y, dx), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    const Pack<kWidth> derivative =
        activation_derivative(arguments.activation, load<kWidth>(y + i), arguments.slope);
    store_product(dx + i, load<kWidth>(dy + i), derivative, arguments.beta);
  });
}
EMULATOR_KERNEL(activation_backward)

extern "C" __global__ void __launch_bounds__(kThreads)
    unary(const __grid_constant__ clessidra_unary arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  for_elements(arguments.count, aligned(x, y), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    store_sum(y + i, apply_unary(arguments, load<kWidth>(x + i)), arguments.beta);
  });
}
EMULATOR_KERNEL(unary)

extern "C" __global__ void __launch_bounds__(kThreads)
    binary(const __grid_constant__ clessidra_binary arguments) {
  const float* const a = arguments.a;
  const float* const b = arguments.b;
  float* const y = arguments.y;
  for_elements(arguments.count, aligned(a, y), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    const Pack<kWidth> value =
        apply_binary(arguments.function, load<kWidth>(a + i),
                     load_repeated<kWidth>(b, arguments.b_count, i));
    store_sum(y + i, map(value, [&](float v) { return arguments.alpha * v; }), arguments.beta);
  });
}
EMULATOR_KERNEL(binary)

extern "C" __global__ void __launch_bounds__(kThreads)
    fill(const __grid_constant__ clessidra_fill arguments) {
  float* const y = arguments.y;
  for_elements(arguments.count, aligned(y), [&]<int kWidth>(int64_t i, Width<kWidth>) {
    store(y + i, map(Pack<kWidth>{}, [&](float) { return arguments.value; }));
  });
}
EMULATOR_KERNEL(fill)

extern "C" __global__ void __launch_bounds__(kThreads)
    copy(const __grid_constant__ clessidra_copy arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  const int64_t columns = arguments.columns;
  // Groups of four must not reach over the end of a row, unless rows follow one another in both.
  const bool dense = arguments.ldx == columns && arguments.ldy == columns;
  const bool whole = columns % 4 == 0 && arguments.ldx % 4 == 0 && arguments.ldy % 4 == 0;
  for_elements(arguments.rows * columns, aligned(x, y) && (dense || whole),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Division place = dense ? Division{0, i} : divide(i, columns);
                 const float* const from = x + place.quotient * arguments.ldx + place.remainder;
                 float* const to = y + place.quotient * arguments.ldy + place.remainder;
                 store_sum(to, load<kWidth>(from), arguments.beta);
               });
}
EMULATOR_KERNEL(copy)

extern "C" __global__ void __launch_bounds__(kThreads)
    repeat_rows(const __grid_constant__ clessidra_repeat_rows arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  const int64_t columns = arguments.columns;
  for_elements(arguments.rows * arguments.repeats * columns, columns % 4 == 0 && aligned(x, y),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Division place = divide(i, columns);
                 const int64_t row = divide(place.quotient, arguments.repeats).quotient;
                 store(y + i, load<kWidth>(x + row * columns + place.remainder));
               });
}
EMULATOR_KERNEL(repeat_rows)

extern "C" __global__ void __launch_bounds__(kThreads)
    repeat_rows_backward(const __grid_constant__ clessidra_repeat_rows_backward arguments) {
  float* const dx = arguments.dx;
  const int64_t columns = arguments.columns;
  const int64_t repeats = arguments.repeats;
  for_elements(arguments.rows * columns, columns % 4 == 0 && aligned(arguments.dy, dx),
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Division place = divide(i, columns);
                 const float* const dy =
                     arguments.dy + place.quotient * repeats * columns + place.remainder;
                 Pack<kWidth> sum = load<kWidth>(dy);
                 for (int64_t j = 1; j < repeats; ++j) {
                   sum = map(sum, load<kWidth>(dy + j * columns),
                             [](float a, float b) { return a + b; });
                 }
                 store_sum(dx + i, sum, arguments.beta);
               });
}
EMULATOR_KERNEL(repeat_rows_backward)

}  // namespace clessidra
