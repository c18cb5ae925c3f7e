// The k largest of each row, by radix selection: the digits of the k-th largest key are found from
// the highest on, each by a histogram of the keys that agree with the digits found so far.
#include "kernel.cuh"

namespace clessidra {

namespace {

constexpr int kDigitBits = 8;
constexpr int kDigits = 1 << kDigitBits;
static_assert(kDigits == kThreads);

// Unsigned integers in the order of the floats: -0 is 0, NaN is below all.
__device__ inline uint32_t ordered(float x) {
  if (x != x) return 0;
  const uint32_t i = static_cast<uint32_t>(bits(x + 0.0f));
  return i >> 31 ? ~i : i | 0x80000000u;
}

struct Selection {
  uint32_t threshold;  // the key of the k-th largest
  int32_t ties;        // how many of the keys equal to it are kept
  int32_t equal;       // how many there are
};

// Every thread of the block gets the selection.
__device__ inline Selection select(const float* x, int32_t columns, int32_t k) {
  __shared__ int32_t histogram[kDigits];
  __shared__ Selection shared;
  const int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) shared = {0, k, columns};
  for (int shift = 32 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    histogram[thread] = 0;
    __syncthreads();
    const Selection found = shared;
    const uint32_t known = shift == 32 - kDigitBits ? 0 : ~0u << (shift + kDigitBits);
    for (int32_t i = thread; i < columns; i += kThreads) {
      const uint32_t key = ordered(x[i]);
      if ((key & known) == found.threshold) {
        atomicAdd(&histogram[key >> shift & (kDigits - 1)], 1);
      }
    }
    __syncthreads();
    // The first warp looks for the digit that the wanted key has; a lane sums a run of digits.
    if (thread < kWarp) {
      constexpr int kRun = kDigits / kWarp;
      int32_t own = 0;
      for (int d = 0; d < kRun; ++d) own += histogram[thread * kRun + d];
      // What stands in this lane's run and the runs above it.
      int32_t from = own;
      CLESSIDRA_UNROLL
      for (int stride = 1; stride < kWarp; stride *= 2) {
        const int32_t above = __shfl_down_sync(kAllLanes, from, stride);
        if (thread + stride < kWarp) from += above;
      }
      int32_t above = from - own;
      if (above < found.ties && from >= found.ties) {
        int digit = thread * kRun + kRun - 1;
        for (; above + histogram[digit] < found.ties; --digit) above += histogram[digit];
        shared = {found.threshold | static_cast<uint32_t>(digit) << shift, found.ties - above,
                  histogram[digit]};
      }
    }
    __syncthreads();
  }
  return shared;
}

// The column behind the last of the first `ties` columns with this key.
__device__ inline int32_t end_of_ties(const float* x, int32_t columns, uint32_t key,
                                      int32_t ties) {
  __shared__ int32_t shared_end;
  const int lane = static_cast<int>(threadIdx.x);
  if (lane < kWarp) {
    int32_t left = ties;
    for (int64_t begin = 0; left > 0; begin += kWarp) {
      const int64_t column = begin + lane;
      const bool equal = column < columns && ordered(x[column]) == key;
      const unsigned lanes = __ballot_sync(kAllLanes, equal);
      const int32_t before = __popc(lanes & ((1u << lane) - 1));
      if (equal && before + 1 == left) shared_end = static_cast<int32_t>(column + 1);
      left -= __popc(lanes);
    }
  }
  __syncthreads();
  return shared_end;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    top_k(const __grid_constant__ clessidra_top_k arguments) {
  const int32_t columns = arguments.columns;
  for (int64_t row = blockIdx.x; row < arguments.rows; row += gridDim.x) {
    const float* const x = arguments.x + row * columns;
    float* const y = arguments.y + row * columns;
    float* const mask = arguments.mask + row * columns;
    const Selection selection = select(x, columns, arguments.k);
    const int32_t end =
        selection.ties == selection.equal
            ? columns
            : end_of_ties(x, columns, selection.threshold, selection.ties);
    for (int32_t i = static_cast<int>(threadIdx.x); i < columns; i += kThreads) {
      const float value = x[i];
      const uint32_t key = ordered(value);
      const bool kept = key > selection.threshold || (key == selection.threshold && i < end);
      y[i] = kept ? value : 0.0f;
      mask[i] = kept ? 1.0f : 0.0f;
    }
    // The next row uses the same shared memory.
    __syncthreads();
  }
}
EMULATOR_KERNEL(top_k)

}  // namespace clessidra
