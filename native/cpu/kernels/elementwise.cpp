// Element by element: bound by memory, so one pass over it.
#include <algorithm>
#include <cstring>

#include "activation.h"
#include "kernel_table.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

template <int kFunction>
CLESSIDRA_FUNCTION Vec apply_unary(Vec x, Vec alpha, Vec shift) {
  const Vec zero = broadcast(0.0f);
  const Vec one = broadcast(1.0f);
  if constexpr (kFunction == CLESSIDRA_AFFINE) return fma(alpha, x, shift);
  if constexpr (kFunction == CLESSIDRA_SQUARE) return x * x;
  if constexpr (kFunction == CLESSIDRA_SQUARE_ROOT) return square_root(x);
  if constexpr (kFunction == CLESSIDRA_EXP) return exponential(x);
  if constexpr (kFunction == CLESSIDRA_LOG) return logarithm(x);
  if constexpr (kFunction == CLESSIDRA_ABSOLUTE) return absolute(x);
  if constexpr (kFunction == CLESSIDRA_SIGN) return x > zero ? one : (x < zero ? -one : zero);
  if constexpr (kFunction == CLESSIDRA_RECIPROCAL) return one / x;
}

template <int kFunction>
CLESSIDRA_FUNCTION Vec apply_binary(Vec a, Vec b) {
  if constexpr (kFunction == CLESSIDRA_ADD) return a + b;
  if constexpr (kFunction == CLESSIDRA_SUBTRACT) return a - b;
  if constexpr (kFunction == CLESSIDRA_MULTIPLY) return a * b;
  if constexpr (kFunction == CLESSIDRA_DIVIDE) return a / b;
}

template <int kFunction>
void run_unary(ThreadPool& threads, const clessidra_unary& arguments) {
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const x = arguments.x;
    float* const y = arguments.y;
    const Vec alpha = broadcast(arguments.alpha);
    const Vec shift = broadcast(arguments.shift);
    const Vec beta = broadcast(arguments.beta);
    with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
      for_vectors(begin, end, [&](int64_t i, auto n) {
        Vec value = apply_unary<kFunction>(load_part(x + i, n), alpha, shift);
        if constexpr (accumulate) value = beta * load_part(y + i, n) + value;
        store_part(y + i, value, n);
      });
    });
  });
}

// y = beta * y + alpha * f(a, b_of(i, n)) for one range.
template <int kFunction, class Operand>
CLESSIDRA_FUNCTION void run_binary_range(const clessidra_binary& arguments, int64_t begin,
                                         int64_t end, const Operand& b_of) {
  const float* const a = arguments.a;
  float* const y = arguments.y;
  const Vec alpha = broadcast(arguments.alpha);
  const Vec beta = broadcast(arguments.beta);
  with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
    for_vectors(begin, end, [&](int64_t i, auto n) {
      Vec value = alpha * apply_binary<kFunction>(load_part(a + i, n), b_of(i, n));
      if constexpr (accumulate) value = beta * load_part(y + i, n) + value;
      store_part(y + i, value, n);
    });
  });
}

template <int kFunction>
void run_binary(ThreadPool& threads, const clessidra_binary& arguments) {
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const int64_t b_count = arguments.b_count;
    if (b_count == 1) {
      const Vec b = broadcast(arguments.b[0]);
      run_binary_range<kFunction>(arguments, begin, end, [&](int64_t, auto) { return b; });
      return;
    }
    // One run a row of b; elementwise is a single row.
    for (int64_t i = begin; i < end;) {
      const int64_t column = i % b_count;
      const int64_t row_end = i + b_count - column;
      const int64_t run_end = row_end < end ? row_end : end;
      const float* const b = arguments.b + column - i;
      run_binary_range<kFunction>(arguments, i, run_end,
                                  [&](int64_t j, auto n) { return load_part(b + j, n); });
      i = run_end;
    }
  });
}

// Whether the result is too large to be found in a cache again, in rows that are whole vectors or so
// long that what is beside them does not count.
bool streams(const clessidra_copy& arguments) {
  constexpr int64_t kCached = 1 << 20;
  constexpr int64_t kLong = 1 << 10;
  if (arguments.beta != 0.0f || arguments.rows * arguments.columns <= kCached) return false;
  const bool whole = arguments.columns % kLanes == 0 && arguments.ldy % kLanes == 0 &&
                     reinterpret_cast<uintptr_t>(arguments.y) % sizeof(Vec) == 0;
  return whole || arguments.columns >= kLong;
}

// y = x past the caches, but for what does not fill a vector at either end.
void stream_run(const float* x, float* y, int64_t count) {
  const int64_t before = -static_cast<int64_t>(reinterpret_cast<uintptr_t>(y) / sizeof(float));
  int64_t i = std::min<int64_t>(before & (kLanes - 1), count);
  if (i > 0) store_part(y, load_part(x, i), i);
  for (; i + kLanes <= count; i += kLanes) stream(y + i, load(x + i));
  if (i < count) store_part(y + i, load_part(x + i, count - i), count - i);
}

}  // namespace

void activation_forward(ThreadPool& threads, const clessidra_activation_forward& arguments) {
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const x = arguments.x;
    float* const y = arguments.y;
    const Vec slope = broadcast(arguments.slope);
    with_activation(arguments.activation, [&](auto activation) {
      for_vectors(begin, end, [&](int64_t i, auto n) {
        store_part(y + i, activate<activation>(load_part(x + i, n), slope), n);
      });
    });
  });
}

