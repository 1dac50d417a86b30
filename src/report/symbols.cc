#include "src/report/symbols.h"

#include <algorithm>
#include <cstring>

#include "src/platform/file.h"
#include "src/platform/readable_memory.h"

namespace bartizan {
namespace {

// Of a file; what comes behind is not looked at.
constexpr uint64_t kMostSymbols = uint64_t{4} << 20;
constexpr uint64_t kMostSections = 4096;
constexpr size_t kMostNameBytes = 512;

bool IsFunction(const Elf64_Sym& symbol) {
  const unsigned type = ELF64_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF;
}

// Of several names for one place the one that begins last is the closest; of a function's names,
// one that others may use.
void Offer(const Elf64_Sym& symbol, const Elf64_Shdr& names, SymbolPlace& place) {
  if (place.address - symbol.st_value >= symbol.st_size || symbol.st_name >= names.sh_size) return;
  const bool global = ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL;
  if (place.name != 0) {
    if (symbol.st_value < place.begin) return;
    if (symbol.st_value == place.begin && (place.global || !global)) return;
  }
  place.begin = symbol.st_value;
  place.name = names.sh_offset + symbol.st_name;
  place.global = global;
}

}  // namespace

SymbolFile::SymbolFile(const char* path, uintptr_t image, std::span<char, kBufferBytes> buffer)
    : file_(platform::OpenForRead(path)), buffer_(buffer) {
  if (file_ < 0 || (IsMappedAt(image) && FindTable())) return;
  platform::Close(file_);
  file_ = -1;
}

SymbolFile::~SymbolFile() {
  if (file_ >= 0) platform::Close(file_);
}

bool SymbolFile::ReadAll(uint64_t offset, void* to, size_t bytes) {
  return platform::ReadAt(file_, offset, static_cast<char*>(to), bytes) == static_cast<long>(bytes);
}

// The first bytes hold the headers and, as linkers put it, the build id.
bool SymbolFile::IsMappedAt(uintptr_t image) {
  static_assert(kBufferBytes >= platform::kPageBytes);
  const long bytes = platform::ReadAt(file_, 0, buffer_.data(), platform::kPageBytes);
  return bytes > static_cast<long>(sizeof(Elf64_Ehdr)) && platform::IsReadable(image) &&
         std::memcmp(buffer_.data(), reinterpret_cast<const void*>(image),
                     static_cast<size_t>(bytes)) == 0;
}

bool SymbolFile::FindTable() {
  Elf64_Ehdr header;
  if (!ReadAll(0, &header, sizeof header)) return false;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr)) {
    return false;
  }
  const uint64_t sections = std::min<uint64_t>(header.e_shnum, kMostSections);
  for (uint64_t i = 0; i < sections && symbols_.sh_type != SHT_SYMTAB; ++i) {
    Elf64_Shdr section;
    if (!ReadAll(header.e_shoff + i * sizeof section, &section, sizeof section)) return false;
    if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM) symbols_ = section;
  }
  return symbols_.sh_entsize == sizeof(Elf64_Sym) && symbols_.sh_link < sections &&
         ReadAll(header.e_shoff + symbols_.sh_link * sizeof names_, &names_, sizeof names_);
}

void SymbolFile::Find(std::span<SymbolPlace> places) {
  if (file_ < 0) return;
  const uint64_t count = std::min(symbols_.sh_size / sizeof(Elf64_Sym), kMostSymbols);
  constexpr size_t kAtOnce = kBufferBytes / sizeof(Elf64_Sym);
  for (uint64_t first = 0; first < count; first += kAtOnce) {
    const size_t here = std::min<uint64_t>(kAtOnce, count - first);
    const uint64_t offset = symbols_.sh_offset + first * sizeof(Elf64_Sym);
    if (!ReadAll(offset, buffer_.data(), here * sizeof(Elf64_Sym))) return;
    for (size_t i = 0; i < here; ++i) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, buffer_.data() + i * sizeof symbol, sizeof symbol);
      if (!IsFunction(symbol)) continue;
      for (SymbolPlace& place : places) Offer(symbol, names_, place);
    }
  }
}

std::string_view SymbolFile::NameOf(const SymbolPlace& place) {
  if (file_ < 0 || place.name == 0) return {};
  const size_t most =
      std::min<uint64_t>(kMostNameBytes, names_.sh_offset + names_.sh_size - place.name);
  const long bytes = platform::ReadAt(file_, place.name, buffer_.data(), most);
  if (bytes <= 0) return {};
  const std::string_view text(buffer_.data(), static_cast<size_t>(bytes));
  return text.substr(0, text.find('\0'));
}

}  // namespace bartizan
