// The driver API: errors, the device, contexts.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api.h"
#include "grid.h"
#include "memory.h"
#include "settings.h"

namespace clessidra::emulator {

thread_local std::vector<CUcontext> contexts;
thread_local bool in_host_function = false;

Driver& driver() {
  static Driver* const driver = new Driver();  // may be called until the process ends
  return *driver;
}

namespace {

int attribute_of(int attribute) {
  switch (attribute) {
    case 1:  // threads of a block
      return kMaximumThreads;
    case 2:  // and of its dimensions
    case 3:
      return 1024;
    case 4:
      return 64;
    case 5:  // blocks of a grid
      return 0x7fffffff;
    case 6:
    case 7:
      return 65535;
    case 8:  // shared memory of a block
      return kSharedBytes;
    case 9:  // constant memory
      return 64 << 10;
    case 10:
      return kWarp;
    case 11:  // pitch
      return 0x7fffffff;
    case 12:  // registers of a block
      return kRegisters;
    case 13:  // clock in kHz
      return 1000000;
    case 14:  // texture alignment
      return 512;
    case 15:  // copies overlap
      return 1;
    case 16:  // multiprocessors
      return settings().threads;
    case 19:  // host memory can be mapped
      return 1;
    case 31:  // concurrent kernels
      return 1;
    case 36:  // memory clock in kHz
      return 1000000;
    case 37:  // memory bus in bits
      return 64;
    case 38:  // bytes of the L2 cache
      return 50 << 20;
    case 39:  // threads of a multiprocessor
      return kMultiprocessorThreads;
    case 40:  // engines for asynchronous copies
      return 2;
    case 41:  // unified addressing
      return 1;
    case 75:  // compute capability
      return kArchitecture / 10;
    case 76:
      return kArchitecture % 10;
    case 78:  // stream priorities
      return 1;
    case 81:  // shared memory of a multiprocessor
      return kMultiprocessorShared;
    case 82:  // registers of a multiprocessor
      return kRegisters;
    case 97:  // shared memory of a block, with opt-in
      return kMaximumSharedBytes;
    case 106:  // blocks of a multiprocessor
      return kMultiprocessorBlocks;
    case 111:  // shared memory of a block that the driver keeps
      return 1024;
    case 115:  // stream-ordered allocation
      return 1;
    default:
      return 0;
  }
}

constexpr char kName[] = "Clessidra emulated device";
constexpr int kVersion = 13000;

}  // namespace

}  // namespace clessidra::emulator

using namespace clessidra::emulator;

#pragma GCC visibility push(default)
extern "C" {

// ---- Of ours

void clessidra_emulator_set_seed(uint64_t seed) {
  const std::lock_guard<std::mutex> lock(driver().mutex);
  settings().seed = seed;
  driver().streams.seed(seed);
}

// 0 random, 1 forward, 2 reverse, 3 last block first, 4 one warp ahead.
void clessidra_emulator_set_order(int order) {
  if (order >= 0 && order < kOrders) settings().order = static_cast<Order>(order);
}

// Forgets the device's error, the last report, captures and all queued work; memory stays.
void clessidra_emulator_reset(void) {
  const std::lock_guard<std::mutex> lock(driver().mutex);
  driver().streams.reset();
  device_memory().close();
  report("");
}

// ---- Errors, version, initialization

CUresult cuGetErrorName(CUresult error, const char** name) {
  switch (error) {
#define CLESSIDRA_RESULT(result, number, text) \
  case number:                                 \
    return give(name, #result);
    CLESSIDRA_CUDA_RESULTS(CLESSIDRA_RESULT)
#undef CLESSIDRA_RESULT
  }
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char** string) {
  switch (error) {
#define CLESSIDRA_RESULT(result, number, text) \
  case number:                                 \
    return give(string, text);
    CLESSIDRA_CUDA_RESULTS(CLESSIDRA_RESULT)
#undef CLESSIDRA_RESULT
  }
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuInit(unsigned flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (!driver().initialized.exchange(true)) install_fault_handler();
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int* version) { return give(version, kVersion); }

// ---- The device

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return call(Needs::kInitialization, [&](Driver&) {
    return ordinal != 0 ? CUDA_ERROR_INVALID_DEVICE : give(device, 0);
  });
}

CUresult cuDeviceGetCount(int* count) {
  return call(Needs::kInitialization, [&](Driver&) { return give(count, 1); });
}

CUresult cuDeviceGetName(char* name, int bytes, CUdevice device) {
  return call(Needs::kInitialization, [&](Driver&) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    if (name == nullptr || bytes < 1) return CUDA_ERROR_INVALID_VALUE;
    std::snprintf(name, static_cast<size_t>(bytes), "%s", kName);
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
  return call(Needs::kInitialization, [&](Driver&) {
    CUuuid same = {};
    std::memcpy(same.bytes, "clessidra device", sizeof same.bytes);
    return give(uuid, same);
  });
}

CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice device) { return cuDeviceGetUuid(uuid, device); }

CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
  if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
  return call(Needs::kInitialization,
              [&](Driver&) { return give(bytes, device_memory().total()); });
}

CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
  if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
  return call(Needs::kInitialization,
              [&](Driver&) { return give(value, attribute_of(attribute)); });
}

CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
  const CUresult result = cuDeviceGetAttribute(major, 75, device);
  return result == CUDA_SUCCESS ? cuDeviceGetAttribute(minor, 76, device) : result;
}

CUresult cuDeviceGetProperties(CUdevprop* properties, CUdevice device) {
  if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
  return call(Needs::kInitialization, [&](Driver&) {
    return give(properties,
                {attribute_of(1),
                 {attribute_of(2), attribute_of(3), attribute_of(4)},
                 {attribute_of(5), attribute_of(6), attribute_of(7)},
                 attribute_of(8), attribute_of(9), attribute_of(10), attribute_of(11),
                 attribute_of(12), attribute_of(13), attribute_of(14)});
  });
}

CUresult cuDeviceGetPCIBusId(char* id, int bytes, CUdevice device) {
  if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
  return call(Needs::kInitialization, [&](Driver&) {
    if (id == nullptr || bytes < 13) return CUDA_ERROR_INVALID_VALUE;
    std::snprintf(id, static_cast<size_t>(bytes), "0000:00:00.0");
    return CUDA_SUCCESS;
  });
}

// ---- Contexts

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  return call(Needs::kInitialization, [&](Driver& state) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    ++state.primary_users;
    return give(context, &state.primary);
  });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return call(Needs::kInitialization, [&](Driver& state) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    if (state.primary_users == 0) return CUDA_ERROR_INVALID_CONTEXT;
    --state.primary_users;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
  return call(Needs::kInitialization, [&](Driver& state) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    const CUresult result = give(flags, 0u);
    if (result != CUDA_SUCCESS) return result;
    return give(active, static_cast<int>(state.primary_users > 0));
  });
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned) {
  return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuCtxCreate_v2(CUcontext* context, unsigned, CUdevice device) {
  return call(Needs::kInitialization, [&](Driver&) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    const CUresult result = give(context, new CUctx_st());
    if (result == CUDA_SUCCESS) contexts.push_back(*context);
    return result;
  });
}

CUresult cuCtxDestroy_v2(CUcontext context) {
  return call(Needs::kInitialization, [&](Driver& state) {
    if (context == nullptr || context == &state.primary) return CUDA_ERROR_INVALID_CONTEXT;
    std::erase(contexts, context);
    delete context;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSetCurrent(CUcontext context) {
  return call(Needs::kInitialization, [&](Driver&) {
    if (!contexts.empty()) contexts.pop_back();
    if (context != nullptr) contexts.push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetCurrent(CUcontext* context) {
  return call(Needs::kInitialization, [&](Driver&) {
    return give(context, contexts.empty() ? nullptr : contexts.back());
  });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  return call(Needs::kInitialization, [&](Driver&) {
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    contexts.push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  return call(Needs::kInitialization, [&](Driver&) {
    if (contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (context != nullptr) *context = contexts.back();
    contexts.pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetDevice(CUdevice* device) {
  return call(Needs::kContext, [&](Driver&) { return give(device, 0); });
}

CUresult cuCtxGetApiVersion(CUcontext, unsigned* version) {
  return call(Needs::kContext, [&](Driver&) { return give(version, unsigned{kVersion}); });
}

CUresult cuCtxGetFlags(unsigned* flags) {
  return call(Needs::kContext, [&](Driver&) { return give(flags, 0u); });
}

CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  return call(Needs::kContext, [&](Driver&) {
    if (least != nullptr) *least = 0;
    if (greatest != nullptr) *greatest = -5;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSynchronize(void) {
  return call(Needs::kNoCapture, [](Driver& state) { return state.streams.run_all(); });
}

}  // extern "C"
#pragma GCC visibility pop
