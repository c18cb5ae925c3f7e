#include "cubin.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace {

template <class T>
void append(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Format, name, and the value or the bytes that follow.
void append_attribute(std::string& to, uint8_t format, uint8_t name, uint16_t value) {
  append(to, format);
  append(to, name);
  append(to, value);
}

struct Section {
  std::string name;
  uint32_t type;
  std::string data;
  uint64_t size;  // more than the data for what takes no place in the file
};

}  // namespace

std::string make_cubin(uint32_t architecture, const std::vector<KernelOfCubin>& kernels) {
  std::vector<Section> sections = {{"", SHT_NULL, "", 0}};
  std::string symbols(sizeof(Elf64_Sym), '\0');
  std::string symbol_names(1, '\0');
  std::string common;
  for (const KernelOfCubin& kernel : kernels) {
    append_attribute(common, 4, 0x2f, 8);  // registers
    append(common, static_cast<uint32_t>(symbols.size() / sizeof(Elf64_Sym)));
    append(common, kernel.registers);
    Elf64_Sym symbol = {};
    symbol.st_name = static_cast<Elf64_Word>(symbol_names.size());
    append(symbols, symbol);
    symbol_names += kernel.name + '\0';
    std::string data;
    uint32_t offset = 0;
    for (size_t i = 0; i < kernel.parameters.size(); ++i) {
      const uint32_t size = kernel.parameters[i];
      const uint32_t alignment = std::min(size, 8u);
      offset = (offset + alignment - 1) / alignment * alignment;
      append_attribute(data, 4, 0x17, 12);
      append(data, uint32_t{0});
      append(data, static_cast<uint16_t>(i));
      append(data, static_cast<uint16_t>(offset));
      append(data, size << 18);
      offset += size;
    }
    append_attribute(data, 3, 0x19, static_cast<uint16_t>(offset));
    if (kernel.maximum_threads > 0) {
      append_attribute(data, 4, 0x05, 12);
      append(data, kernel.maximum_threads);
      append(data, uint32_t{1});
      append(data, uint32_t{1});
    }
    sections.push_back({".nv.info." + kernel.name, SHT_LOPROC, data, data.size()});
    if (kernel.static_shared > 0) {
      const uint32_t reserved = architecture >= 90 ? 1024 : 0;
      sections.push_back(
          {".nv.shared." + kernel.name, SHT_NOBITS, "", kernel.static_shared + reserved});
    }
  }
  sections.push_back({".nv.info", SHT_LOPROC, common, common.size()});
  sections.push_back({".symtab", SHT_SYMTAB, symbols, symbols.size()});
  const auto symbol_section = sections.size() - 1;
  sections.push_back({".strtab", SHT_STRTAB, symbol_names, symbol_names.size()});
  sections.push_back({".shstrtab", SHT_STRTAB, "", 0});
  std::string names;
  std::vector<Elf64_Shdr> headers;
  for (const Section& section : sections) {
    Elf64_Shdr header = {};
    header.sh_name = static_cast<Elf64_Word>(names.size());
    header.sh_type = section.type;
    header.sh_size = section.size;
    headers.push_back(header);
    names += section.name + '\0';
  }
  sections.back().data = names;
  headers.back().sh_size = names.size();
  headers[symbol_section].sh_link = static_cast<Elf64_Word>(symbol_section + 1);

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_flags = architecture << 8 | 4;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<Elf64_Half>(sections.size());
  header.e_shstrndx = static_cast<Elf64_Half>(sections.size() - 1);
  std::string file;
  append(file, header);
  for (size_t i = 0; i < sections.size(); ++i) {
    headers[i].sh_offset = file.size();
    file += sections[i].data;
  }
  header.e_shoff = file.size();
  for (const Elf64_Shdr& section : headers) append(file, section);
  std::memcpy(file.data(), &header, sizeof header);
  return file;
}

std::string make_fatbin(const std::vector<std::string>& cubins, uint64_t flags) {
  std::string entries;
  for (const std::string& cubin : cubins) {
    append(entries, uint16_t{2});
    append(entries, uint16_t{0x101});
    append(entries, uint32_t{64});
    append(entries, static_cast<uint64_t>(cubin.size()));
    entries.append(24, '\0');
    append(entries, flags);
    entries.append(16, '\0');
    entries += cubin;
  }
  std::string file;
  append(file, uint32_t{0xba55ed50});
  append(file, uint16_t{1});
  append(file, uint16_t{16});
  append(file, static_cast<uint64_t>(entries.size()));
  return file + entries;
}
