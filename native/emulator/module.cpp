#include "module.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "grid.h"
#include "report.h"

namespace clessidra::emulator {

namespace {

constexpr char kEmulatedImage[] = "CLESSIDRA EMULATED";

// Filled by the constructors of kernel libraries, which may run before any of our own.
struct Registry {
  std::mutex mutex;
  std::map<std::string, const KernelDescription*> kernels;
  std::map<std::string, const VariableDescription*> variables;
};

Registry& registry() {
  static Registry* const registry = new Registry();  // outlives every library's destructors
  return *registry;
}

// Where each parameter begins, by the rules that both compilers follow.
std::string compare_parameters(const KernelDescription& kernel, const KernelFacts& facts) {
  if (facts.parameters.size() != kernel.parameter_count) {
    return format("kernel %s has %zu parameters in the fatbin but %u in the emulated library",
                  kernel.name, facts.parameters.size(), kernel.parameter_count);
  }
  uint32_t offset = 0;
  for (uint32_t i = 0; i < kernel.parameter_count; ++i) {
    const auto [size, alignment] = kernel.parameters[i];
    offset = (offset + alignment - 1) / alignment * alignment;
    const auto& fact = facts.parameters[i];
    if (fact.size != size || fact.offset != offset) {
      return format(
          "parameter %u of kernel %s has %u bytes at offset %u in the fatbin but %u bytes at "
          "offset %u in the emulated library",
          i, kernel.name, fact.size, fact.offset, size, offset);
    }
    offset += size;
  }
  return "";
}

void add_function(CUmod_st& module, const KernelDescription* kernel, bool checked,
                  const KernelFacts& facts) {
  const uint32_t taken = std::min(facts.static_shared, kSharedBytes);
  module.functions[kernel->name] = std::make_unique<CUfunc_st>(
      CUfunc_st{kernel, checked, facts, kSharedBytes - taken, &module});
}

}  // namespace

std::unique_ptr<CUmod_st> load_module(const void* image, std::string* error) {
  Registry& known = registry();
  const std::lock_guard<std::mutex> lock(known.mutex);
  auto module = std::make_unique<CUmod_st>();
  if (std::memcmp(image, kEmulatedImage, sizeof kEmulatedImage - 1) == 0) {
    for (const auto& [name, kernel] : known.kernels) add_function(*module, kernel, false, {});
    return module;
  }
  // The facts of the architecture that the emulated device has, or else of the newest.
  uint32_t chosen = 0;
  for (const Cubin& cubin : read_cubins(image, error)) {
    for (const auto& [name, facts] : cubin.kernels) {
      const auto kernel = known.kernels.find(name);
      if (kernel == known.kernels.end()) {
        *error = format("kernel %s is in the fatbin (sm_%u) but in no emulated library; is "
                        "EMULATOR_KERNEL(%s) there, and is the library loaded?",
                        name.c_str(), cubin.architecture, name.c_str());
        return nullptr;
      }
      *error = compare_parameters(*kernel->second, facts);
      if (!error->empty()) {
        *error += format(" (sm_%u)", cubin.architecture);
        return nullptr;
      }
      if (facts.static_shared > kSharedBytes) {
        *error = format("kernel %s has %u bytes of static shared memory (sm_%u); %u are allowed",
                        name.c_str(), facts.static_shared, cubin.architecture, kSharedBytes);
        return nullptr;
      }
      if (chosen == 0 || cubin.architecture == kArchitecture ||
          (chosen != kArchitecture && cubin.architecture >= chosen)) {
        add_function(*module, kernel->second, true, facts);
      }
    }
    if (chosen != kArchitecture) {
      chosen = cubin.architecture == kArchitecture ? kArchitecture
                                                   : std::max(chosen, cubin.architecture);
    }
  }
  return error->empty() ? std::move(module) : nullptr;
}

const VariableDescription* find_variable(const char* name) {
  Registry& known = registry();
  const std::lock_guard<std::mutex> lock(known.mutex);
  const auto variable = known.variables.find(name);
  return variable == known.variables.end() ? nullptr : variable->second;
}

bool in_variable(const void* address, size_t bytes) {
  Registry& known = registry();
  const std::lock_guard<std::mutex> lock(known.mutex);
  const char* const p = static_cast<const char*>(address);
  return std::any_of(known.variables.begin(), known.variables.end(), [&](const auto& entry) {
    const char* const begin = static_cast<const char*>(entry.second->address);
    return p >= begin && p <= begin + entry.second->bytes &&
           bytes <= static_cast<size_t>(begin + entry.second->bytes - p);
  });
}

uint32_t registers_of(const KernelFacts& facts, uint32_t threads) {
  // A warp gets them in portions of 256, a thread in portions of 8.
  const uint32_t thread = (facts.registers + 7) / 8 * 8;
  const uint32_t warp = (thread * kWarp + 255) / 256 * 256;
  return warp * ((threads + kWarp - 1) / kWarp);
}

int resident_blocks(const CUfunc_st& function, uint32_t threads, size_t dynamic_shared) {
  const uint32_t rounded = (threads + kWarp - 1) / kWarp * kWarp;
  uint64_t blocks = std::min(kMultiprocessorBlocks, kMultiprocessorThreads / rounded);
  if (const uint32_t registers = registers_of(function.facts, threads); registers > 0) {
    blocks = std::min<uint64_t>(blocks, kRegisters / registers);
  }
  // The driver keeps 1 KiB for itself in each block.
  const size_t shared = function.facts.static_shared + dynamic_shared + 1024;
  return static_cast<int>(std::min<uint64_t>(blocks, kMultiprocessorShared / shared));
}

}  // namespace clessidra::emulator

using clessidra::emulator::registry;

void clessidra_emulator_register_kernel(const clessidra::emulator::KernelDescription* kernel) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  registry().kernels[kernel->name] = kernel;
}

void clessidra_emulator_unregister_kernel(const clessidra::emulator::KernelDescription* kernel) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  const auto known = registry().kernels.find(kernel->name);
  if (known != registry().kernels.end() && known->second == kernel) registry().kernels.erase(known);
}

void clessidra_emulator_register_variable(
    const clessidra::emulator::VariableDescription* variable) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  registry().variables[variable->name] = variable;
}

void clessidra_emulator_unregister_variable(
    const clessidra::emulator::VariableDescription* variable) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  const auto known = registry().variables.find(variable->name);
  if (known != registry().variables.end() && known->second == variable) {
    registry().variables.erase(known);
  }
}
