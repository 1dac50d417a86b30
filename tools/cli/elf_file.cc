#include "tools/cli/elf_file.h"

#include <elf.h>

#include <cstring>
#include <fstream>

namespace bartizan::cli {
namespace {

constexpr uint16_t kMaxSegments = 1024;
constexpr uint64_t kMaxInterpreterBytes = 4096;

template <class T>
bool ReadAt(std::ifstream& file, uint64_t offset, T* value) {
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(file.read(reinterpret_cast<char*>(value), sizeof *value));
}

std::string ReadInterpreter(std::ifstream& file, const Elf64_Phdr& segment) {
  if (segment.p_filesz == 0 || segment.p_filesz > kMaxInterpreterBytes) return "";
  std::string text(segment.p_filesz, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(segment.p_offset));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text.c_str();
}

// The machine this command was built for is the one that our library was built for.
uint16_t NativeMachine() {
  static const uint16_t machine = [] {
    std::ifstream self("/proc/self/exe", std::ios::binary);
    Elf64_Ehdr header{};
    return ReadAt(self, 0, &header) ? header.e_machine : uint16_t{EM_NONE};
  }();
  return machine;
}

}  // namespace

ElfFile ReadElfFile(const std::string& path) {
  ElfFile result;
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  // The identification comes first and is the same for every class.
  if (!file || !ReadAt(file, 0, &header.e_ident)) return result;
  result.is_elf = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
  if (!result.is_elf || !ReadAt(file, 0, &header)) return result;
  result.is_native = header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == NativeMachine();
  if (!result.is_native) return result;
  result.is_shared_object = header.e_type == ET_DYN;
  for (uint16_t i = 0; i < header.e_phnum && i < kMaxSegments; ++i) {
    Elf64_Phdr segment{};
    if (!ReadAt(file, header.e_phoff + uint64_t{i} * sizeof segment, &segment)) break;
    if (segment.p_type == PT_INTERP) result.interpreter = ReadInterpreter(file, segment);
    if (segment.p_type != PT_LOAD) continue;
    result.segments.push_back(
        {segment.p_offset, segment.p_filesz, segment.p_vaddr, (segment.p_flags & PF_W) != 0});
  }
  return result;
}

}  // namespace bartizan::cli
