#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "grid.h"
#include "report.h"
#include "settings.h"

namespace clessidra::emulator {

namespace {

constexpr size_t kPage = 4096;
// Opening and closing memory costs by the page.
constexpr size_t kHugePage = size_t{2} << 20;
// Addresses are never used again, so that whatever still uses a freed one faults.
constexpr size_t kRangeBytes = size_t{1} << 44;
constexpr unsigned char kGuard = 0xa5;

size_t round_up(size_t bytes, size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

// The first byte that is not the guard zone's, or end.
const char* first_damage(const char* begin, const char* end) {
  return std::find_if(begin, end, [](char byte) {
    return static_cast<unsigned char>(byte) != kGuard;
  });
}

}  // namespace

DeviceMemory::DeviceMemory(size_t total) : total_(total) {
  void* const range = mmap(nullptr, kRangeBytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) throw std::bad_alloc();
  range_ = static_cast<char*>(range);
  next_ = range_ + kPage;
}

// The end of an allocation, rounded to its alignment, is the end of a page, and the next page is
// never opened: a kernel that goes past it faults. Less than that is a guard zone to look at.
char* DeviceMemory::allocate(size_t bytes) {
  if (bytes == 0 || bytes > total_ - used_) return nullptr;
  const size_t rounded = round_up(bytes, kAlignment);
  const size_t page_bytes = round_up(rounded, kPage);
  const bool huge = page_bytes >= kHugePage;
  const size_t end = round_up(as_number(next_) + page_bytes, huge ? kHugePage : kPage);
  if (end + kPage > as_number(range_ + kRangeBytes)) return nullptr;
  char* const pages = reinterpret_cast<char*>(end - page_bytes);
  if (mprotect(pages, page_bytes, PROT_READ | PROT_WRITE) != 0) return nullptr;
  if (huge) madvise(pages, page_bytes, MADV_HUGEPAGE);
  next_ = pages + page_bytes + kPage;
  char* const begin = pages + page_bytes - rounded;
  std::memset(pages, kGuard, static_cast<size_t>(begin - pages));
  poison(begin, bytes);
  std::memset(begin + bytes, kGuard, rounded - bytes);
  if (!open_) mprotect(pages, page_bytes, PROT_NONE);
  live_[as_number(begin)] = {bytes, pages, page_bytes};
  used_ += bytes;
  return begin;
}

bool DeviceMemory::free(void* address) {
  const auto allocation = live_.find(as_number(address));
  const bool was_open = open_;
  open();
  const std::string damage = damage_of(allocation);
  if (!was_open) close();
  const Allocation& memory = allocation->second;
  // Gives the memory back to the system, while the addresses stay reserved.
  mmap(memory.pages, memory.page_bytes, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  used_ -= memory.bytes;
  freed_.insert(live_.extract(allocation));
  if (damage.empty()) return true;
  report(damage);
  return false;
}

bool DeviceMemory::find(const void* address, char** begin, size_t* bytes) const {
  auto after = live_.upper_bound(as_number(address));
  if (after == live_.begin()) return false;
  --after;
  if (as_number(address) - after->first >= after->second.bytes) return false;
  *begin = reinterpret_cast<char*>(after->first);
  *bytes = after->second.bytes;
  return true;
}

bool DeviceMemory::contains(const void* address, size_t bytes) const {
  char* begin;
  size_t allocated;
  return find(address, &begin, &allocated) &&
         bytes <= allocated - static_cast<size_t>(static_cast<const char*>(address) - begin);
}

bool DeviceMemory::is_device(const void* address) const {
  const char* const p = static_cast<const char*>(address);
  return p >= range_ && p < range_ + kRangeBytes;
}

std::string DeviceMemory::describe(const void* address) const {
  if (!is_device(address)) return "it is no address of the device's memory";
  const uintptr_t number = as_number(address);
  const auto relation = [number](Allocations::const_iterator allocation) {
    const uintptr_t begin = allocation->first;
    const size_t bytes = allocation->second.bytes;
    const auto name = format("allocation %p of %zu bytes", reinterpret_cast<void*>(begin), bytes);
    if (number < begin) return format("%zu bytes before ", begin - number) + name;
    if (number < begin + bytes) return format("at byte %zu of ", number - begin) + name;
    return format("%zu bytes behind the end of ", number - begin - bytes) + name;
  };
  const auto before = [number](const Allocations& allocations) {
    const auto after = allocations.upper_bound(number);
    return after == allocations.begin() ? allocations.end() : std::prev(after);
  };
  const auto freed = before(freed_);
  if (freed != freed_.end() && number - freed->first < freed->second.bytes) {
    return relation(freed) + ", which has been freed";
  }
  const auto live = before(live_);
  const auto next = live_.upper_bound(number);
  if (live == live_.end() && next == live_.end()) return "no memory is allocated";
  if (live == live_.end()) return relation(next);
  if (next == live_.end() || number - live->first - live->second.bytes <= next->first - number) {
    return relation(live);
  }
  return relation(next);
}

std::string DeviceMemory::damage_of(Allocations::const_iterator allocation) const {
  const auto& [bytes, pages, page_bytes] = allocation->second;
  const char* const begin = reinterpret_cast<const char*>(allocation->first);
  const char* damaged = first_damage(pages, begin);
  if (damaged == begin) {
    damaged = first_damage(begin + bytes, pages + page_bytes);
    if (damaged == pages + page_bytes) return "";
  }
  return "a guard zone was written to, " + describe(damaged);
}

std::string DeviceMemory::damage() const {
  for (auto allocation = live_.begin(); allocation != live_.end(); ++allocation) {
    std::string text = damage_of(allocation);
    if (!text.empty()) return text;
  }
  return "";
}

void DeviceMemory::open() {
  if (open_) return;
  open_ = true;
  for (const auto& [begin, allocation] : live_) {
    mprotect(allocation.pages, allocation.page_bytes, PROT_READ | PROT_WRITE);
  }
}

void DeviceMemory::close() {
  if (!open_) return;
  open_ = false;
  for (const auto& [begin, allocation] : live_) {
    mprotect(allocation.pages, allocation.page_bytes, PROT_NONE);
  }
}

DeviceMemory& device_memory() {
  static DeviceMemory memory(settings().memory_bytes);
  return memory;
}

}  // namespace clessidra::emulator
