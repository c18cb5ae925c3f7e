// The one order in which numbers are summed; see the top of clessidra/kernels.h. A warp takes a
// chunk, its lanes are the lanes of the definition; a term is a function of the element's index.
//
// No level of the tree is skipped where it has just one number: such a sum leaves it as it is, since
// what has once been added to +0 is never -0.
#ifndef CLESSIDRA_CUDA_REDUCTION_CUH
#define CLESSIDRA_CUDA_REDUCTION_CUH

#include "kernel.cuh"

namespace clessidra {

static_assert(CLESSIDRA_SUM_LANES == kWarp);
constexpr int64_t kSumChunk = CLESSIDRA_SUM_CHUNK;
constexpr int kWarps = kThreads / kWarp;

__device__ inline int lane_of_warp() { return static_cast<int>(threadIdx.x) % kWarp; }
__device__ inline int warp_of_block() { return static_cast<int>(threadIdx.x) / kWarp; }

__host__ __device__ constexpr int64_t chunks_of(int64_t count) {
  return (count + kSumChunk - 1) / kSumChunk;
}
__device__ inline int64_t end_of_chunk(int64_t chunk, int64_t count) {
  const int64_t end = (chunk + 1) * kSumChunk;
  return end < count ? end : count;
}

struct Add {
  static constexpr float kStart = 0.0f;
  __device__ static float combine(float result, float x) { return result + x; }
};
// The larger, NaN ignored; a zero may have either sign.
struct Larger {
  static constexpr float kStart = -__builtin_inff();
  __device__ static float combine(float result, float x) { return x > result ? x : result; }
};

// The terms [begin, end) combined by a warp, the result in lane 0. kLoads: terms that are on their
// way at a time.
template <class Combine, int kLoads = 16, class Term>
__device__ inline float combine_chunk(int64_t begin, int64_t end, const Term& term) {
  float result = Combine::kStart;
  int64_t i = begin + lane_of_warp();
  for (; i + (kLoads - 1) * kWarp < end; i += kLoads * kWarp) {
    float terms[kLoads];
    CLESSIDRA_UNROLL
    for (int j = 0; j < kLoads; ++j) terms[j] = term(i + j * kWarp);
    CLESSIDRA_UNROLL
    for (int j = 0; j < kLoads; ++j) result = Combine::combine(result, terms[j]);
  }
  for (; i < end; i += kWarp) result = Combine::combine(result, term(i));
  // A lane whose partner is not there gets its own number, and no lane that counts takes it up.
  CLESSIDRA_UNROLL
  for (int stride = kWarp / 2; stride > 0; stride /= 2) {
    result = Combine::combine(result, __shfl_down_sync(kAllLanes, result, stride));
  }
  return result;
}

// The terms of a chunk, in one memory for all combinations of a kernel.
__device__ inline float* terms_of_chunk() {
  __shared__ float terms[kSumChunk];
  return terms;
}

// The first pass over all terms: every block of the grid takes chunks, results[chunk]. All its threads
// evaluate terms, since these may be long; the order in which a warp adds them stays.
template <class Combine, int kLoads = 16, class Term>
__device__ inline void combine_chunks(int64_t count, float* results, const Term& term) {
  static_assert(kSumChunk % (kLoads * kThreads) == 0);
  float* const terms = terms_of_chunk();
  const int64_t chunks = chunks_of(count);
  for (int64_t chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
    const int64_t begin = chunk * kSumChunk;
    const int size = static_cast<int>(end_of_chunk(chunk, count) - begin);
    for (int i = static_cast<int>(threadIdx.x); i < size; i += kLoads * kThreads) {
      float loaded[kLoads];
      CLESSIDRA_UNROLL
      for (int j = 0; j < kLoads; ++j) {
        loaded[j] = i + j * kThreads < size ? term(begin + i + j * kThreads) : 0.0f;
      }
      CLESSIDRA_UNROLL
      for (int j = 0; j < kLoads; ++j) terms[i + j * kThreads] = loaded[j];
    }
    __syncthreads();
    if (warp_of_block() == 0) {
      const float result = combine_chunk<Combine>(0, size, [&](int64_t j) { return terms[j]; });
      if (lane_of_warp() == 0) results[chunk] = result;
    }
    __syncthreads();
  }
}

// The rest, by one block: x[0..count), which is overwritten, combined into what thread 0 gets.
template <class Combine>
__device__ inline float combine_in_place(float* x, int64_t count) {
  for (; count > 1; count = chunks_of(count)) {
    // The warps take a chunk each. All have read theirs before any writes its result, which falls
    // on what this turn, or one before it, has read.
    const int64_t chunks = chunks_of(count);
    for (int64_t turn = 0; turn < chunks; turn += kWarps) {
      const int64_t chunk = turn + warp_of_block();
      float result = Combine::kStart;
      if (chunk < chunks) {
        result = combine_chunk<Combine>(chunk * kSumChunk, end_of_chunk(chunk, count),
                                        [=](int64_t i) { return x[i]; });
      }
      __syncthreads();
      if (chunk < chunks && lane_of_warp() == 0) x[chunk] = result;
    }
    __syncthreads();
  }
  return count == 0 ? Combine::kStart : x[0];
}

// The threads that share a row: a few lanes of a warp where they have an element each. The lanes of
// the definition that are not there would add +0.
struct LaneTeam {
  static constexpr int kLanes = 8;

