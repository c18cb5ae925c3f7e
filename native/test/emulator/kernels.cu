// Kernels that keep the rules, and ones that break one rule each when `choice` asks for it.
#ifndef CLESSIDRA_EMULATOR
#include <assert.h>
#define EMULATOR_KERNEL(function)
#define EMULATOR_VARIABLE(variable)
#define EMULATOR_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif

#include "arguments.h"

#define KERNEL(name) extern "C" __global__ void name(const __grid_constant__ arguments a)

__device__ int factor = 3;
EMULATOR_VARIABLE(factor)

__device__ unsigned thread_number() { return blockIdx.x * blockDim.x + threadIdx.x; }

KERNEL(copy) {
  const unsigned i = thread_number();
  if (i < a.count) a.to[i] = a.from[i];
}
EMULATOR_KERNEL(copy)

KERNEL(scale) {
  const unsigned i = thread_number();
  if (i < a.count) a.to[i] = a.from[i] * factor;
}
EMULATOR_KERNEL(scale)

extern "C" __global__ void three_parameters(float* to, char add, double value) {
  to[threadIdx.x] = static_cast<float>(value) + add;
}
EMULATOR_KERNEL(three_parameters)

KERNEL(indices) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  a.to[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000.0f + thread;
}
EMULATOR_KERNEL(indices)

extern "C" __global__ void __launch_bounds__(256)
    reverse_blocks(const __grid_constant__ arguments a) {
  __shared__ float tile[256];
  const unsigned i = thread_number();
  // Two rounds: a barrier that let someone pass too early would mix them.
  for (int round = 0; round < 2; ++round) {
    tile[threadIdx.x] = a.from[i] + round;
    __syncthreads();
    a.to[i] = tile[blockDim.x - 1 - threadIdx.x];
    __syncthreads();
  }
}
EMULATOR_KERNEL(reverse_blocks)

KERNEL(unwritten_shared) {
  __shared__ float tile[64];
  if (threadIdx.x == 0 && a.choice == 1) tile[0] = 1.0f;
  __syncthreads();
  if (threadIdx.x == 0) a.to[blockIdx.x] = tile[blockIdx.x == 0 || a.choice == 2 ? 0 : 1];
  __syncthreads();
  tile[threadIdx.x] = 5.0f;
}
EMULATOR_KERNEL(unwritten_shared)

KERNEL(dynamic_shared) {
  EMULATOR_DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x] = a.from[threadIdx.x];
  __syncthreads();
  a.to[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
  if (a.choice == 1) tile[4 * blockDim.x] = 0.0f;
}
EMULATOR_KERNEL(dynamic_shared)

KERNEL(votes) {
  const unsigned i = threadIdx.x;
  const int counted = __syncthreads_count(i % 3 == 0);
  const int all = __syncthreads_and(i < a.count);
  const int any = __syncthreads_or(i == 5);
  a.to[i] = counted + 1000.0f * all + 10000.0f * any;
}
EMULATOR_KERNEL(votes)

KERNEL(warp_operations) {
  const unsigned i = threadIdx.x;
  const unsigned lane = i % 32;
  const unsigned everyone = 0xffffffffu;
  float* const to = a.to + i * 12;
  float sum = a.from[i];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(everyone, sum, step);
  to[0] = sum;
  to[1] = __shfl_up_sync(everyone, a.from[i], 3);
  to[2] = __shfl_down_sync(everyone, a.from[i], 3, 8);
  to[3] = __shfl_sync(everyone, a.from[i], 2, 16);
  to[4] = __popc(__ballot_sync(everyone, lane % 4 == 1));
  to[5] = __any_sync(everyone, lane == 31) + 2 * __all_sync(everyone, lane < 31);
  to[6] = __popc(__match_any_sync(everyone, lane / 5));
  int all = 0;
  __match_all_sync(everyone, i / 32, &all);
  to[7] = all;
  // Two groups of lanes, each with its own sequence.
  if (lane < 12) {
    const double wide = __shfl_xor_sync(0xfffu, i * 1.5, 1);
    to[8] = static_cast<float>(wide);
    __syncwarp(0xfffu);
  } else {
    to[8] = __shfl_sync(0xfffff000u, static_cast<int>(i), 13);
  }
  __syncwarp();
  to[9] = static_cast<float>(__reduce_add_sync(everyone, lane));
  to[10] = static_cast<float>(__reduce_min_sync(everyone, static_cast<int>(lane) - 7));
  to[11] = static_cast<float>(__reduce_max_sync(everyone, lane ^ 5u));
}
EMULATOR_KERNEL(warp_operations)

