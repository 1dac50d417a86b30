// What is known of an address that a program passed to a function which may be called anywhere.
#include "src/base/bits.h"
#include "src/engine/large_blocks.h"
#include "src/platform/memory.h"
#include "src/platform/readable_memory.h"

namespace bartizan {
namespace {

size_t DistanceTo(const LargeBlock& block, uintptr_t address) {
  if (address < block.user) return block.user - address;
  const uintptr_t end = block.user + block.requested;
  return address < end ? 0 : address - end + 1;
}

}  // namespace

MemoryKind LargeBlocks::Look(uintptr_t address, LargeView* view) {
  if (address < lowest_.load(std::memory_order_relaxed) ||
      address >= highest_.load(std::memory_order_relaxed)) {
    return MemoryKind::kForeign;
  }
  if (!lock_.AcquireSoon()) return MemoryKind::kForeign;
  bool cached = false;
  const MemoryKind kind = LookLocked(address, view, &cached);
  lock_.Release();
  if (kind != MemoryKind::kFree || cached) return kind;
  // The address of a freed block is inaccessible, or may by now be somebody else's.
  const uintptr_t page = AlignDown(address, platform::kPageBytes);
  unsigned char resident;
  const bool mapped = space_.sample_space().Contains(address)
                          ? platform::IsReadable(page)
                          : platform::ResidentPages(page, platform::kPageBytes, &resident);
  return mapped ? MemoryKind::kForeign : MemoryKind::kFree;
}

MemoryKind LargeBlocks::LookLocked(uintptr_t address, LargeView* view, bool* cached) const {
  const auto* block = static_cast<const LargeBlock*>(live_.Find(address));
  if (block != nullptr) {
    *view = ViewOf(*block);
    return MemoryKind::kLive;
  }
  for (size_t i = 0; i < cached_count_ && !*cached; ++i) {
    *cached = address >= cached_[i]->map_begin && address < cached_[i]->map_end;
  }
  bool freed = *cached || space_.sample_space().Contains(address);
  for (const platform::AddressRange& range : freed_) {
    freed = freed || (address >= range.begin && address < range.end);
  }
  return freed ? MemoryKind::kFree : MemoryKind::kForeign;
}

const LargeBlock* LargeBlocks::NearestLive(uintptr_t address, size_t distance) const {
  const auto* below = static_cast<const LargeBlock*>(live_.AtOrBefore(address));
  const auto* above = static_cast<const LargeBlock*>(live_.AtOrAfter(address));
  const size_t to_below = below == nullptr       ? SIZE_MAX
                          : address < below->end ? 0
                                                 : address - below->end;
  const size_t to_above = above == nullptr ? SIZE_MAX : above->begin - address;
  if (to_below > distance && to_above > distance) return nullptr;
  return to_below <= to_above ? below : above;
}

// Of those that were taken to be freed, and are being looked at, or kept, since.
const LargeBlock* LargeBlocks::FindTaken(uintptr_t address) const {
  for (size_t i = 0; i < kRemembered; ++i) {
    if (address < freed_[i].begin || address >= freed_[i].end) continue;
    const LargeBlock* block = freed_block_[i];
    if (block->user == freed_[i].begin && block->map_end == freed_[i].end) return block;
  }
  return nullptr;
}

bool LargeBlocks::FindSample(uintptr_t address, SampleView* view) {
  return FindNear(address, 0, view) && view->has_sample;
}

LargeBlocks::Known LargeBlocks::OwnerOf(uintptr_t address) const {
  const auto* live = static_cast<const LargeBlock*>(live_.Find(address));
  if (live != nullptr) return {live, true};
  if (const LargeBlock* block = space_.FindWaiting(address)) return {block, false};
  const LargeBlock* taken = FindTaken(address);
  // Until the end of its life is noted, what is found is found in a live block.
  return {taken, taken != nullptr && taken->sample != nullptr && taken->sample->free.time_ns == 0};
}

// Guards of two blocks touch: between them, the nearer one is meant.
LargeBlocks::Known LargeBlocks::NearerNeighbour(uintptr_t address, const Known& owner) const {
  const LargeBlock& block = *owner.block;
  if (address >= block.map_begin && address < block.map_end) return owner;
  const Known other = OwnerOf(address < block.map_begin ? block.begin - 1 : block.end);
  const bool nearer =
      other.block != nullptr && DistanceTo(*other.block, address) < DistanceTo(block, address);
  return nearer ? other : owner;
}

bool LargeBlocks::FindNear(uintptr_t address, size_t distance, SampleView* view) {
  if (!lock_.AcquireSoon()) return false;
  Known known = OwnerOf(address);
  if (distance != 0) {
    known = known.block != nullptr ? NearerNeighbour(address, known)
                                   : Known{NearestLive(address, distance), true};
  }
  const auto [block, live] = known;
  const bool found = block != nullptr;
  if (found) {
    *view = {.user = block->user,
             .requested = block->requested,
             .family = block->family,
             .live = live,
             .map_begin = block->map_begin,
             .map_end = block->map_end,
             .begin = block->begin,
             .end = block->end,
             .has_sample = block->sample != nullptr,
             .sample = {}};
    if (view->has_sample) view->sample = *block->sample;
  }
  lock_.Release();
  return found;
}

uint64_t LargeBlocks::ResidentBytes(uint64_t (*resident)(uintptr_t begin, size_t bytes)) {
  uint64_t bytes = 0;
  uintptr_t from = 0;
  for (;;) {
    lock_.Acquire();
    const auto* block = static_cast<const LargeBlock*>(live_.AtOrAfter(from));
    const platform::AddressRange mapped =
        block == nullptr ? platform::AddressRange{}
                         : platform::AddressRange{block->map_begin, block->map_end};
    if (block != nullptr) from = block->end;
    lock_.Release();
    if (mapped.end == 0) break;
    bytes += resident(mapped.begin, mapped.end - mapped.begin);
  }
  platform::AddressRange cached[kMaxCached];
  size_t count = 0;
  {
    platform::LockGuard guard(lock_);
    for (; count < cached_count_; ++count) {
      cached[count] = {cached_[count]->map_begin, cached_[count]->map_end};
    }
  }
  for (size_t i = 0; i < count; ++i) {
    bytes += resident(cached[i].begin, cached[i].end - cached[i].begin);
  }
  return bytes;
}

}  // namespace bartizan
