// The order in which everything runs comes from here: quick, and the same for the same seed.
#ifndef CLESSIDRA_EMULATOR_RANDOM_H
#define CLESSIDRA_EMULATOR_RANDOM_H

#include <cstdint>

namespace clessidra::emulator {

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // In [0, bound).
  uint32_t below(uint32_t bound) {
    return static_cast<uint32_t>(((next() >> 32) * bound) >> 32);
  }

 private:
  uint64_t state_;
};

}  // namespace clessidra::emulator

#endif
