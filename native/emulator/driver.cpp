// The driver API: what each function checks, and what it queues.
#include "driver.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "grid.h"
#include "memory.h"
#include "module.h"
#include "report.h"
#include "settings.h"
#include "stream.h"

struct CUctx_st {};

namespace clessidra::emulator {

namespace {

// The state of the one device. Contexts share it: they are names only.
struct Driver {
  std::mutex mutex;
  std::atomic<bool> initialized{false};
  Streams streams;
  std::map<char*, size_t> pinned;
  std::map<CUmodule, std::unique_ptr<CUmod_st>> modules;
  CUctx_st primary;
  int primary_users = 0;
};

Driver& driver() {
  static Driver* const driver = new Driver();  // may be called until the process ends
  return *driver;
}

thread_local std::vector<CUcontext> contexts;
thread_local bool in_host_function = false;

CUresult refuse(CUresult result, const std::string& text) {
  report(text);
  return result;
}

// What a function needs before it does anything.
enum class Needs { kInitialization, kContext, kNoCapture };

template <class Body>
CUresult call(Needs needs, const Body& body) try {
  if (in_host_function) return CUDA_ERROR_NOT_PERMITTED;
  Driver& state = driver();
  if (!state.initialized) return CUDA_ERROR_NOT_INITIALIZED;
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (needs == Needs::kInitialization) return body(state);
  if (contexts.empty() || contexts.back() == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (state.streams.error() != CUDA_SUCCESS) return state.streams.error();
  if (needs == Needs::kNoCapture && state.streams.forbid_when_capturing()) {
    return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                  "a call that may wait for the device was made while a stream captures");
  }
  return body(state);
} catch (const std::bad_alloc&) {
  return refuse(CUDA_ERROR_OUT_OF_MEMORY, "the host has no more memory");
}

template <class Body>
CUresult call_with_stream(CUstream handle, const Body& body) {
  return call(Needs::kContext, [&](Driver& state) {
    const CUstream stream = state.streams.find(handle);
    return stream == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(state, stream);
  });
}

char* pointer_to(CUdeviceptr address) { return reinterpret_cast<char*>(address); }
CUdeviceptr address_of(const void* pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

// Whether the device may use these bytes of pinned memory.
bool is_pinned(const Driver& state, const void* address, size_t bytes) {
  char* const p = const_cast<char*>(static_cast<const char*>(address));
  auto after = state.pinned.upper_bound(p);
  if (after == state.pinned.begin()) return false;
  --after;
  const size_t offset = static_cast<size_t>(p - after->first);
  return offset <= after->second && bytes <= after->second - offset;
}

bool is_device(const Driver& state, CUdeviceptr address, size_t bytes) {
  const char* const p = pointer_to(address);
  return device_memory().contains(p, bytes) || in_variable(p, bytes) || is_pinned(state, p, bytes);
}

bool check_device(const Driver& state, const char* function, CUdeviceptr address, size_t bytes) {
  if (is_device(state, address, bytes)) return true;
  report(format("%s: %zu bytes at %p are not all in one allocation: %s", function, bytes,
                pointer_to(address), device_memory().describe(pointer_to(address)).c_str()));
  return false;
}

bool check_host(const char* function, const void* address) {
  if (address != nullptr && !device_memory().is_device(address)) return true;
  report(format("%s: %p is no address of the host", function, address));
  return false;
}

// Between the call and its turn the memory may have been freed in stream order.
CUresult check_again(const char* function, const void* address, size_t bytes) {
  if (!device_memory().is_device(address) || device_memory().contains(address, bytes)) {
    return CUDA_SUCCESS;
  }
  return refuse(CUDA_ERROR_ILLEGAL_ADDRESS,
                format("%s: illegal access to %p: %s", function, address,
                       device_memory().describe(address).c_str()));
}

CUresult submit_copy(Streams& streams, CUstream stream, const char* function, void* to,
                     const void* from, size_t bytes) {
  return streams.submit(stream, CU_GRAPH_NODE_TYPE_MEMCPY, [=](uint64_t) {
    CUresult result = check_again(function, to, bytes);
    if (result == CUDA_SUCCESS) result = check_again(function, from, bytes);
    if (result == CUDA_SUCCESS) std::memmove(to, from, bytes);
    return result;
  });
}

CUresult copy_to_device(const char* function, CUdeviceptr to, const void* from, size_t bytes,
                        CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) -> CUresult {
    if (bytes == 0) return CUDA_SUCCESS;
    if (!check_device(state, function, to, bytes) || !check_host(function, from)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream->capture != nullptr || is_pinned(state, from, bytes)) {
      return submit_copy(state.streams, stream, function, pointer_to(to), from, bytes);
    }
    // The driver copies pageable memory to a buffer of its own before it returns.
    const auto staged = std::make_shared<std::vector<char>>(
        static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_MEMCPY, [=](uint64_t) {
      const CUresult result = check_again(function, pointer_to(to), bytes);
      if (result == CUDA_SUCCESS) std::memcpy(pointer_to(to), staged->data(), bytes);
      return result;
    });
  });
}

CUresult copy_to_host(const char* function, void* to, CUdeviceptr from, size_t bytes,
                      CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) -> CUresult {
    if (bytes == 0) return CUDA_SUCCESS;
    if (!check_device(state, function, from, bytes) || !check_host(function, to)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result =
        submit_copy(state.streams, stream, function, to, pointer_to(from), bytes);
    if (result != CUDA_SUCCESS || stream->capture != nullptr || is_pinned(state, to, bytes)) {
      return result;
    }
    // A copy to pageable memory is finished when the driver returns.
    return state.streams.run_until_done(stream);
  });
}

