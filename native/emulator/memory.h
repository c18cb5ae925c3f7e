// The device's memory: a reserved range of addresses of which the host can touch nothing, except
// while an operation of the driver runs. No address is used twice.
#ifndef CLESSIDRA_EMULATOR_MEMORY_H
#define CLESSIDRA_EMULATOR_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace clessidra::emulator {

class DeviceMemory {
 public:
  static constexpr size_t kAlignment = 256;

  explicit DeviceMemory(size_t total);
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  size_t total() const { return total_; }
  size_t used() const { return used_; }

  // Null when that much is not free. Filled with poison, and guard zones around it.
  char* allocate(size_t bytes);
  bool is_allocation(const void* address) const { return live_.contains(as_number(address)); }
  // Also says so when a guard zone has been written to; false then.
  bool free(void* address);
  // Whether all these bytes are in one allocation.
  bool contains(const void* address, size_t bytes) const;
  // The allocation that the address is in: false when there is none.
  bool find(const void* address, char** begin, size_t* bytes) const;
  // Whether the address is in the reserved range.
  bool is_device(const void* address) const;
  // What is at or near an address, for a report.
  std::string describe(const void* address) const;
  // The first guard zone that was written to, described; "" when all are whole.
  std::string damage() const;

  // Lets the running operation touch the memory.
  void open();
  void close();

 private:
  struct Allocation {
    size_t bytes;
    // The pages that hold it; the guard zones are what it leaves of them.
    char* pages;
    size_t page_bytes;
  };
  using Allocations = std::map<uintptr_t, Allocation>;

  static uintptr_t as_number(const void* address) { return reinterpret_cast<uintptr_t>(address); }
  std::string damage_of(Allocations::const_iterator allocation) const;

  size_t total_;
  size_t used_ = 0;
  char* range_;
  char* next_;
  bool open_ = false;
  Allocations live_;
  Allocations freed_;
};

DeviceMemory& device_memory();

}  // namespace clessidra::emulator

#endif