  __device__ static int rank() { return lane_of_warp() % kLanes; }
  __device__ static int size() { return kLanes; }

  // All threads of the team get the result.
  template <class Combine, int kLoads = 1, class Term>
  __device__ static float combine(int32_t count, const Term& term) {
    const unsigned lanes = ((1u << kLanes) - 1) << (lane_of_warp() - rank());
    float result = Combine::kStart;
    if (rank() < count) result = Combine::combine(result, term(rank()));
    CLESSIDRA_UNROLL
    for (int stride = kLanes / 2; stride > 0; stride /= 2) {
      result = Combine::combine(result, __shfl_down_sync(lanes, result, stride, kLanes));
    }
    return __shfl_sync(lanes, result, 0, kLanes);
  }
};

// A warp where the row is one chunk at most.
struct WarpTeam {
  __device__ static int rank() { return lane_of_warp(); }
  __device__ static int size() { return kWarp; }

  template <class Combine, int kLoads = 16, class Term>
  __device__ static float combine(int32_t count, const Term& term) {
    return __shfl_sync(kAllLanes, combine_chunk<Combine, kLoads>(0, count, term), 0);
  }
};

// A block for a longer row. A row of 2^31 - 1 elements has 2^19 chunks, which have 2^7 chunks.
struct BlockTeam {
  static constexpr int64_t kGroup = kSumChunk * kSumChunk;

  struct Results {
    float chunks[kSumChunk];
    float groups[128];
  };
  // One for all combinations of a kernel.
  __device__ static Results& results() {
    __shared__ Results shared;
    return shared;
  }

  __device__ static int rank() { return static_cast<int>(threadIdx.x); }
  __device__ static int size() { return kThreads; }

  template <class Combine, int kLoads = 16, class Term>
  __device__ static float combine(int32_t count, const Term& term) {
    Results& shared = results();
    int group = 0;
    for (int64_t begin = 0; begin < count; begin += kGroup, ++group) {
      const int64_t left = count - begin < kGroup ? count - begin : kGroup;
      const int chunks = static_cast<int>(chunks_of(left));
      for (int chunk = warp_of_block(); chunk < chunks; chunk += kWarps) {
        const int64_t start = begin + chunk * kSumChunk;
        const int64_t end = start + kSumChunk < count ? start + kSumChunk : count;
        const float result = combine_chunk<Combine, kLoads>(start, end, term);
        if (lane_of_warp() == 0) shared.chunks[chunk] = result;
      }
      __syncthreads();
      if (warp_of_block() == 0) {
        const float result =
            combine_chunk<Combine>(0, chunks, [&](int64_t i) { return shared.chunks[i]; });
        if (lane_of_warp() == 0) shared.groups[group] = result;
      }
      __syncthreads();
    }
    if (warp_of_block() == 0) {
      const float result =
          combine_chunk<Combine, 4>(0, group, [&](int64_t i) { return shared.groups[i]; });
      if (lane_of_warp() == 0) shared.chunks[0] = result;
    }
    __syncthreads();
    const float result = shared.chunks[0];
    __syncthreads();
    return result;
  }
};

// All threads of the grid call body(row, team) for their rows.
template <class Body>
__device__ inline void for_rows(int64_t rows, int32_t columns, const Body& body) {
  if (columns <= LaneTeam::kLanes) {
    const int64_t teams = threads_of_grid() / LaneTeam::kLanes;
    for (int64_t row = thread_of_grid() / LaneTeam::kLanes; row < rows; row += teams) {
      body(row, LaneTeam{});
    }
  } else if (columns <= kSumChunk) {
    const int64_t warps = threads_of_grid() / kWarp;
    for (int64_t row = thread_of_grid() / kWarp; row < rows; row += warps) {
      body(row, WarpTeam{});
    }
  } else {
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) body(row, BlockTeam{});
  }
}

}  // namespace clessidra

#endif
