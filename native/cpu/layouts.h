// The argument structs as text, for whoever mirrors them.
#ifndef CLESSIDRA_CPU_LAYOUTS_H
#define CLESSIDRA_CPU_LAYOUTS_H

#include <string>

namespace clessidra {

// One line a kernel: see clessidra_cpu_layouts.
std::string describe_layouts();

}  // namespace clessidra

#endif
