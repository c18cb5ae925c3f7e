// Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011), and the shuffling of a data set.
#ifndef CLESSIDRA_RANDOM_H
#define CLESSIDRA_RANDOM_H

#include "clessidra/math.h"

namespace clessidra {

struct Words {
  uint32_t w[4];
};

CLESSIDRA_FUNCTION Words philox(Words counter, uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key);
  uint32_t k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * counter.w[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * counter.w[2];
    counter = {{static_cast<uint32_t>(p1 >> 32) ^ counter.w[1] ^ k0, static_cast<uint32_t>(p1),
                static_cast<uint32_t>(p0 >> 32) ^ counter.w[3] ^ k1, static_cast<uint32_t>(p0)}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return counter;
}

// The words of elements 4 * block to 4 * block + 3.
CLESSIDRA_FUNCTION Words random_words(uint64_t block, uint32_t stream, uint64_t step,
                                      uint64_t seed) {
  return philox({{static_cast<uint32_t>(block), stream, static_cast<uint32_t>(step),
                  static_cast<uint32_t>(step >> 32)}},
                seed);
}

// [0, 1) in steps of 2^-24.
CLESSIDRA_FUNCTION float unit_uniform(uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

// Two independent normal numbers of mean 0 and standard deviation 1 (Box & Muller 1958).
CLESSIDRA_FUNCTION void unit_normals(uint32_t word0, uint32_t word1, float& first, float& second) {
  const float u = static_cast<float>((word0 >> 8) + 1) * 0x1p-24f;
  const float r = square_root(-2.0f * logarithm_of_normal(u));
  float cosine, sine;
  cosine_and_sine_of_turns(unit_uniform(word1), cosine, sine);
  first = r * cosine;
  second = r * sine;
}

// A bijection of [0, size) that depends on (seed, epoch): a balanced Feistel network of 6 rounds
// on the next power of 4, walked until it falls inside (Black & Rogaway, "Ciphers with arbitrary
// finite domains", CT-RSA 2002); the round function is a Philox word, stream = the round.
// size in [1, 2^62].
CLESSIDRA_FUNCTION uint64_t shuffled(uint64_t index, uint64_t size, uint64_t epoch, uint64_t seed) {
  int half = 1;
  while ((uint64_t{1} << (2 * half)) < size) ++half;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = index >> half;
    uint64_t right = index & mask;
    for (uint32_t round = 0; round < 6; ++round) {
      const uint64_t f = random_words(right, 0xFE15E100u + round, epoch, seed).w[0];
      const uint64_t next = left ^ (f & mask);
      left = right;
      right = next;
    }
    index = (left << half) | right;
  } while (index >= size);
  return index;
}

}  // namespace clessidra

#endif
