// Rebuilding a heap from the states of its slots.
#ifndef BARTIZAN_SRC_ENGINE_REBUILD_H_
#define BARTIZAN_SRC_ENGINE_REBUILD_H_

#include "src/engine/heap.h"

namespace bartizan {

// For a heap whose thread vanished in a fork, at any point of any operation: what its bins, lists
// and counts say is worthless, what its slots' states say is true. Empties its caches into the
// slabs. The caller has taken the heap for itself. A block whose free was cut short stays
// allocated for ever: its memory may be half zeroed.
void RebuildHeap(Heap& heap);

// Puts a slab into, or takes it out of, the owner's list of slabs with room.
void ListSlab(Heap& heap, SlabRef ref);
void UnlistSlab(Heap& heap, SlabRef ref);
// The one behind it in that list, which must name it: so no list runs in a circle.
SlabRef NextListed(SlabRef ref);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_REBUILD_H_
