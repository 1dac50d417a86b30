// zero_on_free: freed memory is overwritten with zeros at the free itself.
//
// With `fill_freed` it is a pattern instead, with `fill` what is issued is one: for debugging.
//
// Stops: reading what a freed block held, through a dangling pointer or from the next block in the
// same slot; uninitialised reads see zeros.
// How: the bytes the program had asked for, and the trailer behind them; slack was zero before.
// Large blocks: their pages are dropped, or zeroed where they are kept (src/engine/large_blocks.h).
// Does not stop: a read before the free; a write after it (reuse_check).
// Cost: docs/layers/zero_on_free.md.
#ifndef BARTIZAN_HARDENING_ZERO_ON_FREE_H_
#define BARTIZAN_HARDENING_ZERO_ON_FREE_H_

#include <cstring>

#include "src/base/bits.h"
#include "src/hooks/profile.h"
#include "src/options/sealed_page.h"
#include "src/platform/bytes.h"
#include "src/platform/fill.h"

namespace bartizan {

struct ZeroOnFree {
  static constexpr Toggle kToggle = Toggle::kZeroOnFree;
  static constexpr uint32_t kHooks = kOnAllocate | kOnFree | kOnResize;
  static constexpr size_t kTrailerBytes = 0;

  // Bins whose blocks are filled have no common path: src/engine/heap_bins.cc.
  BARTIZAN_INLINE static void OnAllocate(const SlotUse& use) {
    if (use.is_short) return;
    if (!OptionsInForce().issues_zeros) [[unlikely]]
      FillIssued(use.slot, use.requested, use.capacity);
  }
  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    const size_t bytes = op.use.requested + op.trailer;
    const bool wide = OptionsInForce().wide_vectors;
    if (op.use.is_short) return platform::ZeroShort(op.use.slot, bytes, wide);
    if (!OptionsInForce().issues_zeros) [[unlikely]]
      return FillFreed(op.use.slot, op.use.capacity + op.trailer);
    platform::ZeroSlot(op.use.slot, bytes, wide);
  }

  // What a shrinking block gives up; and what a growing one gains, where new memory is filled.
  static void OnResize(const SlotResize& op) {
    const uint64_t pattern = OptionsInForce().fill;
    if (pattern != 0 && op.use.requested > op.old_requested) {
      platform::Fill(op.use.slot, op.old_requested, op.use.requested, pattern);
    }
    const size_t kept = op.use.requested + op.trailer;
    if (op.old_requested > kept) {
      std::memset(op.use.slot + kept, 0, op.old_requested - kept);
    }
  }

 private:
  BARTIZAN_COLD_RETURNING static void FillFreed(std::byte* slot, size_t bytes) {
    platform::Fill(slot, 0, bytes, OptionsInForce().fill_freed);
  }
  // After canaries have written theirs, which lies behind the block. What follows it is slack, and
  // zero while a block lives.
  BARTIZAN_COLD_RETURNING static void FillIssued(std::byte* slot, size_t requested,
                                                 size_t capacity) {
    const Options& options = OptionsInForce();
    platform::Fill(slot, 0, requested, options.fill);
    if (options.fill_freed == 0) return;
    const size_t slot_bytes = AlignUp(capacity, kMinSlotBytes);
    platform::Fill(slot, requested + (slot_bytes - capacity), slot_bytes, 0);
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_ZERO_ON_FREE_H_
