// Large blocks that were freed and stay mapped, to serve again.
#include <cstring>

#include "src/base/bits.h"
#include "src/engine/clock.h"
#include "src/engine/epochs.h"
#include "src/engine/large_blocks.h"
#include "src/platform/memory.h"
#include "src/platform/topology.h"

namespace bartizan {
namespace {

using platform::Access;
using platform::Claim;
using platform::kPageBytes;

// Kept however rarely large blocks are asked for.
constexpr size_t kAlwaysKept = 512 * kKiB;
// The product with any rate fits a word.
constexpr uint64_t kLongAgoMs = 1 << 20;
// A cached mapping of less than half of what is wanted would need more new pages than it has.
constexpr size_t kWorthGrowing = 2;
// Mappings that could not be unmapped, of which a purge in passing gives back so many.
constexpr size_t kMostUnstuck = 64;

// What it takes to make the mapping fit: pages that are given up, or new ones. SIZE_MAX: too many.
size_t Difference(size_t mapped, size_t wanted) {
  if (mapped >= wanted) return mapped - wanted;
  return wanted / kWorthGrowing <= mapped ? wanted - mapped : SIZE_MAX;
}

}  // namespace

// What is not in memory was never touched, or is in swap: dropping it is free in the one case and
// wanted in the other.
void LargeBlocks::ZeroPages(uintptr_t begin, size_t bytes) {
  constexpr size_t kBatch = 512;
  unsigned char resident[kBatch];
  for (size_t done = 0; done < bytes;) {
    const size_t left = (bytes - done) / kPageBytes;
    const size_t pages = left < kBatch ? left : kBatch;
    const bool known = platform::ResidentPages(begin + done, pages * kPageBytes, resident);
    for (size_t page = 0; page < pages;) {
      const bool present = !known || (resident[page] & 1) != 0;
      size_t end = page + 1;
      while (end < pages && known && ((resident[end] & 1) != 0) == present) ++end;
      if (!known) end = pages;
      const uintptr_t run = begin + done + page * kPageBytes;
      const size_t run_bytes = (end - page) * kPageBytes;
      if (present || !platform::DropPages(run, run_bytes)) {
        std::memset(reinterpret_cast<void*>(run), 0, run_bytes);
      }
      page = end;
    }
    done += pages * kPageBytes;
  }
}

// What the cache may hold: as much as was asked for lately. Where blocks come and go quickly, all
// that the option allows; where they are rare, their pages are needed elsewhere more than here. The
// lock is held.
size_t LargeBlocks::CacheBudget(uint64_t now_ms, const LargePolicy& policy) {
  const uint64_t elapsed = now_ms - demand_ms_ < kLongAgoMs ? now_ms - demand_ms_ : kLongAgoMs;
  demand_ms_ = now_ms;
  const size_t forgotten = elapsed * policy.forgotten_per_ms;
  demand_ = demand_ > forgotten ? demand_ - forgotten : 0;
  if (demand_ > policy.cache_bytes) demand_ = policy.cache_bytes;
  const size_t budget = demand_ + kAlwaysKept;
  return budget < policy.cache_bytes ? budget : policy.cache_bytes;
}

// The cached block that fits best. The lock is held.
size_t LargeBlocks::FindCached(const LargeRequest& request, const Shape& shape) const {
  const uint32_t node = platform::CurrentNode();
  size_t best = kMaxCached;
  size_t least = SIZE_MAX;
  for (size_t i = 0; i < cached_count_; ++i) {
    const LargeBlock* block = cached_[i];
    if (block->node != node) continue;
    const size_t mapped = block->map_bytes();
    const bool fits = FitsWithin(mapped, AlignUp(request.bytes, kPageBytes));
    // One that fits is taken before all that would have to be changed. Huge pages are not cut, and
    // what must be zeroed should not be much more than what is asked for.
    if (!fits && (block->huge != shape.huge || (request.zeroed && block->dirty))) continue;
    const size_t difference = fits ? 0 : Difference(mapped, shape.map_bytes);
    const bool smaller = best != kMaxCached && mapped < cached_[best]->map_bytes();
    if (difference > least || (difference == least && !smaller)) continue;
    least = difference;
    best = i;
  }
  return best;
}

LargeBlock* LargeBlocks::TakeCached(const LargeRequest& request, const LargePolicy& policy) {
  const Shape shape = ShapeOf(request, policy);
  const uint64_t now = EngineMilliseconds();
  LargeBlock* block;
  bool fits;
  {
    platform::LockGuard guard(lock_);
    const size_t budget = CacheBudget(now, policy);
    demand_ += shape.map_bytes;
    const size_t found = FindCached(request, shape);
    if (found == kMaxCached) return nullptr;
    block = cached_[found];
    fits = FitsWithin(block->map_bytes(), AlignUp(request.bytes, kPageBytes));
    // As long as there is room for both, and where large blocks come and go quickly, there will
    // soon be one for each size that is asked for.
    const bool room = statistics_.cached_bytes + shape.map_bytes <= budget;
    if (!fits && (room || budget == policy.cache_bytes)) return nullptr;
    RemoveCached(found, 1);
  }
  return fits ? block : FitCached(block, shape);
}

// Gives a cached block's mapping the size that is wanted: its pages need not be faulted in again,
// and what it has too many is not held besides what would have to be mapped. nullptr: that did not
// work, and the block was given back.
LargeBlock* LargeBlocks::FitCached(LargeBlock* block, const Shape& shape) {
  const size_t mapped = block->map_bytes();
  if (mapped > shape.map_bytes) {
    if (platform::Release(block->map_begin + shape.map_bytes, mapped - shape.map_bytes)) {
      block->map_end = block->map_begin + shape.map_bytes;
    }
    return block;
  }
  const uintptr_t end = block->map_begin + shape.map_bytes;
  if (MakeRoomBehind(block, end) && MoveEnd(block, end)) {
    if (shape.huge) platform::AdviseHugePages(block->map_begin, shape.map_bytes);
    return block;
  }
  // The program never saw the address, or it need not wait.
  LargeBlock* moved = GrowElsewhere(block, shape.map_bytes, shape.huge, LargePolicy{});
  if (moved == nullptr) {
    GiveBack(block, LargePolicy{});
    return nullptr;
  }
  moved->dirty = block->dirty;
  return moved;
}

// The lock is held.
void LargeBlocks::RemoveCached(size_t first, size_t count) {
  for (size_t i = first; i < first + count; ++i) {
    statistics_.cached_bytes -= cached_[i]->map_bytes();
  }
  cached_count_ -= count;
  for (size_t i = first; i < cached_count_; ++i) cached_[i] = cached_[i + count];
  cached_bytes_.store(statistics_.cached_bytes, std::memory_order_relaxed);
}

// Into the cache, when it fits and keeping it pays.
bool LargeBlocks::Keep(LargeBlock* block, const LargePolicy& policy) {
  const size_t bytes = block->map_bytes();
  if (block->sample != nullptr || block->in_samples) return false;
  if (bytes > policy.cache_bytes / 4 || policy.decay_ms == 0) return false;
  // What a closing epoch had goes back to the system.
  const Epoch* const epoch = g_epochs.At(block->epoch);
  if (epoch != nullptr && epoch->closing) return false;
  // Huge pages are as cheap to fault in again, zeroed by the kernel, as to zero here.
  if (policy.zero && block->huge) return false;
  const uint64_t now = EngineMilliseconds();
  {
    platform::LockGuard guard(lock_);
    if (bytes > CacheBudget(now, policy)) return false;
  }
  if (policy.zero) ZeroPages(block->map_begin, bytes);
  if (policy.waits) {
    block = Hide(block, policy);
    if (block == nullptr) return true;
  }
  block->dirty = !policy.zero;
  block->since_ms = now;
  EnterCached(block, now, policy);
  return true;
}

// The block takes the place of those that were kept longest.
void LargeBlocks::EnterCached(LargeBlock* block, uint64_t now_ms, const LargePolicy& policy) {
  LargeBlock* evicted[kMaxCached];
  size_t evictions;
  {
    platform::LockGuard guard(lock_);
    const size_t bytes = block->map_bytes();
    const size_t budget = CacheBudget(now_ms, policy);
    evictions = RemoveOldest(budget > bytes ? budget - bytes : 0, kMaxCached - 1, evicted);
    cached_[cached_count_++] = block;
    statistics_.cached_bytes += bytes;
    cached_bytes_.store(statistics_.cached_bytes, std::memory_order_relaxed);
  }
  // Where addresses wait, the program never saw those of cached blocks.
  for (size_t i = 0; i < evictions; ++i) GiveBack(evicted[i], LargePolicy{});
}

// Until no more than that many bytes and blocks are left. The lock is held.
size_t LargeBlocks::RemoveOldest(size_t bytes, size_t blocks, LargeBlock** removed) {
  size_t count = 0;
  size_t left = statistics_.cached_bytes;
  while (count < cached_count_ && (left > bytes || cached_count_ - count > blocks)) {
    removed[count] = cached_[count];
    left -= cached_[count]->map_bytes();
    ++count;
  }
  RemoveCached(0, count);
  return count;
}

void LargeBlocks::Trim(uint64_t now_ms, const LargePolicy& policy) {
  if (cached_bytes_.load(std::memory_order_relaxed) <= kAlwaysKept) return;
  LargeBlock* removed[kMaxCached];
  size_t count;
  {
    platform::LockGuard guard(lock_);
    count = RemoveOldest(CacheBudget(now_ms, policy), kMaxCached, removed);
  }
  for (size_t i = 0; i < count; ++i) GiveBack(removed[i], LargePolicy{});
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
  const Claim claim = platform::ClaimAt(hidden->map_begin, bytes, Access::kNone);
  if (claim == Claim::kDone &&
      platform::MovePages(block->map_begin, bytes, hidden->map_begin, bytes)) {
    platform::LockGuard guard(lock_);
    space_.Retire(block, policy.waits, policy.quarantine_bytes);
    return hidden;
  }
  lock_.Acquire();
  space_.TakeBack(hidden, claim);
  lock_.Release();
  GiveBack(block, policy);
  return nullptr;
}

void LargeBlocks::Purge(uint64_t now_ms, uint64_t minimum_age_ms) {
  LargeBlock* old[kMaxCached];
  size_t count = 0;
  {
    platform::LockGuard guard(lock_);
    for (; count < cached_count_ && now_ms - cached_[count]->since_ms >= minimum_age_ms; ++count) {
      old[count] = cached_[count];
    }
    RemoveCached(0, count);
  }
  for (size_t i = 0; i < count; ++i) GiveBack(old[i], LargePolicy{});
  // Whoever asked for memory back waits for all of it, a malloc that came by not for long.
  size_t patience = minimum_age_ms == 0 ? SIZE_MAX : kMostUnstuck;
  while (patience-- != 0 && GiveBackStuck()) {
  }
}

// Tries one block that could not be unmapped again. False: there is none, or it still cannot.
bool LargeBlocks::GiveBackStuck() {
  LargeBlock* stuck;
  {
    platform::LockGuard guard(lock_);
    stuck = stuck_;
    if (stuck == nullptr) return space_.UnmapStuck();
    stuck_ = stuck->next;
    statistics_.stuck_bytes -= stuck->map_bytes();
  }
  return GiveBack(stuck, LargePolicy{});
}

}  // namespace bartizan
