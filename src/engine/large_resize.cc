// Changing the size of a large block without copying it: in place, or by moving its pages.
#include <cstring>

#include "src/base/bits.h"
#include "src/engine/large_blocks.h"
#include "src/platform/memory.h"

namespace bartizan {
namespace {

using platform::Access;
using platform::Claim;
using platform::kHugePageBytes;
using platform::kPageBytes;

// A block that shrinks by less keeps its pages: giving back a few is not worth a system call.
constexpr size_t kWorthReturning = 64 * kKiB;

// Where a growing block's mapping should end: an eighth more than asked for, so that growth by
// small steps costs a logarithmic number of system calls, and at a multiple of 2 MiB where huge
// pages are in use, for the last piece would otherwise be made of small ones.
uintptr_t GrownEnd(uintptr_t user, size_t bytes, bool huge) {
  const uintptr_t end = AlignUp(user + bytes + bytes / 8, kPageBytes);
  return huge ? AlignUp(end, kHugePageBytes) : end;
}

}  // namespace

uintptr_t LargeBlocks::Resize(uintptr_t user, size_t bytes, const LargePolicy& policy) {
  lock_.Acquire();
  LargeBlock* block = FindExact(user);
  lock_.Release();
  // The caller has validated the pointer and owns the block: nobody else changes it now.
  if (block == nullptr) return 0;
  if (user + bytes <= block->map_end) {
    ShrinkInPlace(block, bytes, policy);
    return user;
  }
  if (GrowInPlace(block, bytes, policy)) return user;
  return GrowElsewhere(block, bytes, policy);
}

// Also for growth within the mapping.
void LargeBlocks::ShrinkInPlace(LargeBlock* block, size_t bytes, const LargePolicy& policy) {
  uintptr_t end = block->map_end;
  const uintptr_t needed = AlignUp(block->user + bytes, kPageBytes);
  if (bytes < block->requested && end - needed >= kWorthReturning &&
      platform::Release(needed, end - needed)) {
    end = needed;
  }
  const uintptr_t old_end = block->user + block->requested;
  const uintptr_t kept = old_end < end ? old_end : end;
  if (policy.zero && block->user + bytes < kept) {
    std::memset(reinterpret_cast<void*>(block->user + bytes), 0, kept - (block->user + bytes));
  }
  SetRequested(block, bytes, end);
}

bool LargeBlocks::GrowInPlace(LargeBlock* block, size_t bytes, const LargePolicy& policy) {
  const bool huge = policy.huge_pages && bytes >= kHugePageBytes;
  uintptr_t end = GrownEnd(block->user, bytes, huge);
  if (end + block->guard_after > block->end) {
    // Twice the size is taken if it is there, so that the next growths find room.
    const size_t missing = end + block->guard_after - block->end;
    platform::LockGuard guard(lock_);
    if (!space_.ExtendRange(block, missing + block->map_bytes()) &&
        !space_.ExtendRange(block, missing)) {
      return false;
    }
    live_.Resized(block);
  }
  if (!platform::GrowInPlace(block->map_begin, block->map_bytes(), end - block->map_begin)) {
    end = AlignUp(block->user + bytes, kPageBytes);  // perhaps there is memory for just this much
    if (!platform::GrowInPlace(block->map_begin, block->map_bytes(), end - block->map_begin)) {
      return false;
    }
  }
  if (huge) platform::AdviseHugePages(block->map_begin, end - block->map_begin);
  SetRequested(block, bytes, end);
  return true;
}

uintptr_t LargeBlocks::GrowElsewhere(LargeBlock* block, size_t bytes, const LargePolicy& policy) {
  const bool huge = policy.huge_pages && bytes >= kHugePageBytes;
  const size_t before = block->map_begin - block->begin;
  const size_t map_bytes = GrownEnd(block->user, bytes, huge) - block->map_begin;
  // Page tables can be moved whole only between places that agree within a huge page.
  const size_t phase = block->map_begin % kHugePageBytes;
  const size_t range_bytes = before + 2 * map_bytes + block->guard_after + kHugePageBytes;
  lock_.Acquire();
  LargeBlock* grown = space_.TakeRange(range_bytes);
  lock_.Release();
  if (grown == nullptr) return 0;
  grown->map_begin = AlignUp(grown->begin + before - phase, kHugePageBytes) + phase;
  grown->map_end = grown->map_begin + map_bytes;
  const Claim claim = platform::ClaimAt(grown->map_begin, map_bytes, Access::kNone);
  if (claim != Claim::kDone ||
      !platform::MovePages(block->map_begin, block->map_bytes(), grown->map_begin, map_bytes)) {
    if (claim == Claim::kDone) platform::Release(grown->map_begin, map_bytes);
    platform::LockGuard guard(lock_);
    if (claim == Claim::kOccupied) {
      space_.RetireAroundObstacle(grown);
    } else {
      space_.Retire(grown, false, 0);
    }
    return 0;
  }
  if (huge) platform::AdviseHugePages(grown->map_begin, map_bytes);
  grown->user = grown->map_begin + (block->user - block->map_begin);
  grown->requested = bytes;
  grown->guard_after = block->guard_after;
  grown->family = block->family;
  grown->node = block->node;
  grown->huge = huge;
  platform::LockGuard guard(lock_);
  live_.Erase(block);
  Remember(*block);
  live_.Insert(grown);
  statistics_.live_bytes += bytes - block->requested;
  statistics_.mapped_bytes += map_bytes - block->map_bytes();
  space_.Retire(block, policy.waits, policy.quarantine_bytes);
  return grown->user;
}

}  // namespace bartizan
