#include "settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace clessidra::emulator {

namespace {

constexpr const char* kOrderNames[kOrders] = {"random", "forward", "reverse", "last-block-first",
                                              "one-warp-ahead"};

uint64_t read_number(const char* name, uint64_t least, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 0);
  if (*end == '\0' && *text != '-' && value >= least) return value;
  std::fprintf(stderr, "clessidra emulator: %s=%s is no number from %llu on; using %llu\n", name,
               text, static_cast<unsigned long long>(least),
               static_cast<unsigned long long>(otherwise));
  return otherwise;
}

Order read_order() {
  const char* const text = std::getenv("CLESSIDRA_EMULATOR_ORDER");
  if (text == nullptr || *text == '\0') return Order::kRandom;
  for (int i = 0; i < kOrders; ++i) {
    if (std::strcmp(text, kOrderNames[i]) == 0) return static_cast<Order>(i);
  }
  std::fprintf(stderr,
               "clessidra emulator: CLESSIDRA_EMULATOR_ORDER=%s is none of random, forward, "
               "reverse, last-block-first, one-warp-ahead; using random\n",
               text);
  return Order::kRandom;
}

}  // namespace

Settings& settings() {
  static Settings settings = {
      static_cast<int>(read_number("CLESSIDRA_EMULATOR_THREADS", 1,
                                   std::max(1u, std::thread::hardware_concurrency()))),
      read_number("CLESSIDRA_EMULATOR_SEED", 0, 1),
      read_order(),
      read_number("CLESSIDRA_EMULATOR_MEMORY", 1, 4096) << 20,
  };
  return settings;
}

}  // namespace clessidra::emulator
