// Random numbers element by element: a thread takes the four elements of a Philox block.
#ifndef CLESSIDRA_CUDA_RANDOM_CUH
#define CLESSIDRA_CUDA_RANDOM_CUH

#include "clessidra/random.h"
#include "kernel.cuh"

namespace clessidra {

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
      float first, second;
      unit_normals(words.w[j], words.w[j + 1], first, second);
      values.v[j] = fma(first, deviation, mean);
      values.v[j + 1] = fma(second, deviation, mean);
    }
    return values;
  }
};

// All threads of the grid call body(i, values) with a Pack<4> for whole blocks, where `vectors`
// allows it, and with a Pack<1> for the rest. The operation has the fields count, stream, step, seed.
template <class Operation, class Values, class Body>
__device__ inline void for_random(const Operation& operation, bool vectors, const Values& values_of,
                                  const Body& body) {
  const uint64_t step = *operation.step;
  const int64_t blocks = (operation.count + 3) / 4;
  for (int64_t block = thread_of_grid(); block < blocks; block += threads_of_grid()) {
    const int64_t i = 4 * block;
    const Pack<4> values = values_of(
        random_words(static_cast<uint64_t>(block), operation.stream, step, operation.seed));
    if (vectors && i + 4 <= operation.count) {
      body(i, values);
    } else {
      CLESSIDRA_UNROLL
      for (int j = 0; j < 4; ++j) {
        if (i + j < operation.count) body(i + j, Pack<1>{{values.v[j]}});
      }
    }
  }
}

}  // namespace clessidra

#endif
