// How the gradient of a filter is split, and where the pixels of a bilinear up-sampling lie: integer
// arithmetic that every device shares.
#ifndef CLESSIDRA_CONVOLUTION_H
#define CLESSIDRA_CONVOLUTION_H

#include "clessidra/kernels.h"
#include "clessidra/primitives.h"

namespace clessidra {

// Output pixels of a chunk of clessidra_conv2d_backward_filter: few enough that small filters give
// work to a whole GPU, and so many that the results of the chunks take at most 16 MiB or one filter.
CLESSIDRA_FUNCTION int64_t pixels_per_chunk(int64_t pixels, int64_t filter_elements) {
  const int64_t wanted = (int64_t{1} << 22) / (filter_elements > 0 ? filter_elements : 1);
  const int64_t chunks = wanted < 1 ? 1 : (wanted > 256 ? 256 : wanted);
  const int64_t even = (pixels + chunks - 1) / chunks;
  return even < 256 ? 256 : even;
}

// Tiles of a chunk by Winograd's algorithm, with 36 floats of results for each pair of a filter and a
// channel: at least as many pixels, and enough that the results do not outweigh them.
CLESSIDRA_FUNCTION int64_t tiles_per_chunk(int64_t tiles, int64_t pairs) {
  const int64_t wanted = (int64_t{1} << 22) / (pairs > 0 ? 36 * pairs : 1);
  const int64_t chunks = wanted < 1 ? 1 : (wanted > 256 ? 256 : wanted);
  const int64_t even = (tiles + chunks - 1) / chunks;
  return even < 128 ? 128 : even;
}

// The two rows (or columns) between which clessidra_upsample reads, and the fraction.
struct BilinearPosition {
  int64_t low, high;
  float fraction;
};
CLESSIDRA_FUNCTION BilinearPosition bilinear_position(int64_t i, int64_t size, int64_t output_size) {
  const int64_t n = (2 * i + 1) * size - output_size;
  const int64_t position = n < 0 ? 0 : n;
  const int64_t low = position / (2 * output_size);
  const int64_t high = low + 1 < size ? low + 1 : size - 1;
  const float fraction =
      static_cast<float>(position % (2 * output_size)) / static_cast<float>(2 * output_size);
  return {low, high, fraction};
}
// The first output row (or column) whose low is at least `low`; output_size when there is none.
CLESSIDRA_FUNCTION int64_t first_bilinear(int64_t low, int64_t size, int64_t output_size) {
  if (low <= 0) return 0;
  const int64_t twice = (2 * low + 1) * output_size - size;
  const int64_t first = twice <= 0 ? 0 : (twice + 2 * size - 1) / (2 * size);
  return first < output_size ? first : output_size;
}

// The first output row (or column) that reads `i` or one after it as its nearest.
CLESSIDRA_FUNCTION int64_t first_nearest(int64_t i, int64_t size, int64_t output_size) {
  return (i * output_size + size - 1) / size;
}

}  // namespace clessidra

#endif
