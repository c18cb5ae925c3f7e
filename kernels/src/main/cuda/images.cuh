// The elements of images [images, height, width, channels].
#ifndef CLESSIDRA_CUDA_IMAGES_CUH
#define CLESSIDRA_CUDA_IMAGES_CUH

#include "kernel.cuh"

namespace clessidra {

struct Place {
  int64_t index;  // of the element in the images
  int32_t image, row, column, channel;
};

// All threads of the grid call body(place, Width<4>) for groups of four channels of a pixel, or
// body(place, Width<1>) for each channel where four cannot be moved at once; `vectors` says that the
// pointers allow it.
template <class Body>
__device__ inline void for_pixels(int64_t images, int64_t height, int64_t width, int64_t channels,
                                  bool vectors, const Body& body) {
  for_elements(images * height * width * channels, vectors && channels % 4 == 0,
               [&]<int kWidth>(int64_t i, Width<kWidth>) {
                 const Division pixel = divide(i, channels);
                 const Division line = divide(pixel.quotient, width);
                 const Division image = divide(line.quotient, height);
                 body(Place{i, static_cast<int32_t>(image.quotient),
                            static_cast<int32_t>(image.remainder),
                            static_cast<int32_t>(line.remainder),
                            static_cast<int32_t>(pixel.remainder)},
                      Width<kWidth>{});
               });
}

// Linear between two.
template <int kWidth>
__device__ inline Pack<kWidth> between(float fraction, const Pack<kWidth>& low,
                                       const Pack<kWidth>& high) {
  return map(low, high, [=](float a, float b) { return fma(fraction, b - a, a); });
}

}  // namespace clessidra

#endif
