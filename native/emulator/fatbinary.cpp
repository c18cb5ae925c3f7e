#include "fatbinary.h"

#include <elf.h>

#include <cstring>
#include <string_view>

#include "report.h"

// The layouts are NVIDIA's, found by looking at nvcc's output; `cuobjdump` and the gpuocelot and
// ZLUDA projects describe them too.

namespace clessidra::emulator {

namespace {

struct FatbinHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;
  uint64_t bytes;  // of all entries
};
constexpr uint32_t kFatbinMagic = 0xba55ed50;

struct FatbinEntry {
  uint16_t kind;
  uint16_t version;
  uint32_t header_bytes;
  uint64_t bytes;
  uint32_t compressed_bytes;
  uint32_t options_offset;
  uint16_t minor;
  uint16_t major;
  uint32_t architecture;
  uint32_t name_offset;
  uint32_t name_bytes;
  uint64_t flags;
};
constexpr uint16_t kCubinEntry = 2;
constexpr uint64_t kCompressed = 0x2000 | 0x8000;  // LZ4, Zstandard

// An attribute of .nv.info: its format says whether a value or a size stands in the header.
struct Attribute {
  uint8_t format;
  uint8_t name;
  uint16_t value;
};
constexpr uint8_t kSizedFormat = 4;
constexpr uint8_t kMaximumThreadsAttribute = 0x05;
constexpr uint8_t kParameterAttribute = 0x17;
constexpr uint8_t kParameterBytesAttribute = 0x19;
constexpr uint8_t kRegistersAttribute = 0x2f;

// From sm_90 on, the section of a kernel's shared memory begins with 1 KiB for the driver.
constexpr uint32_t kReservedArchitecture = 90;
constexpr uint64_t kReservedShared = 1024;

template <class T>
T read(const char* address) {
  T value;
  std::memcpy(&value, address, sizeof value);
  return value;
}

template <class Body>
void for_attributes(const char* p, uint64_t bytes, const Body& body) {
  const char* const end = p + bytes;
  while (end - p >= static_cast<ptrdiff_t>(sizeof(Attribute))) {
    const auto attribute = read<Attribute>(p);
    p += sizeof(Attribute);
    const uint16_t payload = attribute.format == kSizedFormat ? attribute.value : 0;
    if (payload > end - p) return;
    body(attribute, p);
    p += payload;
  }
}

bool starts_with(std::string_view text, std::string_view prefix, std::string* rest) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return false;
  *rest = text.substr(prefix.size());
  return true;
}

Cubin read_cubin(const char* elf) {
  Cubin cubin = {};
  const auto header = read<Elf64_Ehdr>(elf);
  // The second byte from the right, or the first, by the version of the format.
  const uint32_t shifted = header.e_flags >> 8 & 0xff;
  cubin.architecture = shifted >= 50 ? shifted : header.e_flags & 0xff;
  const auto section = [&](uint32_t index) {
    return read<Elf64_Shdr>(elf + header.e_shoff + size_t{index} * header.e_shentsize);
  };
  const char* const names = elf + section(header.e_shstrndx).sh_offset;
  std::map<uint32_t, uint32_t> registers;  // by symbol
  Elf64_Shdr symbols = {};
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr here = section(i);
    const std::string_view name = names + here.sh_name;
    const char* const data = elf + here.sh_offset;
    std::string kernel;
    if (here.sh_type == SHT_SYMTAB) {
      symbols = here;
    } else if (name == ".nv.info") {
      for_attributes(data, here.sh_size, [&](const Attribute& attribute, const char* payload) {
        if (attribute.name == kRegistersAttribute) {
          registers[read<uint32_t>(payload)] = read<uint32_t>(payload + 4);
        }
      });
    } else if (starts_with(name, ".nv.info.", &kernel)) {
      KernelFacts& facts = cubin.kernels[kernel];
      for_attributes(data, here.sh_size, [&](const Attribute& attribute, const char* payload) {
        if (attribute.name == kParameterAttribute) {
          const auto ordinal = read<uint16_t>(payload + 4);
          if (facts.parameters.size() <= ordinal) facts.parameters.resize(ordinal + 1u);
          facts.parameters[ordinal] = {read<uint16_t>(payload + 6),
                                       read<uint32_t>(payload + 8) >> 18};
        } else if (attribute.name == kParameterBytesAttribute) {
          facts.parameter_bytes = attribute.value;
        } else if (attribute.name == kMaximumThreadsAttribute) {
          facts.maximum_threads = read<uint32_t>(payload) * read<uint32_t>(payload + 4) *
                                  read<uint32_t>(payload + 8);
        }
      });
    } else if (starts_with(name, ".nv.shared.", &kernel) && !kernel.starts_with("reserved.")) {
      const bool reserved = cubin.architecture >= kReservedArchitecture &&
                            here.sh_size >= kReservedShared;
      cubin.kernels[kernel].static_shared =
          static_cast<uint32_t>(here.sh_size - (reserved ? kReservedShared : 0));
    }
  }
  const char* const symbol_names =
      symbols.sh_size > 0 ? elf + section(symbols.sh_link).sh_offset : nullptr;
  for (const auto& [index, count] : registers) {
    if ((index + 1) * sizeof(Elf64_Sym) > symbols.sh_size) continue;
    const auto symbol = read<Elf64_Sym>(elf + symbols.sh_offset + index * sizeof(Elf64_Sym));
    const auto kernel = cubin.kernels.find(symbol_names + symbol.st_name);
    if (kernel != cubin.kernels.end()) kernel->second.registers = count;
  }
  return cubin;
}

bool is_cubin(const char* image) { return std::memcmp(image, ELFMAG, SELFMAG) == 0; }

}  // namespace

std::vector<Cubin> read_cubins(const void* image, std::string* error) {
  const char* const bytes = static_cast<const char*>(image);
  if (is_cubin(bytes)) return {read_cubin(bytes)};
  const auto header = read<FatbinHeader>(bytes);
  if (header.magic != kFatbinMagic) {
    *error = "the image is neither a fatbin nor a cubin, nor begins with \"CLESSIDRA EMULATED\"";
    return {};
  }
  std::vector<Cubin> cubins;
  const char* p = bytes + header.header_bytes;
  const char* const end = p + header.bytes;
  while (p < end) {
    const auto entry = read<FatbinEntry>(p);
    if (entry.kind == kCubinEntry) {
      if ((entry.flags & kCompressed) != 0) {
        *error = "the fatbin is compressed; build it with nvcc --no-compress";
        return {};
      }
      if (!is_cubin(p + entry.header_bytes)) {
        *error = format("the fatbin's entry for sm_%u holds no cubin", entry.architecture);
        return {};
      }
      cubins.push_back(read_cubin(p + entry.header_bytes));
    }
    p += entry.header_bytes + entry.bytes;
  }
  if (cubins.empty()) *error = "the fatbin holds no cubin";
  return cubins;
}

}  // namespace clessidra::emulator
