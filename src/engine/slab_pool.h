// Slabs that no heap owns, and giving their pages back.
#ifndef BARTIZAN_SRC_ENGINE_SLAB_POOL_H_
#define BARTIZAN_SRC_ENGINE_SLAB_POOL_H_

#include <cstdint>

#include "src/engine/heap.h"

namespace bartizan::slab_pool {

enum class Result { kDone, kRefused, kExhausted };

// A slab of the class for the heap, preferring the pool's over fresh address space. Its pages are
// zero and its slots uncarved. Of fresh address space, up to `gap` slabs before it are left out for
// ever. kRefused: the system gives no memory. kExhausted: the class has no
// address space left.
Result Take(Heap& heap, ClassId id, uint32_t gap, SlabRef* slab);

// Takes an empty slab from its heap: its states become kNone, its pages go back to the system. The
// heap has unlisted it and none of its slots is in a ring or magazine.
void Return(Heap& heap, SlabRef slab);

// The same for a slab that no heap owns (closing_slabs.h).
void GiveBack(SlabRef slab);

// Unmaps the slabs in the pools: where address space is limited, what one class holds is missing to
// the others. True if there were any. Nothing is done where the system would not give it again.
bool UnmapPooled(uint64_t now_ms);

}  // namespace bartizan::slab_pool

#endif  // BARTIZAN_SRC_ENGINE_SLAB_POOL_H_
