// Where freed slots go: rings, magazines, slabs. Everything here is done by the heap's holder.
#ifndef BARTIZAN_SRC_ENGINE_RECLAIM_H_
#define BARTIZAN_SRC_ENGINE_RECLAIM_H_

#include <cstdint>

#include "src/base/compiler.h"
#include "src/engine/heap.h"

namespace bartizan {

BARTIZAN_INLINE void PushRing(Bin& bin, uint32_t granule) {
  const uint32_t place = bin.ring_head & bin.ring_mask;
  bin.ring[place] = granule ^ bin.key;
  bin.states[granule].Store(StateWord::AtRest(SlotKind::kQuarantined, place));
  bin.ring_head++;
}

BARTIZAN_INLINE void PushMagazine(Bin& bin, uint32_t granule) {
  const uint32_t place = bin.ready;
  bin.magazine[place] = granule ^ bin.key;
  bin.states[granule].Store(StateWord::AtRest(SlotKind::kCached, place));
  bin.ready = place + 1;
}

// The oldest slot of the ring, checked against its state.
uint32_t PopRing(Heap& heap, Bin& bin);

// Makes room in a full ring or magazine: the oldest slots, or those that would be issued last, go
// to rest in their slabs.
void SpillRing(Heap& heap, Bin& bin);
void SpillMagazine(Heap& heap, Bin& bin);

// Takes in what other threads freed in slabs of this heap. True if there was anything.
bool DrainInbox(Heap& heap);

// Drains, empties magazines and rings into the slabs but for what must still wait, and gives back
// slabs that are empty. True if any was.
bool EmptyHeap(Heap& heap, uint64_t now_ms);

// How many granules of the class have state words now.
inline uint32_t CurrentLimit(const Bin& bin) {
  const size_t limit = g_address_map.region(bin.id).limit.load(std::memory_order_acquire);
  return static_cast<uint32_t>(limit >> bin.shift);
}

inline uint32_t FirstGranule(const Bin& bin, SlabRef ref) {
  return ref.index() << (SlabShift(bin.id) - bin.shift);
}
// One past the last carved granule of the slab.
inline uint32_t EndGranule(const Bin& bin, SlabRef ref) {
  const uint32_t stride = kClassBytes[bin.id] >> bin.shift;
  return FirstGranule(bin, ref) + g_address_map.slab(ref).carved * stride;
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_RECLAIM_H_
