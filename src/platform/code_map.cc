#include "src/platform/code_map.h"

#include <elf.h>

#include <cstring>

#include "src/platform/mapping_list.h"
#include "src/platform/readable_memory.h"

namespace bartizan::platform {
namespace {

// The unwind table's header is worth something only if it can be searched: addresses of four bytes,
// relative to the header.
bool IsSearchable(uintptr_t header) {
  constexpr uint8_t kVersion = 1;
  constexpr uint8_t kCountOfFourBytes = 0x03;
  constexpr uint8_t kRelativeToHeader = 0x3b;
  if (!IsReadable(header)) return false;
  uint8_t bytes[4];
  std::memcpy(bytes, reinterpret_cast<const void*>(header), sizeof bytes);
  return bytes[0] == kVersion && bytes[2] == kCountOfFourBytes && bytes[3] == kRelativeToHeader;
}

bool AllReadable(uintptr_t begin, size_t bytes) {
  for (uintptr_t at = begin; at < begin + bytes; at += kPageBytes) {
    if (!IsReadable(at)) return false;
  }
  return IsReadable(begin + bytes - sizeof(uint64_t));
}

}  // namespace

bool ReadImageHeaders(const CodeRange& range, uintptr_t pc, ImageHeaders* headers) {
  if (range.image == 0 || !AllReadable(range.image, sizeof(Elf64_Ehdr))) return false;
  Elf64_Ehdr file;
  std::memcpy(&file, reinterpret_cast<const void*>(range.image), sizeof file);
  if (std::memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 || file.e_ident[EI_CLASS] != ELFCLASS64 ||
      file.e_phentsize != sizeof(Elf64_Phdr) || file.e_phnum == 0 || file.e_phoff % 8 != 0) {
    return false;
  }
  *headers = {.bias = 0,
              .segments = range.image + file.e_phoff,
              .segment_count = file.e_phnum,
              .has_tables = false};
  if (!AllReadable(headers->segments, file.e_phnum * sizeof(Elf64_Phdr))) return false;
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(headers->segments);
  const Elf64_Phdr* first = nullptr;
  for (int i = 0; i < file.e_phnum && first == nullptr; ++i) {
    if (segments[i].p_type == PT_LOAD) first = &segments[i];
  }
  if (first == nullptr || first->p_offset >= kPageBytes) return false;
  headers->bias = range.image - first->p_vaddr / kPageBytes * kPageBytes;
  bool is_code = false;
  uintptr_t tables = 0;
  for (int i = 0; i < file.e_phnum; ++i) {
    const Elf64_Phdr& segment = segments[i];
    const uintptr_t begin = headers->bias + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && pc - begin < segment.p_memsz) is_code = true;
    if (segment.p_type == PT_GNU_EH_FRAME) tables = begin;
  }
  headers->has_tables = tables != 0 && IsSearchable(tables);
  return is_code;
}

const CodeRange* CodeMap::Search(uintptr_t pc) const {
  size_t low = 0;
  size_t high = count_;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (pc >= ranges_[middle].end) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < count_ && pc >= ranges_[low].begin ? &ranges_[low] : nullptr;
}

void CodeMap::ReadMappings() {
  static constinit char buffer[16384];
  MappingList list(buffer, sizeof buffer);
  if (!list.is_open()) return;
  ImageStart start;
  Mapping mapping;
  count_ = 0;
  while (count_ < kMostRanges && list.Next(&mapping)) {
    const uintptr_t image = start.Of(mapping);
    if (!mapping.executable) continue;
    ranges_[count_++] = {
        .begin = mapping.begin, .end = mapping.end, .image = mapping.readable ? image : 0};
  }
}

const CodeRange* CodeMap::Find(uintptr_t pc) {
  if (const CodeRange* found = Search(pc)) return found;
  // Most of what is no code is no memory either.
  if (!IsReadable(pc & ~uintptr_t{7})) return nullptr;
  constexpr uint32_t kFree = 16;
  constexpr uint32_t kMostDoublings = 12;
  const uint32_t beyond = in_vain_ < kFree ? 0 : in_vain_ - kFree;
  const uint32_t doublings = beyond < kMostDoublings ? beyond : kMostDoublings;
  if (asked_++ < (1u << doublings) - 1) return nullptr;
  ReadMappings();
  asked_ = 0;
  const CodeRange* const found = Search(pc);
  in_vain_ = found != nullptr ? 0 : in_vain_ + 1;
  return found;
}

}  // namespace bartizan::platform
