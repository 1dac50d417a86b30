// freelist_encryption: stored references to free slots are encoded with a secret.
//
// Stops: forging such a reference, or learning addresses from one.
// How: each heap stores the slots of each class XORed with a random key of that bin. What a decoded
// reference names must also agree with the slot's out-of-line state, which holds the place the
// reference rests at: that check is the engine's and needs no layer.
// Does not stop: an attacker who can read the heap's own record and write to its rings.
// Cost: none that can be measured: without the layer the key is zero.
#ifndef BARTIZAN_HARDENING_FREELIST_ENCRYPTION_H_
#define BARTIZAN_HARDENING_FREELIST_ENCRYPTION_H_

#include "src/hooks/profile.h"

namespace bartizan {

struct FreelistEncryption {
  static constexpr Toggle kToggle = Toggle::kFreelistEncryption;
  static constexpr uint32_t kHooks = kOnPlanBin;
  static constexpr size_t kTrailerBytes = 0;

  static void OnPlanBin(BinPlan& plan) { plan.key = plan.random.Next32(); }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_FREELIST_ENCRYPTION_H_