CUresult copy_on_device(const char* function, CUdeviceptr to, CUdeviceptr from, size_t bytes,
                        CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) -> CUresult {
    if (bytes == 0) return CUDA_SUCCESS;
    if (!check_device(state, function, to, bytes) || !check_device(state, function, from, bytes)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    return submit_copy(state.streams, stream, function, pointer_to(to), pointer_to(from), bytes);
  });
}

// For functions that wait, unlike those that only queue.
CUresult check_no_capture() {
  return call(Needs::kNoCapture, [](Driver&) { return CUDA_SUCCESS; });
}

CUresult wait_for_legacy() {
  return call(Needs::kContext, [](Driver& state) {
    return state.streams.run_until_done(state.streams.find(nullptr));
  });
}

template <class T>
CUresult fill(const char* function, CUdeviceptr to, T value, size_t count, CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) -> CUresult {
    if (count == 0) return CUDA_SUCCESS;
    if (to % sizeof(T) != 0 || !check_device(state, function, to, count * sizeof(T))) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_MEMSET, [=](uint64_t) {
      const CUresult result = check_again(function, pointer_to(to), count * sizeof(T));
      if (result == CUDA_SUCCESS) {
        std::fill_n(reinterpret_cast<T*>(pointer_to(to)), count, value);
      }
      return result;
    });
  });
}

// An allocation of the host's that the device may use. bytes are rounded to whole pages.
CUresult allocate_pinned(void** address, size_t bytes) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    constexpr size_t kPage = 4096;
    if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    *address = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
    if (*address == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    poison(*address, bytes);
    state.pinned[static_cast<char*>(*address)] = bytes;
    return CUDA_SUCCESS;
  });
}

