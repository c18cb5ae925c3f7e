// Random numbers and noise: kLanes Philox blocks at a time, a word of each in one UintVec.
#include "kernel_table.h"
#include "simd.h"

#include "clessidra/random.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

namespace {

// Elements that one round of the generator gives: a block of four words in each lane.
constexpr int64_t kBatch = 4 * kLanes;

// The block of each lane, in the order that order_blocks needs.
CLESSIDRA_FUNCTION UintVec block_of_lane() {
  UintVec v{};
  for (int i = 0; i < kLanes; ++i) v[i] = i % 4 * (kLanes / 4) + i / 4;
  return v;
}

// Philox as in clessidra/random.h, for kLanes blocks from the first on.
CLESSIDRA_FUNCTION void random_words(int64_t first_block, uint32_t stream, uint64_t step,
                                     uint64_t seed, UintVec (&words)[4]) {
  const IntVec even = lane_indices() & ~1;
  const IntVec odd = lane_indices() | 1;
  // Products take two lanes: one half has the words of the even lanes' blocks, the other those of the
  // odd lanes' blocks, each in its even lanes; what is in the odd ones does not count.
  UintVec halves[2][4];
  for (int h = 0; h < 2; ++h) {
    halves[h][0] = static_cast<uint32_t>(first_block) +
                   __builtin_shuffle(block_of_lane(), h == 0 ? even : odd);
    halves[h][1] = UintVec{} + stream;
    halves[h][2] = UintVec{} + static_cast<uint32_t>(step);
    halves[h][3] = UintVec{} + static_cast<uint32_t>(step >> 32);
  }
  uint32_t k0 = static_cast<uint32_t>(seed);
  uint32_t k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (UintVec(&w)[4] : halves) {
      const UintVec product0 = multiply_even_lanes(w[0], 0xD2511F53u);
      const UintVec product1 = multiply_even_lanes(w[2], 0xCD9E8D57u);
      w[0] = __builtin_shuffle(product1, odd) ^ (w[1] ^ k0);
      w[1] = product1;
      w[2] = __builtin_shuffle(product0, odd) ^ (w[3] ^ k1);
      w[3] = product0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const IntVec own_half = lane_indices() + (lane_indices() & 1) * kLanes;
  for (int j = 0; j < 4; ++j)
    words[j] = __builtin_shuffle(halves[0][j], __builtin_shuffle(halves[1][j], even), own_half);
}

// From a block's four values in each lane to the values in the order of the elements.
CLESSIDRA_FUNCTION void order_blocks(Vec (&values)[4]) {
  // Within each four lanes: a0, b0, a1, b1 and a2, b2, a3, b3.
  const IntVec lane = lane_indices();
  const IntVec low = (lane & ~3) + (lane & 2) / 2 + (lane & 1) * kLanes;
  const Vec low02 = __builtin_shuffle(values[0], values[2], low);
  const Vec high02 = __builtin_shuffle(values[0], values[2], low + 2);
  const Vec low13 = __builtin_shuffle(values[1], values[3], low);
  const Vec high13 = __builtin_shuffle(values[1], values[3], low + 2);
  values[0] = __builtin_shuffle(low02, low13, low);
  values[1] = __builtin_shuffle(low02, low13, low + 2);
  values[2] = __builtin_shuffle(high02, high13, low);
  values[3] = __builtin_shuffle(high02, high13, low + 2);
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
      const Vec r = square_root(broadcast(-2.0f) * logarithm_of_normal(u));
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
    order_blocks(values);
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
