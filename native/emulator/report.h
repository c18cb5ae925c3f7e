// Where every broken rule is told: on stderr, and kept for clessidra_emulator_last_report.
#ifndef CLESSIDRA_EMULATOR_REPORT_H
#define CLESSIDRA_EMULATOR_REPORT_H

#include <string>

namespace clessidra::emulator {

void report(const std::string& text);

std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

}  // namespace clessidra::emulator

extern "C" {

// The newest report, or "" when there was none since the last reset; valid until the next report.
__attribute__((visibility("default"))) const char* clessidra_emulator_last_report(void);

}  // extern "C"

#endif
