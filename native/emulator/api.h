// What the functions of the driver API share: the device's state, and what each checks first.
#ifndef CLESSIDRA_EMULATOR_API_H
#define CLESSIDRA_EMULATOR_API_H

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "driver.h"
#include "module.h"
#include "report.h"
#include "stream.h"

struct CUctx_st {};

namespace clessidra::emulator {

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

Driver& driver();

// The thread's current context is the last.
extern thread_local std::vector<CUcontext> contexts;
// Whether this thread runs a function that a stream called.
extern thread_local bool in_host_function;

inline CUresult refuse(CUresult result, const std::string& text) {
  report(text);
  return result;
}

template <class T>
CUresult give(T* to, T value) {
  if (to == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *to = value;
  return CUDA_SUCCESS;
}

inline char* pointer_to(CUdeviceptr address) { return reinterpret_cast<char*>(address); }
inline CUdeviceptr address_of(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
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

}  // namespace clessidra::emulator

#endif
