// quarantine: a freed slot waits before it can be issued again.
//
// Stops: reuse right after free, on which most exploits of a dangling pointer depend.
// How: freed slots of every class go through a first-in-first-out ring; only what is in excess of
// the configured bytes, and of kMinSlots, leaves it. What leaves is exchanged, each with one drawn
// from those held back before: so the distance between free and reuse has a known least and an
// unknown rest. (The exchange comes after the ring, not before it: the distances are the same, and
// it is done in the refill's batch.) Nothing is written into the waiting memory. Large blocks wait
// without pages, at an address that faults (src/engine/large_space.h).
// Frees by other threads are taken in at the owner's refills, in the order of their addresses: of
// those of one batch, the distance counts from the batch's beginning.
// Does not stop: an attacker who can make the program free and allocate enough of the same class.
// Cost: docs/layers/quarantine.md.
#ifndef BARTIZAN_HARDENING_QUARANTINE_H_
#define BARTIZAN_HARDENING_QUARANTINE_H_

#include "src/hooks/profile.h"
#include "src/options/sealed_page.h"

namespace bartizan {

struct Quarantine {
  static constexpr Toggle kToggle = Toggle::kQuarantine;
  static constexpr uint32_t kHooks = kOnPlanBin;
  static constexpr size_t kTrailerBytes = 0;

  // Whatever the bytes: a tight loop never gets a slot back within so many frees.
  static constexpr size_t kMinSlots = 8;
  static constexpr size_t kMaxSlots = 1024;
  static constexpr uint32_t kHold = 32;

  static void OnPlanBin(BinPlan& plan) {
    const size_t slots = OptionsInForce().quarantine_bytes / kClassBytes[plan.id];
    const size_t bounded = slots < kMinSlots ? kMinSlots : slots > kMaxSlots ? kMaxSlots : slots;
    plan.quarantine_slots = static_cast<uint32_t>(bounded);
    plan.hold = kHold;
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_QUARANTINE_H_
