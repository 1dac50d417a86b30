// neighbour_check: what lies right before a block must be as the layers left it, too.
//
// Stops: underflows by up to kTail bytes, at the free of either neighbour; overflows that passed
// over the canary into the rest of the slot.
// How: at a free by the owner, the rest of the block's own slot behind the canary must be zero, and
// the slot before it must end as a live one does (its canary, then zeros) or as a free one (zeros).
// The same is looked at when a slot is about to be issued again, which is when frees by other
// threads come home: only the owner of a slab may judge its slots, for it issues them.
// Damage to a free slot is reported as a write after free, which it may be as well.
// In the child of a fork, live blocks of threads that vanished are not judged.
// Does not stop: longer jumps; an underflow of a slab's first slot (guard_pages does).
// Cost: docs/layers/neighbour_check.md.
#ifndef BARTIZAN_HARDENING_NEIGHBOUR_CHECK_H_
#define BARTIZAN_HARDENING_NEIGHBOUR_CHECK_H_

#include <atomic>

#include "hardening/canaries.h"
#include "hardening/reuse_check.h"
#include "src/base/bits.h"
#include "src/base/violation.h"
#include "src/hooks/profile.h"
#include "src/metadata/address_map.h"
#include "src/platform/fill.h"

namespace bartizan {

struct NeighbourCheck {
  static constexpr Toggle kToggle = Toggle::kNeighbourCheck;
  static constexpr uint32_t kHooks = kOnPlanBin | kOnFree | kOnReuse;
  static constexpr size_t kTrailerBytes = 0;

  // Of each slot's end, at most this much is looked at.
  static constexpr size_t kTail = 64;

  static void OnPlanBin(BinPlan& plan) { plan.examined = true; }
  static void OnFree(const SlotReturn& op) {
    // What another thread frees is looked at when it comes home.
    if (op.word.IsLive()) CheckBoth(op.use.slot, op.state, op.use.requested, op.trailer);
  }
  static void OnReuse(const FreeSlot& slot) { CheckLower(slot.slot, slot.state, slot.bytes); }

 private:
  static void CheckBoth(const std::byte* slot, const SlotState* state, size_t requested,
                        size_t trailer) {
    const StateWord word = state->Load();
    const size_t bytes = requested + trailer + word.slack();
    if (!IsZeroBehind(slot, requested + trailer, bytes)) Report(slot, bytes, requested);
    CheckLower(slot, state, bytes);
  }
  BARTIZAN_INLINE static bool IsZeroBehind(const std::byte* slot, size_t used, size_t bytes) {
    const size_t begin = bytes - used > kTail ? bytes - kTail : used;
    for (size_t i = begin; i < bytes; ++i) {
      if (slot[i] != std::byte{0}) return false;
    }
    return true;
  }

  BARTIZAN_INLINE static bool EndsFree(const std::byte* slot, size_t bytes) {
    const size_t tail = bytes < kTail ? bytes : kTail;
    return platform::IsZeroOr(OptionsInForce().fill_freed, slot + bytes - tail, tail);
  }

  // In a fork child, whether threads that vanished may have left blocks without their canary.
  static bool IsTorn(const std::byte* slot, ClassId id) {
    const size_t offset = reinterpret_cast<uintptr_t>(slot) - g_address_map.region(id).base;
    return g_address_map.slab(AddressMap::SlabAt(id, offset)).torn;
  }

  // The slot before this one, where there is one in the slab.
  BARTIZAN_OPTIMISTIC_READ static void CheckLower(const std::byte* slot, const SlotState* state,
                                                  size_t bytes) {
    const ClassId id = ClassOf(bytes);
    if ((reinterpret_cast<uintptr_t>(slot) & (SlabBytes(id) - 1)) < bytes) return;
    const std::byte* lower = slot - bytes;
    const SlotState* lower_state = state - (bytes >> GranuleShift(id));
    const StateWord word = lower_state->LoadRemote();
    if (word.IsUnused() || word.kind() == SlotKind::kReleasing) return;
    if (word.IsLive() && IsTorn(slot, id)) return;
    size_t used = 0;
    size_t requested = Violation::kUnknown;
    bool intact = true;
    if (word.IsLive()) {
      if (word.slack() + Canaries::kTrailerBytes > bytes)
        return;  // no such word: not ours to judge
      requested = bytes - Canaries::kTrailerBytes - word.slack();
      used = requested + Canaries::kTrailerBytes;
      intact = Canaries::IsIntact(lower, requested);
    }
    if (intact && (word.IsLive() ? IsZeroBehind(lower, used, bytes) : EndsFree(lower, bytes)))
      return;
    // Another thread may have freed or resized it meanwhile: then it changed the state first.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (lower_state->LoadRemote() != word) return;
    if (!word.IsLive()) ReuseCheck::Report(lower, bytes);
    Report(lower, bytes, requested);
  }

  [[noreturn]] BARTIZAN_COLD static void Report(const std::byte* slot, size_t bytes,
                                                size_t requested) {
    ReportViolation({
        .what = "heap underflow",
        .detail =
            "bytes between this block and the one behind it were overwritten: an underflow of "
            "that one, or an overflow of this one",
        .address = reinterpret_cast<uintptr_t>(slot),
        .slot_bytes = bytes,
        .requested = requested,
        .advice = "check every write to blocks of this size for its bounds",
        .layer = "neighbour_check",
    });
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_NEIGHBOUR_CHECK_H_
