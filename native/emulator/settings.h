// What the environment sets, and what a test may change while it runs.
#ifndef CLESSIDRA_EMULATOR_SETTINGS_H
#define CLESSIDRA_EMULATOR_SETTINGS_H

#include <cstddef>
#include <cstdint>

namespace clessidra::emulator {

// The numbers are part of the interface: see clessidra_emulator_set_order.
enum class Order : int { kRandom, kForward, kReverse, kLastBlockFirst, kOneWarpAhead };
constexpr int kOrders = 5;

struct Settings {
  int threads;          // CLESSIDRA_EMULATOR_THREADS
  uint64_t seed;        // CLESSIDRA_EMULATOR_SEED
  Order order;          // CLESSIDRA_EMULATOR_ORDER
  size_t memory_bytes;  // CLESSIDRA_EMULATOR_MEMORY, in MiB
};

Settings& settings();

}  // namespace clessidra::emulator

#endif
