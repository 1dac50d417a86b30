#include "src/platform/image.h"

#include <sys/auxv.h>

#include <cstring>

#include "src/platform/memory.h"
#include "src/platform/readable_memory.h"

namespace bartizan::platform {
namespace {

template <class Value>
bool Read(uintptr_t at, Value* value) {
  if (!IsAllReadable(at, sizeof *value)) return false;
  std::memcpy(value, reinterpret_cast<const void*>(at), sizeof *value);
  return true;
}

bool IsName(uintptr_t at, const char* name) {
  const size_t bytes = std::strlen(name) + 1;
  return IsAllReadable(at, bytes) &&
         std::memcmp(reinterpret_cast<const void*>(at), name, bytes) == 0;
}

// Where the tables lie that the dynamic linker uses.
struct SymbolTables {
  uintptr_t symbols = 0;
  uintptr_t names = 0;
  uintptr_t hashes = 0;
};

SymbolTables ReadTables(const Image& image) {
  SymbolTables tables;
  for (const Elf64_Phdr& segment : image.segments) {
    if (segment.p_type != PT_DYNAMIC) continue;
    const uintptr_t begin = image.bias + segment.p_vaddr;
    Elf64_Dyn entry;
    for (uintptr_t at = begin; at - begin < segment.p_memsz; at += sizeof entry) {
      if (!Read(at, &entry) || entry.d_tag == DT_NULL) break;
      // The loader has made addresses of them, unless the table cannot be written.
      const uintptr_t place =
          entry.d_un.d_ptr < image.bias ? image.bias + entry.d_un.d_ptr : entry.d_un.d_ptr;
      if (entry.d_tag == DT_SYMTAB) tables.symbols = place;
      if (entry.d_tag == DT_STRTAB) tables.names = place;
      if (entry.d_tag == DT_GNU_HASH) tables.hashes = place;
    }
  }
  return tables;
}

uint32_t GnuHash(const char* name) {
  uint32_t hash = 5381;
  for (; *name != '\0'; ++name) hash = hash * 33 + static_cast<unsigned char>(*name);
  return hash;
}

}  // namespace

bool IsAllReadable(uintptr_t begin, size_t bytes) {
  if (begin + bytes < begin) return false;
  for (uintptr_t at = begin; at < begin + bytes; at += kPageBytes - at % kPageBytes) {
    // The eight bytes that hold it are of the same page.
    if (!IsReadable(at & ~uintptr_t{7})) return false;
  }
  return true;
}

bool ReadImage(uintptr_t begin, Image* image) {
  Elf64_Ehdr file;
  if (begin == 0 || !Read(begin, &file)) return false;
  if (std::memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 || file.e_ident[EI_CLASS] != ELFCLASS64 ||
      file.e_phentsize != sizeof(Elf64_Phdr) || file.e_phnum == 0 || file.e_phoff % 8 != 0) {
    return false;
  }
  const uintptr_t segments = begin + file.e_phoff;
  if (!IsAllReadable(segments, file.e_phnum * sizeof(Elf64_Phdr))) return false;
  image->segments = {reinterpret_cast<const Elf64_Phdr*>(segments), file.e_phnum};
  for (const Elf64_Phdr& segment : image->segments) {
    if (segment.p_type != PT_LOAD) continue;
    image->bias = begin - segment.p_vaddr / kPageBytes * kPageBytes;
    return segment.p_offset < kPageBytes;
  }
  return false;
}

bool Contains(const Image& image, uintptr_t address) {
  for (const Elf64_Phdr& segment : image.segments) {
    const uintptr_t offset = address - image.bias - segment.p_vaddr;
    if (segment.p_type == PT_LOAD && offset < segment.p_memsz) return true;
  }
  return false;
}

Image ProgramImage() {
  const uintptr_t begin = getauxval(AT_PHDR);
  if (begin == 0 || getauxval(AT_PHENT) != sizeof(Elf64_Phdr)) return {};
  Image image;
  image.segments = {reinterpret_cast<const Elf64_Phdr*>(begin), getauxval(AT_PHNUM)};
  for (const Elf64_Phdr& segment : image.segments) {
    if (segment.p_type != PT_PHDR) continue;
    image.bias = begin - segment.p_vaddr;
    return image;
  }
  return {};
}

// The table: four numbers, a filter of words, where each hash's symbols begin, and from the first
// symbol that is exported on each one's hash, whose lowest bit says that it is the last with it.
uintptr_t ExportedAddress(const Image& image, const char* symbol) {
  struct Header {
    uint32_t buckets;
    uint32_t first_symbol;
    uint32_t filter_words;
    uint32_t filter_shift;
  };
  const SymbolTables tables = ReadTables(image);
  Header header;
  if (tables.symbols == 0 || tables.names == 0 || tables.hashes == 0 ||
      !Read(tables.hashes, &header) || header.buckets == 0) {
    return 0;
  }
  const uint32_t hash = GnuHash(symbol);
  const uintptr_t buckets = tables.hashes + sizeof header + header.filter_words * sizeof(uint64_t);
  const uintptr_t hashes = buckets + header.buckets * sizeof(uint32_t);
  uint32_t index = 0;
  if (!Read(buckets + hash % header.buckets * sizeof index, &index)) return 0;
  if (index < header.first_symbol) return 0;
  for (uint32_t found = 0; (found & 1) == 0; ++index) {
    const uintptr_t place = hashes + (index - header.first_symbol) * sizeof found;
    Elf64_Sym entry;
    if (!Read(place, &found)) return 0;
    if ((found | 1) != (hash | 1)) continue;
    if (!Read(tables.symbols + index * sizeof entry, &entry)) return 0;
    if (entry.st_shndx != SHN_UNDEF && IsName(tables.names + entry.st_name, symbol)) {
      return image.bias + entry.st_value;
    }
  }
  return 0;
}

bool LoadedImages::Next(Loaded* loaded) {
  Mapping mapping;
  while (mappings_.is_open() && mappings_.Next(&mapping)) {
    const uintptr_t begin = start_.Of(mapping);
    if (!mapping.executable || !mapping.readable || begin == 0 || begin == last_) continue;
    last_ = begin;
    if (!ReadImage(begin, &loaded->image)) continue;
    loaded->ours = Contains(loaded->image, reinterpret_cast<uintptr_t>(&IsAllReadable));
    loaded->path = mapping.name;
    return true;
  }
  return false;
}

}  // namespace bartizan::platform