CUresult check_launch(const CUfunc_st& function, const Index& grid, const Index& block,
                      uint32_t dynamic_shared) {
  const char* const name = function.kernel->name;
  const auto refuse_launch = [&](CUresult result, const std::string& text) {
    return refuse(result, format("launch of kernel %s, grid (%u,%u,%u) of (%u,%u,%u): %s", name,
                                 grid.x, grid.y, grid.z, block.x, block.y, block.z, text.c_str()));
  };
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.y == 0 || block.z == 0) {
    return refuse_launch(CUDA_ERROR_INVALID_VALUE, "no dimension may be 0");
  }
  if (grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535) {
    return refuse_launch(CUDA_ERROR_INVALID_VALUE,
                         "a grid has at most (2147483647,65535,65535) blocks");
  }
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (block.x > 1024 || block.y > 1024 || block.z > 64 || threads > kMaximumThreads) {
    return refuse_launch(CUDA_ERROR_INVALID_VALUE,
                         "a block has at most (1024,1024,64) and 1024 threads");
  }
  const KernelFacts& facts = function.facts;
  if (facts.maximum_threads > 0 && threads > facts.maximum_threads) {
    return refuse_launch(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
                         format("its launch bounds allow %u threads", facts.maximum_threads));
  }
  if (registers_of(facts, static_cast<uint32_t>(threads)) > kRegisters) {
    return refuse_launch(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
                         format("its threads need %u registers each", facts.registers));
  }
  if (dynamic_shared > function.maximum_dynamic_shared) {
    return refuse_launch(CUDA_ERROR_INVALID_VALUE,
                         format("%u bytes of dynamic shared memory, %u are allowed", dynamic_shared,
                                function.maximum_dynamic_shared));
  }
  return CUDA_SUCCESS;
}

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

template <class T>
CUresult give(T* to, T value) {
  if (to == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *to = value;
  return CUDA_SUCCESS;
}

constexpr char kName[] = "Clessidra emulated device";
constexpr int kVersion = 13000;

// What is read of an image before its length is known.
constexpr size_t kImageHeader = 64;

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

// ---- Memory

CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
  return call(Needs::kContext, [&](Driver&) {
    const DeviceMemory& memory = device_memory();
    const CUresult result = give(free, memory.total() - memory.used());
    return result == CUDA_SUCCESS ? give(total, memory.total()) : result;
  });
}

CUresult cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  return call(Needs::kNoCapture, [&](Driver&) {
    if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    *address = address_of(device_memory().allocate(bytes));
    return *address == 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
  });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    if (address == 0) return CUDA_SUCCESS;
    // As the driver does: memory that may still be in use is waited for.
    const CUresult result = state.streams.run_all();
    if (result != CUDA_SUCCESS) return result;
    if (!device_memory().is_allocation(pointer_to(address))) {
      return refuse(CUDA_ERROR_INVALID_VALUE,
                    format("cuMemFree: %p is not the beginning of an allocation: %s",
                           pointer_to(address),
                           device_memory().describe(pointer_to(address)).c_str()));
    }
    if (!device_memory().free(pointer_to(address))) {
      state.streams.set_error(CUDA_ERROR_ILLEGAL_ADDRESS);
    }
    return state.streams.error();
  });
}

CUresult cuMemAllocAsync(CUdeviceptr* address, size_t bytes, CUstream handle) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "cuMemAllocAsync in a capture");
    }
    if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    *address = address_of(device_memory().allocate(bytes));
    return *address == 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
  });
}

CUresult cuMemFreeAsync(CUdeviceptr address, CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "cuMemFreeAsync in a capture");
    }
    if (!device_memory().is_allocation(pointer_to(address))) return CUDA_ERROR_INVALID_VALUE;
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_EMPTY, [=](uint64_t) {
      return device_memory().is_allocation(pointer_to(address)) &&
                     device_memory().free(pointer_to(address))
                 ? CUDA_SUCCESS
                 : CUDA_ERROR_ILLEGAL_ADDRESS;
    });
  });
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr* begin, size_t* bytes, CUdeviceptr address) {
  return call(Needs::kContext, [&](Driver&) {
    char* first;
    size_t allocated;
    if (!device_memory().find(pointer_to(address), &first, &allocated)) {
      return CUDA_ERROR_NOT_FOUND;
    }
    if (begin != nullptr) *begin = address_of(first);
    if (bytes != nullptr) *bytes = allocated;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemAllocHost_v2(void** address, size_t bytes) { return allocate_pinned(address, bytes); }

CUresult cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  return allocate_pinned(address, bytes);
}

CUresult cuMemFreeHost(void* address) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    const auto known = state.pinned.find(static_cast<char*>(address));
    if (known == state.pinned.end()) return CUDA_ERROR_INVALID_VALUE;
    const CUresult result = state.streams.run_all();
    state.pinned.erase(known);
    std::free(address);
    return result;
  });
}

