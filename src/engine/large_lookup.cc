// What is known of an address that a program passed to a function which may be called anywhere.
#include "src/base/bits.h"
#include "src/engine/large_blocks.h"
#include "src/platform/memory.h"

namespace bartizan {

MemoryKind LargeBlocks::Look(uintptr_t address, LargeView* view) {
  if (address < lowest_.load(std::memory_order_relaxed) ||
      address >= highest_.load(std::memory_order_relaxed)) {
    return MemoryKind::kForeign;
  }
  if (!lock_.AcquireSoon()) return MemoryKind::kForeign;
  bool cached = false;
  const MemoryKind kind = LookLocked(address, view, &cached);
  lock_.Release();
  // The address of a freed block is inaccessible, or may by now be somebody else's.
  unsigned char resident;
  const bool mapped = kind == MemoryKind::kFree && !cached &&
                      platform::ResidentPages(AlignDown(address, platform::kPageBytes),
                                              platform::kPageBytes, &resident);
  return mapped ? MemoryKind::kForeign : kind;
}

MemoryKind LargeBlocks::LookLocked(uintptr_t address, LargeView* view, bool* cached) const {
  const auto* block = static_cast<const LargeBlock*>(live_.Find(address));
  if (block != nullptr) {
    *view = {block->user, block->requested, block->family, block->map_end};
    return MemoryKind::kLive;
  }
  for (size_t i = 0; i < cached_count_ && !*cached; ++i) {
    *cached = address >= cached_[i]->map_begin && address < cached_[i]->map_end;
  }
  bool freed = *cached;
  for (const platform::AddressRange& range : freed_) {
    freed = freed || (address >= range.begin && address < range.end);
  }
  return freed ? MemoryKind::kFree : MemoryKind::kForeign;
}

}  // namespace bartizan
