// random_slots: which slot of a class is issued next is drawn at random.
//
// Stops: heap grooming that relies on neighbours in memory being neighbours in time.
// How: the slots that become ready together (up to 32) are shuffled (Fisher and Yates) with the
// heap's cryptographic stream, seeded by the kernel and anew in fork children. Regions and tables
// lie at random places whatever the layers.
// Does not stop: an attacker who can read addresses.
// Cost: docs/layers.md.
#ifndef BARTIZAN_HARDENING_RANDOM_SLOTS_H_
#define BARTIZAN_HARDENING_RANDOM_SLOTS_H_

#include <utility>

#include "src/hooks/profile.h"

namespace bartizan {

struct RandomSlots {
  static constexpr Toggle kToggle = Toggle::kRandomSlots;
  static constexpr uint32_t kHooks = kOnSelectSlots;
  static constexpr size_t kTrailerBytes = 0;

  static void OnSelectSlots(SlotBatch& batch) {
    for (uint32_t i = batch.count; i > 1; --i) {
      const uint32_t other = batch.random.Below(i);
      std::swap(batch.granules[i - 1], batch.granules[other]);
    }
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_RANDOM_SLOTS_H_
