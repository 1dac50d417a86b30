#include "src/engine/large_blocks.h"

#include <cstring>

#include "src/base/bits.h"
#include "src/platform/entropy.h"
#include "src/platform/memory.h"
#include "src/platform/topology.h"

namespace bartizan {

constinit LargeBlocks g_large_blocks;

namespace {

using platform::Access;
using platform::Claim;
using platform::kHugePageBytes;
using platform::kPageBytes;

// From here on huge pages are asked for: a 2 MiB fault costs far less than the 4 KiB faults of the
// same range, and at most an eighth of a huge page is spent on the rounding.
constexpr size_t kHugeThreshold = kHugePageBytes / 8 * 7;
// Blocks above this are often reservations that are touched here and there, which huge pages would
// fill with memory nobody asked for.
constexpr size_t kHugeLimit = kGiB;
constexpr int kPlaceTries = 64;
// A cached mapping serves requests down to four fifths of it.
bool Fits(size_t mapped, size_t wanted) { return mapped >= wanted && mapped <= wanted + wanted / 4; }

size_t MapBytes(size_t bytes, bool huge_pages) {
  const size_t pages = AlignUp(bytes, kPageBytes);
  const bool rounds_up = huge_pages && pages % kHugePageBytes >= kHugeThreshold;
  return rounds_up ? AlignUp(pages, kHugePageBytes) : pages;
}

// Zeroes what is in memory: pages that the program never touched stay untouched.
void ZeroResident(uintptr_t begin, size_t bytes) {
  constexpr size_t kBatch = 512;
  unsigned char resident[kBatch];
  for (size_t done = 0; done < bytes;) {
    const size_t left = bytes - done;
    const size_t part = left < kBatch * kPageBytes ? left : kBatch * kPageBytes;
    const bool known = platform::ResidentPages(begin + done, part, resident);
    for (size_t page = 0; page < part / kPageBytes; ++page) {
      if (known && (resident[page] & 1) == 0) continue;
      std::memset(reinterpret_cast<void*>(begin + done + page * kPageBytes), 0, kPageBytes);
    }
    done += part;
  }
}

}  // namespace

void LargeBlocks::Initialize(RandomStream& random) {
  guarded_limit_ = platform::MappingLimit() / 2;
  space_.Initialize(random);
}

LargeBlock* LargeBlocks::FindExact(uintptr_t user) const {
  auto* block = static_cast<LargeBlock*>(live_.Find(user));
  return block != nullptr && block->user == user ? block : nullptr;
}

// --- Allocation ---------------------------------------------------------------------------------

void* LargeBlocks::Allocate(const LargeRequest& request, const LargePolicy& policy, bool* zeroed) {
  LargeBlock* block = nullptr;
  if (request.alignment <= kPageBytes) block = TakeCached(request);
  if (block == nullptr) block = Place(request, policy);
  if (block == nullptr) {
    Purge(platform::CoarseMilliseconds(), 0);
    block = Place(request, policy);
  }
  if (block == nullptr) return nullptr;
  *zeroed = !block->dirty;
  Enter(block, request);
  return reinterpret_cast<void*>(block->user);
}

void LargeBlocks::Enter(LargeBlock* block, const LargeRequest& request) {
  const bool upper = request.against_upper && request.alignment <= kPageBytes;
  block->user = upper ? AlignDown(block->map_end - request.bytes, request.alignment)
                      : block->map_begin;
  block->requested = request.bytes;
  block->family = request.family;
  block->dirty = false;
  platform::LockGuard guard(lock_);
  live_.Insert(block);
  statistics_.live_blocks++;
  live_count_.store(statistics_.live_blocks, std::memory_order_relaxed);
  statistics_.live_bytes += request.bytes;
  statistics_.mapped_bytes += block->map_bytes();
  if (request.guard_after == 0) statistics_.unguarded_blocks++;
}

LargeBlock* LargeBlocks::TakeCached(const LargeRequest& request) {
  const size_t wanted = AlignUp(request.bytes, kPageBytes);
  const uint32_t node = platform::CurrentNode();
  platform::LockGuard guard(lock_);
  size_t best = kMaxCached;
  for (size_t i = 0; i < cached_count_; ++i) {
    const LargeBlock* block = cached_[i];
    if (block->node != node || !Fits(block->map_bytes(), wanted)) continue;
    if (best == kMaxCached || block->map_bytes() < cached_[best]->map_bytes()) best = i;
  }
  if (best == kMaxCached) return nullptr;
  LargeBlock* block = cached_[best];
  cached_count_--;
  for (size_t i = best; i < cached_count_; ++i) cached_[i] = cached_[i + 1];
  statistics_.cached_bytes -= block->map_bytes();
  return block;
}

LargeBlock* LargeBlocks::Place(const LargeRequest& request, const LargePolicy& policy) {
  const bool huge = policy.huge_pages && request.bytes >= kHugeThreshold &&
                    request.bytes <= kHugeLimit;
  const size_t map_bytes = MapBytes(request.bytes, huge);
  size_t alignment = huge ? kHugePageBytes : kPageBytes;
  if (request.alignment > alignment) alignment = request.alignment;
  const size_t slack = alignment > kPageBytes ? alignment : 0;
  const size_t range_bytes = request.guard_before + map_bytes + request.guard_after + slack;
  for (int tries = 0; tries < kPlaceTries; ++tries) {
    lock_.Acquire();
    LargeBlock* block = space_.TakeRange(range_bytes);
    lock_.Release();
    if (block == nullptr) {
      block = PlaceByKernel(map_bytes, alignment);
      if (block == nullptr) return nullptr;
    } else {
      const Claim claim = MapInto(block, request, map_bytes, alignment);
      if (claim == Claim::kRefused) return nullptr;
      if (claim == Claim::kOccupied) continue;
    }
    block->guard_after = request.guard_after;
    block->huge = huge;
    block->node = platform::CurrentNode();
    platform::BindToNode(block->map_begin, map_bytes, block->node);
    if (huge) platform::AdviseHugePages(block->map_begin, map_bytes);
    return block;
  }
  return nullptr;
}

// Maps the block's part of its range. Anything but kDone has given the record back.
Claim LargeBlocks::MapInto(LargeBlock* block, const LargeRequest& request, size_t map_bytes,
                           size_t alignment) {
  block->map_begin = AlignUp(block->begin + request.guard_before, alignment);
  block->map_end = block->map_begin + map_bytes;
  const Claim claim = platform::ClaimAt(block->map_begin, map_bytes, Access::kReadWrite);
  if (claim == Claim::kDone) return claim;
  platform::LockGuard guard(lock_);
  if (claim == Claim::kOccupied) {
    space_.RetireAroundObstacle(block);
  } else {
    space_.Retire(block, false, 0);
  }
  return claim;
}

LargeBlock* LargeBlocks::PlaceByKernel(size_t map_bytes, size_t alignment) {
  const size_t slack = alignment > kPageBytes ? alignment : 0;
  const uintptr_t place = platform::ClaimAnywhere(map_bytes + slack, Access::kReadWrite);
  if (place == 0) return nullptr;
  const uintptr_t begin = AlignUp(place, alignment);
  if (begin != place) platform::Release(place, begin - place);
  const uintptr_t end = place + map_bytes + slack;
  if (begin + map_bytes != end) platform::Release(begin + map_bytes, end - begin - map_bytes);
  lock_.Acquire();
  LargeBlock* block = space_.NewRecord();
  lock_.Release();
  if (block == nullptr) {
    platform::Release(begin, map_bytes);
    return nullptr;
  }
  block->begin = block->map_begin = begin;
  block->end = block->map_end = begin + map_bytes;
  block->recyclable = false;
  return block;
}

void LargeBlocks::SetRequested(LargeBlock* block, size_t bytes, uintptr_t map_end) {
  platform::LockGuard guard(lock_);
  statistics_.live_bytes += bytes - block->requested;
  statistics_.mapped_bytes += map_end - block->map_end;
  block->requested = bytes;
  block->map_end = map_end;
}

// --- Freeing ------------------------------------------------------------------------------------

bool LargeBlocks::Find(uintptr_t address, LargeView* view) {
  platform::LockGuard guard(lock_);
  const auto* block = static_cast<const LargeBlock*>(live_.Find(address));
  if (block == nullptr) return false;
  *view = {block->user, block->requested, block->family};
  return true;
}

bool LargeBlocks::WasFreed(uintptr_t address) {
  platform::LockGuard guard(lock_);
  for (const platform::AddressRange& range : freed_) {
    if (address >= range.begin && address < range.end) return true;
  }
  return false;
}

// The lock is held.
void LargeBlocks::Remember(const LargeBlock& block) {
  freed_[freed_count_++ % kRemembered] = {block.user, block.map_end};
}

bool LargeBlocks::Free(uintptr_t user, const LargePolicy& policy) {
  LargeBlock* block;
  {
    platform::LockGuard guard(lock_);
    block = FindExact(user);
    if (block == nullptr) return false;
    live_.Erase(block);
    Remember(*block);
    statistics_.live_blocks--;
    live_count_.store(statistics_.live_blocks, std::memory_order_relaxed);
    statistics_.live_bytes -= block->requested;
    statistics_.mapped_bytes -= block->map_bytes();
    if (block->guard_after == 0) statistics_.unguarded_blocks--;
  }
  if (!Keep(block, policy)) GiveBack(block, policy);
  return true;
}

// Into the cache, when it fits and keeping it pays.
bool LargeBlocks::Keep(LargeBlock* block, const LargePolicy& policy) {
  const size_t bytes = block->map_bytes();
  if (bytes > policy.cache_bytes / 4 || policy.decay_ms == 0) return false;
  // Huge pages are as cheap to fault in again, zeroed by the kernel, as to zero here.
  if (policy.zero && block->huge) return false;
  if (policy.zero) ZeroResident(block->map_begin, bytes);
  if (policy.waits) {
    block = Hide(block, policy);
    if (block == nullptr) return true;
  }
  block->dirty = !policy.zero;
  block->since_ms = platform::CoarseMilliseconds();
  LargeBlock* evicted[kMaxCached];
  size_t evictions = 0;
  {
    platform::LockGuard guard(lock_);
    while (cached_count_ == kMaxCached ||
           (cached_count_ > 0 && statistics_.cached_bytes + bytes > policy.cache_bytes)) {
      evicted[evictions++] = cached_[0];
      statistics_.cached_bytes -= cached_[0]->map_bytes();
      cached_count_--;
      for (size_t i = 0; i < cached_count_; ++i) cached_[i] = cached_[i + 1];
    }
    cached_[cached_count_++] = block;
    statistics_.cached_bytes += bytes;
  }
  for (size_t i = 0; i < evictions; ++i) GiveBack(evicted[i], policy);
  return true;
}

// Moves a freed block's pages to a place that nobody knows: the old address faults from now on, and
// waits. nullptr: that did not work, and the block was given back instead.
LargeBlock* LargeBlocks::Hide(LargeBlock* block, const LargePolicy& policy) {
  const size_t before = block->map_begin - block->begin;
  const size_t bytes = block->map_bytes();
  lock_.Acquire();
  LargeBlock* hidden = space_.TakeRange(block->bytes());
  lock_.Release();
  if (hidden == nullptr) {
    GiveBack(block, policy);
    return nullptr;
  }
  hidden->map_begin = hidden->begin + before;
  hidden->map_end = hidden->map_begin + bytes;
  hidden->guard_after = block->guard_after;
  hidden->node = block->node;
  const bool claimed =
      platform::ClaimAt(hidden->map_begin, bytes, Access::kNone) == Claim::kDone;
  if (claimed && platform::MovePages(block->map_begin, bytes, hidden->map_begin, bytes)) {
    platform::LockGuard guard(lock_);
    space_.Retire(block, policy.waits, policy.quarantine_bytes);
    return hidden;
  }
  if (claimed) platform::Release(hidden->map_begin, bytes);
  lock_.Acquire();
  if (claimed) {
    space_.Retire(hidden, false, 0);
  } else {
    space_.RetireAroundObstacle(hidden);
  }
  lock_.Release();
  GiveBack(block, policy);
  return nullptr;
}

void LargeBlocks::GiveBack(LargeBlock* block, const LargePolicy& policy) {
  const bool released = platform::Release(block->map_begin, block->map_bytes());
  if (!released) platform::DropPages(block->map_begin, block->map_bytes());
  platform::LockGuard guard(lock_);
  if (released) {
    space_.Retire(block, policy.waits, policy.quarantine_bytes);
  } else {
    // The process is out of mappings: the pages are gone, the address space stays taken.
    statistics_.lost_bytes += block->map_bytes();
    space_.DropRecord(block);
  }
}

void LargeBlocks::Purge(uint64_t now_ms, uint64_t minimum_age_ms) {
  LargeBlock* old[kMaxCached];
  size_t count = 0;
  {
    platform::LockGuard guard(lock_);
    while (count < cached_count_ && now_ms - cached_[count]->since_ms >= minimum_age_ms) {
      old[count] = cached_[count];
      statistics_.cached_bytes -= old[count]->map_bytes();
      ++count;
    }
    cached_count_ -= count;
    for (size_t i = 0; i < cached_count_; ++i) cached_[i] = cached_[i + count];
  }
  for (size_t i = 0; i < count; ++i) GiveBack(old[i], LargePolicy{});
}

LargeStatistics LargeBlocks::Statistics() {
  platform::LockGuard guard(lock_);
  LargeStatistics result = statistics_;
  result.waiting_bytes = space_.waiting_bytes();
  return result;
}

}  // namespace bartizan