void activation_backward(ThreadPool& threads, const clessidra_activation_backward& arguments) {
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const dy = arguments.dy;
    const float* const y = arguments.y;
    float* const dx = arguments.dx;
    const Vec slope = broadcast(arguments.slope);
    const Vec beta = broadcast(arguments.beta);
    with_activation(arguments.activation, [&](auto activation) {
      with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
        for_vectors(begin, end, [&](int64_t i, auto n) {
          const Vec derivative = activation_derivative<activation>(load_part(y + i, n), slope);
          const Vec upstream = load_part(dy + i, n);
          if constexpr (accumulate) {
            store_part(dx + i, fma(upstream, derivative, beta * load_part(dx + i, n)), n);
          } else {
            store_part(dx + i, upstream * derivative, n);
          }
        });
      });
    });
  });
}

void unary(ThreadPool& threads, const clessidra_unary& arguments) {
  switch (arguments.function) {
    case CLESSIDRA_AFFINE:
      return run_unary<CLESSIDRA_AFFINE>(threads, arguments);
    case CLESSIDRA_SQUARE:
      return run_unary<CLESSIDRA_SQUARE>(threads, arguments);
    case CLESSIDRA_SQUARE_ROOT:
      return run_unary<CLESSIDRA_SQUARE_ROOT>(threads, arguments);
    case CLESSIDRA_EXP:
      return run_unary<CLESSIDRA_EXP>(threads, arguments);
    case CLESSIDRA_LOG:
      return run_unary<CLESSIDRA_LOG>(threads, arguments);
    case CLESSIDRA_ABSOLUTE:
      return run_unary<CLESSIDRA_ABSOLUTE>(threads, arguments);
    case CLESSIDRA_SIGN:
      return run_unary<CLESSIDRA_SIGN>(threads, arguments);
    case CLESSIDRA_RECIPROCAL:
      return run_unary<CLESSIDRA_RECIPROCAL>(threads, arguments);
  }
}

void binary(ThreadPool& threads, const clessidra_binary& arguments) {
  switch (arguments.function) {
    case CLESSIDRA_ADD:
      return run_binary<CLESSIDRA_ADD>(threads, arguments);
    case CLESSIDRA_SUBTRACT:
      return run_binary<CLESSIDRA_SUBTRACT>(threads, arguments);
    case CLESSIDRA_MULTIPLY:
      return run_binary<CLESSIDRA_MULTIPLY>(threads, arguments);
    case CLESSIDRA_DIVIDE:
      return run_binary<CLESSIDRA_DIVIDE>(threads, arguments);
  }
}

void fill(ThreadPool& threads, const clessidra_fill& arguments) {
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    float* const y = arguments.y;
    const Vec value = broadcast(arguments.value);
    for_vectors(begin, end, [&](int64_t i, auto n) { store_part(y + i, value, n); });
  });
}

void copy(ThreadPool& threads, const clessidra_copy& arguments) {
  // Streamed, what is overwritten is not read: a third of the traffic less.
  const bool streamed = streams(arguments);
  const auto copy_run = [&](const float* x, float* y, int64_t count) {
    if (streamed) {
      stream_run(x, y, count);
      return;
    }
    if (arguments.beta == 0.0f) {
      std::memcpy(y, x, static_cast<size_t>(count) * sizeof(float));
      return;
    }
    const Vec beta = broadcast(arguments.beta);
    for_vectors(0, count, [&](int64_t i, auto n) {
      store_part(y + i, beta * load_part(y + i, n) + load_part(x + i, n), n);
    });
  };
  const int64_t columns = arguments.columns;
  if (columns == 0) return;
  if (arguments.rows == 1 || (arguments.ldx == columns && arguments.ldy == columns)) {
    threads.for_ranges(arguments.rows * columns, kGrain, [&](int64_t begin, int64_t end) {
      copy_run(arguments.x + begin, arguments.y + begin, end - begin);
      if (streamed) finish_streams();
    });
    return;
  }
  threads.for_ranges(arguments.rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      copy_run(arguments.x + row * arguments.ldx, arguments.y + row * arguments.ldy, columns);
    }
    if (streamed) finish_streams();
  });
}

void repeat_rows(ThreadPool& threads, const clessidra_repeat_rows& arguments) {
  const int64_t columns = arguments.columns;
  const int64_t rows = arguments.rows * arguments.repeats;
  if (columns == 0) return;
  threads.for_ranges(rows, grain_rows(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      std::memcpy(arguments.y + row * columns, arguments.x + row / arguments.repeats * columns,
                  static_cast<size_t>(columns) * sizeof(float));
    }
  });
}

void repeat_rows_backward(ThreadPool& threads, const clessidra_repeat_rows_backward& arguments) {
  const int64_t columns = arguments.columns;
  const int64_t repeats = arguments.repeats;
  threads.for_ranges(arguments.rows, grain_rows(repeats * columns), [&](int64_t first, int64_t last) {
    const Vec beta = broadcast(arguments.beta);
    with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
      for (int64_t row = first; row < last; ++row) {
        const float* const dy = arguments.dy + row * repeats * columns;
        float* const dx = arguments.dx + row * columns;
        for_vectors(0, columns, [&](int64_t i, auto n) {
          Vec sum = load_part(dy + i, n);
          for (int64_t j = 1; j < repeats; ++j) sum += load_part(dy + j * columns + i, n);
          if constexpr (accumulate) sum = beta * load_part(dx + i, n) + sum;
          store_part(dx + i, sum, n);
        });
      }
    });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
