// Random numbers and noise: a thread takes the four elements of a Philox block.
#include "clessidra/random.h"
#include "kernel.cuh"

namespace clessidra {

namespace {

struct Uniform {
  float low, range;

  __device__ Pack<4> operator()(const Words& words) const {
    Pack<4> values;
    CLESSIDRA_UNROLL
    for (int j = 0; j < 4; ++j) values.v[j] = fma(unit_uniform(words.w[j]), range, low);
    return values;
  }
};

struct Normal {
  float mean, deviation;

  __device__ Pack<4> operator()(const Words& words) const {
    Pack<4> values;
    CLESSIDRA_UNROLL
    for (int j = 0; j < 4; j += 2) {
      const float u = static_cast<float>((words.w[j] >> 8) + 1) * 0x1p-24f;
      const float r = square_root(-2.0f * logarithm(u));
      float cosine, sine;
      cosine_and_sine_of_turns(unit_uniform(words.w[j + 1]), cosine, sine);
      values.v[j] = fma(r * cosine, deviation, mean);
      values.v[j + 1] = fma(r * sine, deviation, mean);
    }
    return values;
  }
};

// Calls consume(i, values, n) for elements i to i + n - 1, n = 4 but for the last.
template <class Values, class Consume>
__device__ inline void for_random(int64_t count, uint32_t stream, uint64_t step, uint64_t seed,
                                  const Values& values_of, const Consume& consume) {
  const int64_t blocks = (count + 3) / 4;
  for (int64_t block = thread_of_grid(); block < blocks; block += threads_of_grid()) {
    const Words words = random_words(static_cast<uint64_t>(block), stream, step, seed);
    const int64_t left = count - 4 * block;
    consume(4 * block, values_of(words), left < 4 ? static_cast<int>(left) : 4);
  }
}

}  // namespace

// Not `random`, which is a function of the C library.
extern "C" __global__ void __launch_bounds__(kThreads)
    random_numbers(const __grid_constant__ clessidra_random arguments) {
  float* const y = arguments.y;
  const bool vectors = aligned(y);
  const auto write = [&](int64_t i, const Pack<4>& values, int n) {
    if (vectors && n == 4) {
      store(y + i, values);
    } else {
      CLESSIDRA_UNROLL
      for (int j = 0; j < 4; ++j) {
        if (j < n) y[i + j] = values.v[j];
      }
    }
  };
  const uint64_t step = *arguments.step;
  if (arguments.distribution == CLESSIDRA_NORMAL) {
    const Normal normal{arguments.a, arguments.b};
    for_random(arguments.count, arguments.stream, step, arguments.seed, normal, write);
  } else {
    const Uniform uniform{arguments.a, arguments.b - arguments.a};
    for_random(arguments.count, arguments.stream, step, arguments.seed, uniform, write);
  }
}
EMULATOR_KERNEL(random_numbers)

extern "C" __global__ void __launch_bounds__(kThreads)
    mask_noise(const __grid_constant__ clessidra_mask_noise arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  const bool vectors = aligned(x, y);
  const auto noise = [&](float value, float u) {
    return u >= arguments.probability ? value * arguments.scale : 0.0f;
  };
  for_random(arguments.count, arguments.stream, *arguments.step, arguments.seed,
             Uniform{0.0f, 1.0f}, [&](int64_t i, const Pack<4>& u, int n) {
               if (vectors && n == 4) {
                 store(y + i, map(load<4>(x + i), u, noise));
               } else {
                 CLESSIDRA_UNROLL
                 for (int j = 0; j < 4; ++j) {
                   if (j < n) y[i + j] = noise(x[i + j], u.v[j]);
                 }
               }
             });
}
EMULATOR_KERNEL(mask_noise)

}  // namespace clessidra
