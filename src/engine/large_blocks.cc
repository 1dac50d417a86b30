#include "src/engine/large_blocks.h"

#include <algorithm>
#include <cstring>

#include "src/base/bits.h"
#include "src/engine/epochs.h"
#include "src/metadata/seeding.h"
#include "src/platform/memory.h"
#include "src/platform/topology.h"

namespace bartizan {

constinit LargeBlocks g_large_blocks;

namespace {

using platform::Access;
using platform::Claim;
using platform::kHugePageBytes;
using platform::kPageBytes;

constexpr int kPlaceTries = 64;
// Larger samples have a mapping of their own, which costs little beside the faults of their pages.
constexpr size_t kMostAmongSamples = 64 * kKiB;

}  // namespace

void LargeBlocks::Initialize(RandomStream& random) {
  guarded_limit_ = platform::MappingLimit() / 2;
  space_.Initialize(random);
}

void LargeBlocks::Reseed() {
  RandomStream random = NewStream(StreamUse::kLargeBlocks);
  space_.Reseed(random);
}

LargeBlock* LargeBlocks::FindExact(uintptr_t user) const {
  auto* block = static_cast<LargeBlock*>(live_.Find(user));
  return block != nullptr && block->user == user ? block : nullptr;
}

// --- Allocation ---------------------------------------------------------------------------------

void* LargeBlocks::Allocate(const LargeRequest& request, const LargePolicy& policy, bool* zeroed) {
  LargeBlock* block = nullptr;
  const bool sampled = request.weight != 0;
  if (!sampled && request.alignment <= kPageBytes) block = TakeCached(request, policy);
  if (block == nullptr) {
    const Shape shape = ShapeOf(request, policy);
    block = sampled ? PlaceSample(shape) : TakeStuck(shape);
    if (block == nullptr) block = Place(shape);
    if (block == nullptr) return nullptr;
  }
  const bool dirty = block->dirty;
  *zeroed = !dirty;
  const bool upper = request.against_upper && request.alignment <= kPageBytes;
  // A block of no bytes may begin where the mapping ends, but not where the range does: that is
  // somebody else's address.
  const uintptr_t last = std::min(block->map_end - request.bytes, block->end - 1);
  block->user = upper ? AlignDown(last, request.alignment) : block->map_begin;
  block->requested = request.bytes;
  block->epoch = request.epoch;
  block->family = request.family;
  block->dirty = false;
  if (dirty) ClearSlack(*block);
  if (sampled) MakeSample(block, request.weight);
  const uintptr_t user = block->user;
  platform::LockGuard guard(lock_);
  Enter(block);
  return reinterpret_cast<void*>(user);
}

// Without memory for what is to be known of it, the block is none.
void LargeBlocks::MakeSample(LargeBlock* block, uint64_t weight) {
  lock_.Acquire();
  space_.NewSample(block);
  lock_.Release();
  if (block->sample == nullptr) return;
  samples::RecordAllocation(block, weight);
  samples::PaintSlack(*block);
}

void LargeBlocks::ClearSlack(const LargeBlock& block) {
  const uintptr_t end = block.user + block.requested;
  const size_t slack = block.map_end - end;
  std::memset(reinterpret_cast<void*>(end), 0, slack < kLargeSlack ? slack : kLargeSlack);
}

LargeBlocks::Shape LargeBlocks::ShapeOf(const LargeRequest& request, const LargePolicy& policy) {
  const bool huge = WantsHugePages(request.bytes, policy);
  const size_t pages = AlignUp(request.bytes == 0 ? 1 : request.bytes, kPageBytes);
  const bool rounds_up = huge && pages % kHugePageBytes >= kHugeThreshold;
  const size_t alignment = huge ? kHugePageBytes : kPageBytes;
  return {.map_bytes = rounds_up ? AlignUp(pages, kHugePageBytes) : pages,
          .alignment = request.alignment > alignment ? request.alignment : alignment,
          .guard_before = request.guard_before,
          .guard_after = request.guard_after,
          .huge = huge};
}

// Among the live ones. The lock is held.
void LargeBlocks::Enter(LargeBlock* block) {
  live_.Insert(block);
  if (block->epoch != 0) EnterEpoch(block);
  if (block->recyclable || !platform::kChoosesAddresses) {
    // Relaxed: who passes an address of the block has it from whoever entered the block.
    if (block->begin < lowest_.load(std::memory_order_relaxed)) {
      lowest_.store(block->begin, std::memory_order_relaxed);
    }
    if (block->end > highest_.load(std::memory_order_relaxed)) {
      highest_.store(block->end, std::memory_order_relaxed);
    }
  }
  among_samples_ += block->in_samples;
  statistics_.sampled_blocks += block->sample != nullptr;
  statistics_.live_blocks++;
  statistics_.live_bytes += block->requested;
  statistics_.mapped_bytes += block->map_bytes();
  statistics_.unguarded_blocks += block->guard_after == 0;
  CountLive();
}

// Out of the live ones: whoever does this owns the block alone. The lock is held.
void LargeBlocks::Leave(LargeBlock* block) {
  live_.Erase(block);
  if (block->epoch != 0) LeaveEpoch(block);
  among_samples_ -= block->in_samples;
  statistics_.sampled_blocks -= block->sample != nullptr;
  statistics_.live_blocks--;
  statistics_.live_bytes -= block->requested;
  statistics_.mapped_bytes -= block->map_bytes();
  statistics_.unguarded_blocks -= block->guard_after == 0;
  CountLive();
}

void LargeBlocks::CountLive() {
  mapped_count_.store(statistics_.live_blocks - among_samples_, std::memory_order_relaxed);
  sampled_count_.store(statistics_.sampled_blocks, std::memory_order_relaxed);
}

// The lock guards what epochs know of their large blocks, too.
void LargeBlocks::EnterEpoch(LargeBlock* block) {
  Epoch& epoch = *g_epochs.At(block->epoch);
  block->epoch_previous = nullptr;
  block->epoch_next = epoch.large;
  if (epoch.large != nullptr) epoch.large->epoch_previous = block;
  epoch.large = block;
  epoch.large_blocks++;
  epoch.large_bytes += block->requested;
  epoch.large_mapped_bytes += block->map_bytes();
}
void LargeBlocks::LeaveEpoch(LargeBlock* block) {
  Epoch& epoch = *g_epochs.At(block->epoch);
  LargeBlock*& link =
      block->epoch_previous != nullptr ? block->epoch_previous->epoch_next : epoch.large;
  link = block->epoch_next;
  if (block->epoch_next != nullptr) block->epoch_next->epoch_previous = block->epoch_previous;
  epoch.large_blocks--;
  epoch.large_bytes -= block->requested;
  epoch.large_mapped_bytes -= block->map_bytes();
}

LargeBlock* LargeBlocks::Place(const Shape& shape) {
  LargeBlock* block = nullptr;
  const size_t slack = shape.alignment > kPageBytes ? shape.alignment : 0;
  const size_t range_bytes = shape.guard_before + shape.map_bytes + shape.guard_after + slack;
  Claim claim = Claim::kOccupied;
  for (int tries = 0; tries < kPlaceTries && claim == Claim::kOccupied; ++tries) {
    lock_.Acquire();
    block = space_.TakeRange(range_bytes);
    lock_.Release();
    if (block == nullptr) break;
    claim = MapInto(block, shape);
  }
  if (claim == Claim::kRefused) return nullptr;
  if (claim == Claim::kDone) {
    block->guard_after = shape.guard_after;
  } else {
    block = PlaceByKernel(shape);
    if (block == nullptr) return nullptr;
  }
  block->huge = shape.huge;
  block->node = platform::CurrentNode();
  platform::BindToNode(block->map_begin, shape.map_bytes, block->node);
  if (shape.huge) platform::AdviseHugePages(block->map_begin, shape.map_bytes);
  return block;
}

// Among other samples. nullptr: it needs a mapping of its own.
LargeBlock* LargeBlocks::PlaceSample(const Shape& shape) {
  if (shape.map_bytes > kMostAmongSamples || shape.alignment > kPageBytes) return nullptr;
  lock_.Acquire();
  LargeBlock* block =
      space_.TakeSampleRange(shape.guard_before + shape.map_bytes + shape.guard_after);
  lock_.Release();
  if (block == nullptr) return nullptr;
  block->map_begin = block->begin + shape.guard_before;
  block->map_end = block->map_begin + shape.map_bytes;
  block->guard_after = shape.guard_after;
  if (platform::RemoveGuard(block->map_begin, shape.map_bytes)) return block;
  platform::LockGuard guard(lock_);
  space_.StopSamples();
  space_.Retire(block, false, 0);
  return nullptr;
}

// Maps the block's part of its range. Anything but kDone has given the record back.
Claim LargeBlocks::MapInto(LargeBlock* block, const Shape& shape) {
  block->map_begin = AlignUp(block->begin + shape.guard_before, shape.alignment);
  block->map_end = block->map_begin + shape.map_bytes;
  const Claim claim = platform::ClaimAt(block->map_begin, shape.map_bytes, Access::kReadWrite);
  if (claim == Claim::kDone) return claim;
  platform::LockGuard guard(lock_);
  space_.TakeBack(block, claim);
  return claim;
}

// Where the kernel likes, without guards of ours.
LargeBlock* LargeBlocks::PlaceByKernel(const Shape& shape) {
  const size_t slack = shape.alignment > kPageBytes ? shape.alignment : 0;
  const uintptr_t place = platform::ClaimAnywhere(shape.map_bytes + slack, Access::kReadWrite);
  if (place == 0) return nullptr;
  const uintptr_t begin = AlignUp(place, shape.alignment);
  const uintptr_t end = begin + shape.map_bytes;
  if (begin != place) platform::Release(place, begin - place);
  if (end != place + shape.map_bytes + slack) {
    platform::Release(end, place + shape.map_bytes + slack - end);
  }
  lock_.Acquire();
  LargeBlock* block = space_.NewRecord();
  lock_.Release();
  if (block == nullptr) {
    platform::Release(begin, shape.map_bytes);
    return nullptr;
  }
  block->begin = block->map_begin = begin;
  block->end = block->map_end = end;
  block->recyclable = false;
  return block;
}

// A mapping that could not be unmapped serves again, where it fits.
LargeBlock* LargeBlocks::TakeStuck(const Shape& shape) {
  platform::LockGuard guard(lock_);
  for (LargeBlock** link = &stuck_; *link != nullptr; link = &(*link)->next) {
    LargeBlock* block = *link;
    if (!FitsWithin(block->map_bytes(), shape.map_bytes)) continue;
    if (!IsAligned(block->map_begin, shape.alignment)) continue;
    *link = block->next;
    block->next = nullptr;
    statistics_.stuck_bytes -= block->map_bytes();
    return block;
  }
  return nullptr;
}

// --- Freeing ------------------------------------------------------------------------------------

bool LargeBlocks::Find(uintptr_t address, LargeView* view) {
  platform::LockGuard guard(lock_);
  const auto* block = static_cast<const LargeBlock*>(live_.Find(address));
  if (block == nullptr) return false;
  *view = ViewOf(*block);
  return true;
}

uint32_t LargeBlocks::EpochOf(uintptr_t address) {
  platform::LockGuard guard(lock_);
  const auto* block = static_cast<const LargeBlock*>(live_.Find(address));
  return block == nullptr ? 0 : block->epoch;
}

LargeBlocks::Past LargeBlocks::PastOf(uintptr_t address) {
  platform::LockGuard guard(lock_);
  for (size_t i = 0; i < kRemembered; ++i) {
    if (address >= freed_[i].begin && address < freed_[i].end) return freed_how_[i];
  }
  return space_.FindWaiting(address) != nullptr ? Past::kFreed : Past::kUnknown;
}

// The lock is held.
void LargeBlocks::Remember(const LargeBlock& block, Past past) {
  const size_t at = freed_count_++ % kRemembered;
  freed_[at] = {block.user, block.map_end};
  freed_how_[at] = past;
  freed_block_[at] = &block;
}

LargeBlock* LargeBlocks::Take(uintptr_t user, LargeView* view) {
  platform::LockGuard guard(lock_);
  LargeBlock* block = FindExact(user);
  if (block == nullptr) return nullptr;
  *view = ViewOf(*block);
  Leave(block);
  Remember(*block, Past::kFreed);
  return block;
}

LargeBlock* LargeBlocks::TakeOf(uint32_t epoch, LargeView* view) {
  platform::LockGuard guard(lock_);
  LargeBlock* block = g_epochs.At(epoch)->large;
  if (block == nullptr) return nullptr;
  *view = ViewOf(*block);
  Leave(block);
  Remember(*block, Past::kReleased);
  return block;
}

void LargeBlocks::Free(LargeBlock* taken, const LargePolicy& policy) {
  if (taken->sample != nullptr) {
    samples::CheckSlack(*taken);
    samples::RecordFree(taken);
  }
  if (!Keep(taken, policy)) GiveBack(taken, policy);
}

bool LargeBlocks::GiveBackAmongSamples(LargeBlock* block) {
  const uintptr_t begin = block->map_begin;
  const size_t bytes = block->map_bytes();
  if (platform::InstallGuard(begin, bytes)) return true;
  // The program may have locked it.
  if (platform::Unlock(begin, bytes) && platform::InstallGuard(begin, bytes)) return true;
  // The kernel, or a sandbox, does not let go on like this: all of the range is unmapped.
  block->in_samples = false;
  lock_.Acquire();
  space_.StopSamples();
  lock_.Release();
  return platform::Release(block->begin, block->bytes());
}

bool LargeBlocks::GiveBack(LargeBlock* block, const LargePolicy& policy) {
  const bool released = block->in_samples ? GiveBackAmongSamples(block)
                                          : platform::Release(block->map_begin, block->map_bytes());
  if (!released && !platform::DropPages(block->map_begin, block->map_bytes())) {
    // Locked memory in a process out of mappings: what serves again must hold nothing.
    ZeroPages(block->map_begin, block->map_bytes());
  }
  platform::LockGuard guard(lock_);
  if (released) {
    if (block->sample != nullptr) {
      space_.RetireSample(block, policy.sample_budget);
    } else {
      space_.Retire(block, policy.waits, policy.quarantine_bytes);
    }
  } else {
    space_.DropSample(block);
    // The process is out of mappings: the pages are gone, the mapping waits to serve again.
    block->dirty = false;
    block->next = stuck_;
    stuck_ = block;
    statistics_.stuck_bytes += block->map_bytes();
  }
  return released;
}

LargeStatistics LargeBlocks::Statistics() {
  platform::LockGuard guard(lock_);
  LargeStatistics result = statistics_;
  result.waiting_bytes = space_.waiting_bytes();
  return result;
}

}  // namespace bartizan