KERNEL(atomics) {
  float* const floats = a.to;
  unsigned* const words = reinterpret_cast<unsigned*>(a.to);
  atomicAdd(&floats[0], 1.0f);
  atomicAdd(&words[1], threadIdx.x);
  atomicMax(reinterpret_cast<int*>(&words[2]), static_cast<int>(threadIdx.x) - 50);
  atomicMin(&words[3], threadIdx.x + 7);
  atomicInc(&words[4], 9);
  atomicExch(&words[5], 77u);
  // A lock: whoever waits lets the holder go on.
  if (threadIdx.x % 32 == 0) {
    while (atomicCAS(&words[6], 0u, 1u) != 0) {
    }
    words[7] += 1;
    __threadfence();
    atomicExch(&words[6], 0u);
  }
}
EMULATOR_KERNEL(atomics)

KERNEL(wait_for_word) {
  while (atomicCAS(reinterpret_cast<unsigned*>(a.to), 1u, 1u) != 1) {
    if (a.choice == 1 && threadIdx.x == 0) atomicExch(reinterpret_cast<unsigned*>(a.to), 1u);
  }
}
EMULATOR_KERNEL(wait_for_word)

// to[i] = how many threads came before thread i.
KERNEL(arrival) {
  a.to[thread_number()] =
      static_cast<float>(atomicAdd(reinterpret_cast<unsigned*>(a.to) + a.count, 1u));
}
EMULATOR_KERNEL(arrival)

KERNEL(intrinsics) {
  float* const to = a.to;
  const float x = a.from[0];
  to[0] = __fmaf_rn(x, x, -1.0f);
  to[1] = __fdiv_rn(1.0f, x);
  to[2] = __fsqrt_rn(x);
  to[3] = __frcp_rn(x);
  to[4] = __clz(0x00010000) + 100.0f * __ffs(0x00010000);
  to[5] = __brev(1u) == 0x80000000u && __umulhi(0xffffffffu, 16u) == 15u && __mulhi(-1, 16) == -1;
  to[6] = __int_as_float(__float_as_int(x)) == x;
  to[7] = min(3, 4u) + max(2.5f, x) + fmaxf(1.0f, x);
  to[8] = static_cast<float>(__dadd_rn(1e-9, x));
}
EMULATOR_KERNEL(intrinsics)

// ---- Broken when asked to be

KERNEL(divergent_barrier) {
  if (threadIdx.x % 2 == 0 || a.choice == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
EMULATOR_KERNEL(divergent_barrier)

KERNEL(early_return) {
  if (static_cast<int>(threadIdx.x) == a.choice) return;
  __syncthreads();
}
EMULATOR_KERNEL(early_return)

KERNEL(warp_misuse) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned everyone = 0xffffffffu;
  switch (a.choice) {
    case 1:  // the caller is not named
      __shfl_sync(everyone & ~8u, 1.0f, 0);
      break;
    case 2:  // not the same call
      if (lane < 16) {
        __shfl_sync(everyone, 1.0f, 0);
      } else {
        __ballot_sync(everyone, 1);
      }
      break;
    case 3:  // a named lane never comes
      if (lane != 3) __syncwarp(everyone);
      __syncthreads();
      break;
    case 4:  // a named lane has returned
      if (lane == 3) return;
      __syncwarp(everyone);
      break;
    case 5:  // not the same mask
      __ballot_sync(lane < 16 ? everyone : 0xffff0000u, 1);
      break;
    case 6:  // a lane that takes no part is read
      if (lane < 16) a.to[lane] = __shfl_sync(0xffffu, 1.0f, 20);
      break;
    default:
      __syncwarp(everyone);
  }
}
EMULATOR_KERNEL(warp_misuse)

KERNEL(write_at) {
  if (thread_number() == 0) a.to[a.choice] = 1.0f;
}
EMULATOR_KERNEL(write_at)

KERNEL(read_at) {
  if (thread_number() == 0) a.to[0] = a.from[a.choice];
}
EMULATOR_KERNEL(read_at)

KERNEL(copy_vectors) {
  const float4 value = *reinterpret_cast<const float4*>(a.from + a.choice);
  *reinterpret_cast<float4*>(a.to) = value;
}
EMULATOR_KERNEL(copy_vectors)

// Each step needs stack, and none can be made into a loop.
__device__ __noinline__ float descend(int depth, volatile float* from) {
  volatile float local[64];
  local[depth % 64] = from[0];
  if (depth == 0) return local[0];
  return descend(depth - 1, local) + local[depth % 64];
}

KERNEL(fail) {
  if (threadIdx.x != 3) return;
  switch (a.choice) {
    case 1:
      __trap();
      break;
    case 2:
      assert(a.count == 0);
      break;
    case 3:
      a.to[0] = static_cast<float>(1000 / static_cast<int>(a.from[0]));
      break;
    case 4:
      a.to[0] = descend(1000000, a.to);
      break;
    case 5:
      *reinterpret_cast<volatile int*>(a.count - a.count) = 1;
      break;
    case 6:
      a.to[0] = **reinterpret_cast<const char* const*>(a.from);
      break;
    default:
      a.to[0] = 2.0f;
  }
}
EMULATOR_KERNEL(fail)