CUresult cuMemHostRegister_v2(void* address, size_t bytes, unsigned) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    const bool is_new = state.pinned.try_emplace(static_cast<char*>(address), bytes).second;
    return is_new ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  });
}

CUresult cuMemHostUnregister(void* address) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    const auto known = state.pinned.find(static_cast<char*>(address));
    if (known == state.pinned.end()) return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    const CUresult result = state.streams.run_all();
    state.pinned.erase(known);
    return result;
  });
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* address, unsigned) {
  return call(Needs::kContext, [&](Driver& state) {
    if (!is_pinned(state, address, 1)) return CUDA_ERROR_INVALID_VALUE;
    return give(device, address_of(address));
  });
}

CUresult cuMemHostGetFlags(unsigned* flags, void* address) {
  return call(Needs::kContext, [&](Driver& state) {
    if (!is_pinned(state, address, 1)) return CUDA_ERROR_INVALID_VALUE;
    return give(flags, CU_MEMHOSTALLOC_DEVICEMAP);
  });
}

CUresult cuPointerGetAttribute(void* data, int attribute, CUdeviceptr address) {
  return call(Needs::kContext, [&](Driver& state) {
    char* begin = nullptr;
    size_t bytes = 0;
    const bool on_device = device_memory().find(pointer_to(address), &begin, &bytes);
    if (data == nullptr || (!on_device && !is_pinned(state, pointer_to(address), 1))) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    switch (attribute) {
      case 1:  // context
        return give(static_cast<CUcontext*>(data), contexts.back());
      case 2:  // memory type: host, device
        return give(static_cast<unsigned*>(data), on_device ? 2u : 1u);
      case 3:  // the device's address
        return give(static_cast<CUdeviceptr*>(data), address);
      case 4:  // the host's address
        if (on_device) return CUDA_ERROR_INVALID_VALUE;
        return give(static_cast<CUdeviceptr*>(data), address);
      case 8:  // managed
        return give(static_cast<char*>(data), char{0});
      case 9:  // device
        return give(static_cast<int*>(data), 0);
      case 11:  // where the allocation begins
        if (!on_device) return CUDA_ERROR_INVALID_VALUE;
        return give(static_cast<CUdeviceptr*>(data), address_of(begin));
      case 12:  // and its size
        if (!on_device) return CUDA_ERROR_INVALID_VALUE;
        return give(static_cast<size_t*>(data), bytes);
      default:
        return refuse(CUDA_ERROR_NOT_SUPPORTED,
                      format("attribute %d of a pointer is not supported", attribute));
    }
  });
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  CUresult result = check_no_capture();
  if (result == CUDA_SUCCESS) result = copy_to_device("cuMemcpyHtoD", to, from, bytes, nullptr);
  if (result != CUDA_SUCCESS) return result;
  // Pinned memory is the host's again at the return; pageable memory has been staged.
  return call(Needs::kContext, [&](Driver& state) {
    if (!is_pinned(state, from, bytes)) return CUDA_SUCCESS;
    return state.streams.run_until_done(state.streams.find(nullptr));
  });
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  return copy_to_device("cuMemcpyHtoDAsync", to, from, bytes, stream);
}

CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  CUresult result = check_no_capture();
  if (result == CUDA_SUCCESS) result = copy_to_host("cuMemcpyDtoH", to, from, bytes, nullptr);
  return result == CUDA_SUCCESS ? wait_for_legacy() : result;
}

CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy_to_host("cuMemcpyDtoHAsync", to, from, bytes, stream);
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return copy_on_device("cuMemcpyDtoD", to, from, bytes, nullptr);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy_on_device("cuMemcpyDtoDAsync", to, from, bytes, stream);
}

CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) {
  return fill("cuMemsetD8", to, value, count, nullptr);
}

CUresult cuMemsetD16_v2(CUdeviceptr to, unsigned short value, size_t count) {
  return fill("cuMemsetD16", to, value, count, nullptr);
}

CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) {
  return fill("cuMemsetD32", to, value, count, nullptr);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  return fill("cuMemsetD8Async", to, value, count, stream);
}

CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream stream) {
  return fill("cuMemsetD16Async", to, value, count, stream);
}

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
  return fill("cuMemsetD32Async", to, value, count, stream);
}

// ---- Modules

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned count, int* options,
                            void** values) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::string error;
    std::unique_ptr<CUmod_st> loaded = load_module(image, &error);
    if (loaded != nullptr) {
      *module = loaded.get();
      state.modules[loaded.get()] = std::move(loaded);
      return CUDA_SUCCESS;
    }
    constexpr int kErrorLog = 5;
    constexpr int kErrorLogBytes = 6;
    char* log = nullptr;
    size_t log_bytes = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (options[i] == kErrorLog) log = static_cast<char*>(values[i]);
      if (options[i] == kErrorLogBytes) {
        log_bytes = static_cast<unsigned>(reinterpret_cast<uintptr_t>(values[i]));
      }
    }
    if (log != nullptr && log_bytes > 0) std::snprintf(log, log_bytes, "%s", error.c_str());
    return refuse(CUDA_ERROR_INVALID_IMAGE, "module: " + error);
  });
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult cuModuleLoad(CUmodule* module, const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse(CUDA_ERROR_FILE_NOT_FOUND, format("cannot read %s", path));
  std::vector<char> image{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  image.resize(image.size() + kImageHeader);
  return cuModuleLoadData(module, image.data());
}

CUresult cuModuleLoadFatBinary(CUmodule* module, const void* image) {
  return cuModuleLoadData(module, image);
}

CUresult cuModuleUnload(CUmodule module) {
  return call(Needs::kNoCapture, [&](Driver& state) {
    const CUresult result = state.streams.run_all();
    if (result != CUDA_SUCCESS) return result;
    return state.modules.erase(module) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  return call(Needs::kContext, [&](Driver& state) {
    if (!state.modules.contains(module)) return CUDA_ERROR_INVALID_HANDLE;
    const auto found = module->functions.find(name);
    if (found == module->functions.end()) {
      return refuse(CUDA_ERROR_NOT_FOUND, format("the module has no kernel named %s", name));
    }
    return give(function, found->second.get());
  });
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr* address, size_t* bytes, CUmodule module,
                              const char* name) {
  return call(Needs::kContext, [&](Driver& state) {
    if (!state.modules.contains(module)) return CUDA_ERROR_INVALID_HANDLE;
    const VariableDescription* const variable = find_variable(name);
    if (variable == nullptr) {
      return refuse(CUDA_ERROR_NOT_FOUND,
                    format("no variable named %s; is EMULATOR_VARIABLE(%s) there?", name, name));
    }
    if (address != nullptr) *address = address_of(variable->address);
    if (bytes != nullptr) *bytes = variable->bytes;
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetModule(CUmodule* module, CUfunction function) {
  return call(Needs::kContext, [&](Driver&) { return give(module, function->module); });
}

CUresult cuFuncGetAttribute(int* value, int attribute, CUfunction function) {
  return call(Needs::kContext, [&](Driver&) {
    const KernelFacts& facts = function->facts;
    switch (attribute) {
      case 0:  // threads of a block
        return give(value, static_cast<int>(facts.maximum_threads > 0 ? facts.maximum_threads
                                                                      : kMaximumThreads));
      case 1:  // static shared memory
        return give(value, static_cast<int>(facts.static_shared));
      case 4:  // registers
        return give(value, static_cast<int>(facts.registers));
      case 5:  // architecture of the PTX and of the binary
      case 6:
        return give(value, static_cast<int>(kArchitecture));
      case 8:  // dynamic shared memory
        return give(value, static_cast<int>(function->maximum_dynamic_shared));
      default:
        return give(value, 0);
    }
  });
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  return call(Needs::kContext, [&](Driver&) {
    if (attribute != 8) return CUDA_SUCCESS;  // the others are hints
    if (value < 0 || value + function->facts.static_shared > kMaximumSharedBytes) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    function->maximum_dynamic_shared = static_cast<uint32_t>(value);
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncSetCacheConfig(CUfunction, int) {
  return call(Needs::kContext, [](Driver&) { return CUDA_SUCCESS; });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int threads,
                                                     size_t dynamic_shared) {
  return call(Needs::kContext, [&](Driver&) {
    if (threads < 1) return CUDA_ERROR_INVALID_VALUE;
    return give(blocks,
                resident_blocks(*function, static_cast<uint32_t>(threads), dynamic_shared));
  });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, CUfunction function,
                                                              int threads, size_t dynamic_shared,
                                                              unsigned) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, dynamic_shared);
}

// ---- Launches

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z,
                        unsigned dynamic_shared, CUstream handle, void** parameters, void** extra) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (extra != nullptr) {
      return refuse(CUDA_ERROR_NOT_SUPPORTED, "cuLaunchKernel: `extra` is not supported");
    }
    const KernelDescription* const kernel = function->kernel;
    if (parameters == nullptr && kernel->parameter_count > 0) return CUDA_ERROR_INVALID_VALUE;
    const Index blocks = {grid_x, grid_y, grid_z};
    const Index threads = {block_x, block_y, block_z};
    const CUresult checked = check_launch(*function, blocks, threads, dynamic_shared);
    if (checked != CUDA_SUCCESS) return checked;
    const bool has_static_shared = !function->checked || function->facts.static_shared > 0;
    const auto grid = std::make_shared<const Grid>(Grid{kernel, blocks, threads, has_static_shared,
                                                        dynamic_shared,
                                                        Arguments(*kernel, parameters)});
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_KERNEL, [grid](uint64_t seed) {
      const CUresult result = run_grid(*grid, seed);
      if (result != CUDA_SUCCESS) return result;
      const std::string damage = device_memory().damage();
      if (damage.empty()) return CUDA_SUCCESS;
      return refuse(CUDA_ERROR_ILLEGAL_ADDRESS,
                    format("kernel %s: %s", grid->kernel->name, damage.c_str()));
    });
  });
}

CUresult cuLaunchHostFunc(CUstream handle, CUhostFn function, void* context) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_HOST, [=](uint64_t) {
      // It may not touch the device's memory.
      device_memory().close();
      in_host_function = true;
      function(context);
      in_host_function = false;
      device_memory().open();
      return CUDA_SUCCESS;
    });
  });
}

