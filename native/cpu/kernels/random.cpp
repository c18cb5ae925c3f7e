// Random numbers and noise: kLanes Philox blocks at a time, a word of each in one UintVec.
#include "kernel_table.h"
#include "simd.h"

#include "clessidra/random.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Elements that one round of the generator gives.
constexpr int64_t kBatch = 4 * kLanes;

// Philox as in clessidra/random.h, for blocks block, block + 1, ...
CLESSIDRA_FUNCTION void random_words(int64_t block, uint32_t stream, uint64_t step, uint64_t seed,
                                     UintVec (&words)[4]) {
  words[0] = static_cast<uint32_t>(block) + reinterpret_cast<UintVec>(lane_indices());
  words[1] = UintVec{} + stream;
  words[2] = UintVec{} + static_cast<uint32_t>(step);
  words[3] = UintVec{} + static_cast<uint32_t>(step >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed);
  uint32_t k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    UintVec high0, low0, high1, low1;
    multiply_wide(words[0], 0xD2511F53u, high0, low0);
    multiply_wide(words[2], 0xCD9E8D57u, high1, low1);
    words[0] = high1 ^ words[1] ^ k0;
    words[1] = low1;
    words[2] = high0 ^ words[3] ^ k1;
    words[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

CLESSIDRA_FUNCTION Vec unit_uniform(UintVec word) {
  return to_float(reinterpret_cast<IntVec>(word >> 8)) * broadcast(0x1p-24f);
}

struct Uniform {
  Vec low, range;

  CLESSIDRA_FUNCTION void operator()(const UintVec (&words)[4], Vec (&values)[4]) const {
    for (int j = 0; j < 4; ++j) values[j] = fma(unit_uniform(words[j]), range, low);
  }
};

struct Normal {
  Vec mean, deviation;

  CLESSIDRA_FUNCTION void operator()(const UintVec (&words)[4], Vec (&values)[4]) const {
    for (int j = 0; j < 4; j += 2) {
      const Vec u = to_float(reinterpret_cast<IntVec>((words[j] >> 8) + 1)) * broadcast(0x1p-24f);
      const Vec r = square_root(broadcast(-2.0f) * logarithm_of_positive(u));
      Vec cosine, sine;
      cosine_and_sine_of_turns(unit_uniform(words[j + 1]), cosine, sine);
      values[j] = fma(r * cosine, deviation, mean);
      values[j + 1] = fma(r * sine, deviation, mean);
    }
  }
};

// Calls consume(i, n, values) for Vecs of random values in the order of the elements;
// begin is a multiple of kBatch.
template <class Values, class Consume>
CLESSIDRA_FUNCTION void for_random(int64_t begin, int64_t end, uint32_t stream, uint64_t step,
                                   uint64_t seed, const Values& values_of,
                                   const Consume& consume) {
  for (int64_t i = begin; i < end; i += kBatch) {
    UintVec words[4];
    random_words(i / 4, stream, step, seed, words);
    Vec values[4];
    values_of(words, values);
    // Lane l of values[j] is element 4 * l + j.
    Vec even[2], odd[2];
    interleave(values[0], values[2], even[0], even[1]);
    interleave(values[1], values[3], odd[0], odd[1]);
    interleave(even[0], odd[0], values[0], values[1]);
    interleave(even[1], odd[1], values[2], values[3]);
    if (i + kBatch <= end) {
      for (int j = 0; j < 4; ++j) consume(i + j * kLanes, Whole{}, values[j]);
    } else {
      for (int j = 0; j < 4; ++j) {
        const int64_t left = end - i - j * kLanes;
        if (left > 0) consume(i + j * kLanes, left < kLanes ? left : int64_t{kLanes}, values[j]);
      }
    }
  }
}

}  // namespace

void random(ThreadPool& threads, const clessidra_random& arguments) {
  const uint64_t step = *arguments.step;
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    float* const y = arguments.y;
    const auto write = [=](int64_t i, auto n, Vec value) { store_part(y + i, value, n); };
    const Vec a = broadcast(arguments.a);
    if (arguments.distribution == CLESSIDRA_NORMAL) {
      const Normal normal{a, broadcast(arguments.b)};
      for_random(begin, end, arguments.stream, step, arguments.seed, normal, write);
    } else {
      const Uniform uniform{a, broadcast(arguments.b) - a};
      for_random(begin, end, arguments.stream, step, arguments.seed, uniform, write);
    }
  });
}

void reparameterize(ThreadPool& threads, const clessidra_reparameterize& arguments) {
  const uint64_t step = *arguments.step;
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const mean = arguments.mean;
    const float* const log_variance = arguments.log_variance;
    float* const z = arguments.z;
    const Vec half = broadcast(0.5f);
    const Normal standard{broadcast(0.0f), broadcast(1.0f)};
    for_random(begin, end, arguments.stream, step, arguments.seed, standard,
               [=](int64_t i, auto n, Vec e) {
                 const Vec deviation = exponential(half * load_part(log_variance + i, n));
                 store_part(z + i, fma(deviation, e, load_part(mean + i, n)), n);
               });
  });
}

void reparameterize_backward(ThreadPool& threads,
                             const clessidra_reparameterize_backward& arguments) {
  const uint64_t step = *arguments.step;
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const dz = arguments.dz;
    const float* const log_variance = arguments.log_variance;
    float* const dlog_variance = arguments.dlog_variance;
    const Vec half = broadcast(0.5f);
    const Vec beta = broadcast(arguments.beta);
    const Normal standard{broadcast(0.0f), broadcast(1.0f)};
    with_flag(arguments.beta != 0.0f, [&](auto accumulate) {
      for_random(begin, end, arguments.stream, step, arguments.seed, standard,
                 [=](int64_t i, auto n, Vec e) {
                   const Vec deviation = exponential(half * load_part(log_variance + i, n));
                   const Vec gradient = half * e * deviation;
                   Vec value = load_part(dz + i, n);
                   if constexpr (accumulate) {
                     value = fma(value, gradient, beta * load_part(dlog_variance + i, n));
                   } else {
                     value = value * gradient;
                   }
                   store_part(dlog_variance + i, value, n);
                 });
    });
  });
}

void mask_noise(ThreadPool& threads, const clessidra_mask_noise& arguments) {
  const uint64_t step = *arguments.step;
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const x = arguments.x;
    float* const y = arguments.y;
    const Vec probability = broadcast(arguments.probability);
    const Vec scale = broadcast(arguments.scale);
    const Uniform unit{broadcast(0.0f), broadcast(1.0f)};
    for_random(begin, end, arguments.stream, step, arguments.seed, unit,
               [=](int64_t i, auto n, Vec u) {
                 const Vec kept = load_part(x + i, n) * scale;
                 store_part(y + i, u >= probability ? kept : Vec{}, n);
               });
  });
}

void binarize(ThreadPool& threads, const clessidra_binarize& arguments) {
  const uint64_t step = *arguments.step;
  threads.for_ranges(arguments.count, kGrain, [&](int64_t begin, int64_t end) {
    const float* const x = arguments.x;
    float* const y = arguments.y;
    const Vec one = broadcast(1.0f);
    const Uniform unit{broadcast(0.0f), one};
    for_random(begin, end, arguments.stream, step, arguments.seed, unit,
               [=](int64_t i, auto n, Vec u) {
                 store_part(y + i, u < load_part(x + i, n) ? one : Vec{}, n);
               });
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
