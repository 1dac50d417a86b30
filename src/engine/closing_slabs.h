// Slabs without an owner that still hold live blocks: those of epochs that were retired.
//
// Their owner is kNobodysHeap, and each counts the slots that are not parked yet. A free stores
// kRemote as any free by another thread does, and then parks the slot itself and counts down. Who
// comes to zero gives the slab back.
//
// A free may have begun while the slab still had an owner. So both sides store, pass a full fence,
// and look: the free stores the state and looks at the owner, the hand-over stores the owner and
// looks at the states. One of them sees the other; where both do, the exchange of the state decides
// who counts.
#ifndef BARTIZAN_SRC_ENGINE_CLOSING_SLABS_H_
#define BARTIZAN_SRC_ENGINE_CLOSING_SLABS_H_

#include <cstdint>

#include "src/engine/epochs.h"
#include "src/metadata/address_map.h"

namespace bartizan::closing {

// Another thread than the owner has freed a slot of a slab that belongs to an epoch. False: the
// slab has an owner, who has to be told.
bool FinishFree(SlabRef ref, SlotState& state);

// Takes a slab from its heap, whose magazines and rings are empty. The lock of the epoch is held.
void HandOver(Epoch& epoch, uint32_t id, SlabRef ref);

// After a fork: counts anew what is not parked. The lock of the epoch is held.
void CountAnew(Epoch& epoch, uint32_t id, SlabRef ref);

// Frees all blocks of a slab that was handed over. The lock of the epoch is held.
void ReleaseBlocks(Epoch& epoch, uint32_t id, SlabRef ref);

// The slab is not announced any more: if it was only kept for that, it is given back.
void Settle(SlabRef ref);

}  // namespace bartizan::closing

#endif  // BARTIZAN_SRC_ENGINE_CLOSING_SLABS_H_
