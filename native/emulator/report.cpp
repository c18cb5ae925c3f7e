#include "report.h"

#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace clessidra::emulator {

namespace {

std::mutex report_mutex;
std::string last_report;

}  // namespace

void report(const std::string& text) {
  const std::lock_guard<std::mutex> lock(report_mutex);
  last_report = text;
  if (!text.empty()) std::fprintf(stderr, "clessidra emulator: %s\n", text.c_str());
}

std::string format(const char* pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string text(static_cast<size_t>(length), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  return text;
}

}  // namespace clessidra::emulator

const char* clessidra_emulator_last_report(void) {
  const std::lock_guard<std::mutex> lock(clessidra::emulator::report_mutex);
  return clessidra::emulator::last_report.c_str();
}
