// Changing the size of a large block without copying it: in place, or by moving its pages.
#include <cstring>

#include "src/base/bits.h"
#include "src/engine/epochs.h"
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
  LargeBlock* block;
  Epoch* epoch;
  {
    // As for a free: while it is worked on, nobody else finds the block. A free or a realloc that
    // races with this one is thus reported at its call.
    platform::LockGuard guard(lock_);
    block = FindExact(user);
    // A sample always moves, so that the old address faults.
    if (block == nullptr || block->sample != nullptr || block->in_samples) return 0;
    // Its epoch may be closing, and must not end for want of blocks.
    epoch = g_epochs.At(block->epoch);
    if (epoch != nullptr) epoch->large_blocks++;
    Leave(block);
  }
  const bool done = ResizeTaken(&block, bytes, policy);
  const uintptr_t result = done ? block->user : 0;
  if (done) block->family = Family::kMalloc;  // what realloc returns, whatever it was given
  if (done && !policy.zero) ClearSlack(*block);
  platform::LockGuard guard(lock_);
  Enter(block);
  if (epoch != nullptr) epoch->large_blocks--;
  return result;
}

// `*block` is replaced when it has moved.
bool LargeBlocks::ResizeTaken(LargeBlock** block, size_t bytes, const LargePolicy& policy) {
  if ((*block)->user + bytes <= (*block)->map_end) {
    ShrinkInPlace(*block, bytes, policy);
    return true;
  }
  if (GrowInPlace(*block, bytes, policy)) return true;
  const bool huge = WantsHugePages(bytes, policy);
  const size_t map_bytes = GrownEnd((*block)->user, bytes, huge) - (*block)->map_begin;
  LargeBlock* moved = GrowElsewhere(*block, map_bytes, huge, policy);
  if (moved == nullptr) return false;
  moved->requested = bytes;
  *block = moved;
  return true;
}

// Also for growth within the mapping.
void LargeBlocks::ShrinkInPlace(LargeBlock* block, size_t bytes, const LargePolicy& policy) {
  const uintptr_t needed = AlignUp(block->user + bytes, kPageBytes);
  if (bytes < block->requested && block->map_end - needed >= kWorthReturning &&
      platform::Release(needed, block->map_end - needed)) {
    block->map_end = needed;
  }
  const uintptr_t old_end = block->user + block->requested;
  const uintptr_t kept = old_end < block->map_end ? old_end : block->map_end;
  if (policy.zero && block->user + bytes < kept) {
    std::memset(reinterpret_cast<void*>(block->user + bytes), 0, kept - (block->user + bytes));
  }
  block->requested = bytes;
}

bool LargeBlocks::GrowInPlace(LargeBlock* block, size_t bytes, const LargePolicy& policy) {
  const bool huge = WantsHugePages(bytes, policy);
  const uintptr_t end = GrownEnd(block->user, bytes, huge);
  if (!MakeRoomBehind(block, end)) return false;
  // Perhaps there is memory for just what is asked for.
  if (!MoveEnd(block, end) && !MoveEnd(block, AlignUp(block->user + bytes, kPageBytes))) {
    return false;
  }
  if (huge) platform::AdviseHugePages(block->map_begin, block->map_bytes());
  block->requested = bytes;
  return true;
}

// Lengthens the block's range, where need be, so that its mapping can end there.
bool LargeBlocks::MakeRoomBehind(LargeBlock* block, uintptr_t end) {
  if (end + block->guard_after <= block->end) return true;
  // Twice the size is taken if it is there, so that the next growths find room.
  const size_t missing = end + block->guard_after - block->end;
  platform::LockGuard guard(lock_);
  return space_.ExtendRange(block, missing + block->map_bytes()) ||
         space_.ExtendRange(block, missing);
}

// Moves the end of the mapping up.
bool LargeBlocks::MoveEnd(LargeBlock* block, uintptr_t end) {
  if (!platform::GrowInPlace(block->map_begin, block->map_bytes(), end - block->map_begin)) {
    return false;
  }
  block->map_end = end;
  return true;
}

// Moves a block's pages to where there is room for so much. nullptr: that does not work, and the
// block is unchanged.
LargeBlock* LargeBlocks::GrowElsewhere(LargeBlock* block, size_t map_bytes, bool huge,
                                       const LargePolicy& policy) {
  const size_t before = block->map_begin - block->begin;
  // Page tables can be moved whole only between places that agree within a huge page.
  const size_t phase = block->map_begin % kHugePageBytes;
  const size_t range_bytes = before + 2 * map_bytes + block->guard_after + kHugePageBytes;
  lock_.Acquire();
  LargeBlock* grown = space_.TakeRange(range_bytes);
  lock_.Release();
  if (grown == nullptr) return nullptr;
  grown->map_begin = AlignUp(grown->begin + before - phase, kHugePageBytes) + phase;
  grown->map_end = grown->map_begin + map_bytes;
  const Claim claim = platform::ClaimAt(grown->map_begin, map_bytes, Access::kNone);
  const bool moved =
      claim == Claim::kDone &&
      platform::MovePages(block->map_begin, block->map_bytes(), grown->map_begin, map_bytes);
  if (moved && huge) platform::AdviseHugePages(grown->map_begin, map_bytes);
  platform::LockGuard guard(lock_);
  if (!moved) {
    space_.TakeBack(grown, claim);
    return nullptr;
  }
  grown->user = grown->map_begin + (block->user - block->map_begin);
  grown->requested = block->requested;
  grown->guard_after = block->guard_after;
  grown->family = block->family;
  grown->epoch = block->epoch;
  grown->node = block->node;
  grown->huge = huge;
  Remember(*block, Past::kFreed);
  space_.Retire(block, policy.waits, policy.quarantine_bytes);
  return grown;
}

}  // namespace bartizan