// ---- Streams

CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
  return call(Needs::kContext, [&](Driver& state) {
    if (stream == nullptr || flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    *stream = state.streams.create(flags != CU_STREAM_NON_BLOCKING, std::clamp(priority, -5, 0));
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  return cuStreamCreateWithPriority(stream, flags, 0);
}

CUresult cuStreamDestroy_v2(CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream != handle) return CUDA_ERROR_INVALID_HANDLE;
    state.streams.destroy(stream);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a capturing stream was waited for");
    }
    return state.streams.run_until_done(stream);
  });
}

CUresult cuStreamQuery(CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->queue.empty()) return CUDA_SUCCESS;
    // Whoever asks again and again gets there.
    const CUresult result = state.streams.run_step(stream->queue.back());
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : result;
  });
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent event, unsigned) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : state.streams.wait(stream, event);
  });
}

CUresult cuStreamGetPriority(CUstream handle, int* priority) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    return give(priority, stream->priority);
  });
}

CUresult cuStreamGetFlags(CUstream handle, unsigned* flags) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    return give(flags, stream->blocking ? 0u : CU_STREAM_NON_BLOCKING);
  });
}

CUresult cuStreamGetCtx(CUstream handle, CUcontext* context) {
  return call_with_stream(handle,
                          [&](Driver&, CUstream) { return give(context, contexts.back()); });
}

