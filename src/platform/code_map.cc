#include "src/platform/code_map.h"

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

}  // namespace

bool ReadCodeImage(const CodeRange& range, uintptr_t pc, CodeImage* code) {
  if (!ReadImage(range.image, &code->image)) return false;
  uintptr_t tables = 0;
  for (const Elf64_Phdr& segment : code->image.segments) {
    if (segment.p_type == PT_GNU_EH_FRAME) tables = code->image.bias + segment.p_vaddr;
  }
  code->has_tables = tables != 0 && IsSearchable(tables);
  return Contains(code->image, pc);
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
