// What the stand-ins for NVIDIA's libraries share: operands in the memory of whichever driver is
// loaded, copied to the host, computed there with plain loops, and copied back.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#define CLESSIDRA_EXPORT extern "C" __attribute__((visibility("default")))

namespace clessidra::stand_in {

template <typename Function>
Function driver_function(const char* name) {
  static void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  void* const function = driver == nullptr ? nullptr : dlsym(driver, name);
  if (function == nullptr) throw std::runtime_error(std::string("no driver function ") + name);
  return reinterpret_cast<Function>(function);
}

inline void require_success(int result, const char* what) {
  if (result != 0) throw std::runtime_error(std::string(what) + " failed");
}

inline void synchronize(void* stream) {
  require_success(driver_function<int (*)(void*)>("cuStreamSynchronize")(stream), "synchronizing");
}

// After the work that the stream has already.
inline std::vector<float> from_device(const void* address, size_t count, void* stream) {
  std::vector<float> values(count);
  require_success(
    driver_function<int (*)(void*, uint64_t, size_t, void*)>("cuMemcpyDtoHAsync_v2")(
      values.data(), reinterpret_cast<uint64_t>(address), count * sizeof(float), stream),
    "copying from the device");
  synchronize(stream);
  return values;
}

inline void to_device(const std::vector<float>& values, void* address, void* stream) {
  require_success(
    driver_function<int (*)(uint64_t, const void*, size_t, void*)>("cuMemcpyHtoDAsync_v2")(
      reinterpret_cast<uint64_t>(address), values.data(), values.size() * sizeof(float), stream),
    "copying to the device");
  synchronize(stream);
}

}  // namespace clessidra::stand_in
