// One definition for each symbol of the driver API. They are weak: those of the api files
// take their place.
#include <atomic>
#include <string>

#include "driver.h"
#include "report.h"

#define CLESSIDRA_SYMBOL(name)                                                        \
  extern "C" __attribute__((weak, visibility("default"))) CUresult name() {           \
    static std::atomic<bool> told{false};                                             \
    if (!told.exchange(true)) clessidra::emulator::report(#name " is not supported"); \
    return CUDA_ERROR_NOT_SUPPORTED;                                                  \
  }
#include "symbols.def"
