// The driver API: memory, copies, fills.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "api.h"
#include "grid.h"
#include "memory.h"

namespace clessidra::emulator {

namespace {

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

}  // namespace

}  // namespace clessidra::emulator

using namespace clessidra::emulator;

#pragma GCC visibility push(default)
extern "C" {

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

}  // extern "C"
#pragma GCC visibility pop
