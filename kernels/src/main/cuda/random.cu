// Random numbers and noise.
#include "random.cuh"

namespace clessidra {

// Not `random`, which is a function of the C library.
extern "C" __global__ void __launch_bounds__(kThreads)
    random_numbers(const __grid_constant__ clessidra_random arguments) {
  float* const y = arguments.y;
  const bool vectors = aligned(y);
  const auto write = [=](int64_t i, const auto& values) { store(y + i, values); };
  if (arguments.distribution == CLESSIDRA_NORMAL) {
    for_random(arguments, vectors, Normal{arguments.a, arguments.b}, write);
  } else {
    for_random(arguments, vectors, Uniform{arguments.a, arguments.b - arguments.a}, write);
  }
}
EMULATOR_KERNEL(random_numbers)

extern "C" __global__ void __launch_bounds__(kThreads)
    mask_noise(const __grid_constant__ clessidra_mask_noise arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  for_random(arguments, aligned(x, y), Uniform{0.0f, 1.0f},
             [&]<int kWidth>(int64_t i, const Pack<kWidth>& u) {
               store(y + i, map(load<kWidth>(x + i), u, [&](float value, float drawn) {
                       return drawn >= arguments.probability ? value * arguments.scale : 0.0f;
                     }));
             });
}
EMULATOR_KERNEL(mask_noise)

extern "C" __global__ void __launch_bounds__(kThreads)
    binarize(const __grid_constant__ clessidra_binarize arguments) {
  const float* const x = arguments.x;
  float* const y = arguments.y;
  for_random(arguments, aligned(x, y), Uniform{0.0f, 1.0f},
             [=]<int kWidth>(int64_t i, const Pack<kWidth>& u) {
               store(y + i, map(load<kWidth>(x + i), u, [](float probability, float drawn) {
                       return drawn < probability ? 1.0f : 0.0f;
                     }));
             });
}
EMULATOR_KERNEL(binarize)

}  // namespace clessidra