CUresult cuStreamGetId(CUstream handle, unsigned long long* id) {
  return call_with_stream(handle,
                          [&](Driver&, CUstream stream) { return give(id, stream->id); });
}

// ---- Events

CUresult cuEventCreate(CUevent* event, unsigned flags) {
  return call(Needs::kContext, [&](Driver&) {
    const bool timing = (flags & CU_EVENT_DISABLE_TIMING) == 0;
    return give(event, new CUevent_st{timing, nullptr, nullptr, {}});
  });
}

CUresult cuEventDestroy_v2(CUevent event) {
  return call(Needs::kInitialization, [&](Driver&) {
    delete event;
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecord(CUevent event, CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : state.streams.record(stream, event);
  });
}

CUresult cuEventSynchronize(CUevent event) {
  return call(Needs::kContext, [&](Driver& state) {
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
    return event->operation == nullptr ? CUDA_SUCCESS : state.streams.run_until(event->operation);
  });
}

CUresult cuEventQuery(CUevent event) {
  return call(Needs::kContext, [&](Driver& state) {
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
    if (event->operation == nullptr || event->operation->done) return CUDA_SUCCESS;
    const CUresult result = state.streams.run_step(event->operation);
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : result;
  });
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  return call(Needs::kContext, [&](Driver&) {
    if (start == nullptr || end == nullptr || !start->timing || !end->timing ||
        start->operation == nullptr || end->operation == nullptr) {
      return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!start->operation->done || !end->operation->done) return CUDA_ERROR_NOT_READY;
    return give(milliseconds, static_cast<float>(1e3 * (end->operation->finished_at -
                                                        start->operation->finished_at)));
  });
}

// ---- Capture and graphs

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return state.streams.begin_capture(stream, mode);
  });
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return graph == nullptr ? CUDA_ERROR_INVALID_VALUE : state.streams.end_capture(stream, graph);
  });
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus* status) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    return give(status, stream->capture == nullptr ? CU_STREAM_CAPTURE_STATUS_NONE
                        : stream->capture->valid   ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                                                   : CU_STREAM_CAPTURE_STATUS_INVALIDATED);
  });
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  return call(Needs::kContext, [&](Driver&) {
    if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
    return give(executable, new CUgraphExec_st{std::make_shared<const CUgraph_st>(*graph)});
  });
}

CUresult cuGraphUpload(CUgraphExec executable, CUstream handle) {
  return call_with_stream(handle, [&](Driver&, CUstream) {
    return executable == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
  });
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (executable == nullptr) return CUDA_ERROR_INVALID_VALUE;
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_GRAPH, run_graph(executable->graph));
  });
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count) {
  return call(Needs::kContext, [&](Driver&) {
    if (graph == nullptr || count == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (nodes != nullptr) {
      for (size_t i = 0; i < *count; ++i) {
        nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
      }
      *count = std::min(*count, graph->nodes.size());
    } else {
      *count = graph->nodes.size();
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType* type) {
  return call(Needs::kContext, [&](Driver&) {
    return node == nullptr ? CUDA_ERROR_INVALID_VALUE : give(type, node->type);
  });
}

CUresult cuGraphDestroy(CUgraph graph) {
  return call(Needs::kInitialization, [&](Driver&) {
    delete graph;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
  return call(Needs::kInitialization, [&](Driver&) {
    delete executable;
    return CUDA_SUCCESS;
  });
}

}  // extern "C"
#pragma GCC visibility pop
