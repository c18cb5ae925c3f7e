// The driver API: modules, functions, launches.
#include <algorithm>
#include <cstdio>
#include <string>

#include "api.h"
#include "grid.h"
#include "memory.h"

namespace clessidra::emulator {

namespace {

// What is read of an image before its length is known.
constexpr size_t kImageHeader = 64;

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

}  // namespace

}  // namespace clessidra::emulator

using namespace clessidra::emulator;

#pragma GCC visibility push(default)
extern "C" {

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
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) return refuse(CUDA_ERROR_FILE_NOT_FOUND, format("cannot read %s", path));
  std::string image;
  char part[4096];
  while (const size_t bytes = std::fread(part, 1, sizeof part, file)) image.append(part, bytes);
  std::fclose(file);
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

}  // extern "C"
#pragma GCC visibility pop
