// random_slots: which slot of a class is issued next is drawn at random.
//
// Stops: heap grooming that relies on neighbours in memory being neighbours in time.
// How: the page of a slab that is carved next is drawn, the order of its slots, and where in a slab
// freed slots are looked for; slots are held back, and each that comes in becomes ready itself or
// takes the place of one of those, which does, all with the same chance: so each slot is one of at
// least `kHold` and one, 33 for slots of up to 512 bytes, and never less than 9. Numbers come from
// the heap's cryptographic stream, seeded by the kernel and anew in fork children. Regions and
// tables lie at random places whatever the layers.
// Does not stop: an attacker who can read addresses.
// Cost: docs/layers/random_slots.md.
#ifndef BARTIZAN_HARDENING_RANDOM_SLOTS_H_
#define BARTIZAN_HARDENING_RANDOM_SLOTS_H_

#include "src/hooks/profile.h"

namespace bartizan {

struct RandomSlots {
  static constexpr Toggle kToggle = Toggle::kRandomSlots;
  static constexpr uint32_t kHooks = kOnPlanBin | kOnChooseSlot;
  static constexpr size_t kTrailerBytes = 0;

  static constexpr uint32_t kHold = 32;

  static void OnPlanBin(BinPlan& plan) { plan.hold = kHold; }

  static void OnChooseSlot(SlotChoice& choice) {
    choice.chosen = choice.random.Below(choice.count);
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_RANDOM_SLOTS_H_
