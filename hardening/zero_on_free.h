// zero_on_free: freed memory is overwritten with zeros at the free itself.
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

#include "src/hooks/profile.h"
#include "src/options/sealed_page.h"
#include "src/platform/bytes.h"

namespace bartizan {

struct ZeroOnFree {
  static constexpr Toggle kToggle = Toggle::kZeroOnFree;
  static constexpr uint32_t kHooks = kOnFree | kOnResize;
  static constexpr size_t kTrailerBytes = 0;

  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    const size_t bytes = op.use.requested + op.trailer;
    const bool wide = OptionsInForce().wide_vectors;
    if (op.use.is_short) return platform::ZeroShort(op.use.slot, bytes, wide);
    platform::ZeroSlot(op.use.slot, bytes, wide);
  }

  // What a shrinking block gives up.
  static void OnResize(const SlotResize& op) {
    const size_t kept = op.use.requested + op.trailer;
    if (op.old_requested > kept) {
      std::memset(op.use.slot + kept, 0, op.old_requested - kept);
    }
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_ZERO_ON_FREE_H_
