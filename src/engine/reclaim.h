// Where freed slots go: rings, magazines, slabs. Everything here is done by the heap's holder.
#ifndef BARTIZAN_SRC_ENGINE_RECLAIM_H_
#define BARTIZAN_SRC_ENGINE_RECLAIM_H_

#include <cstdint>

#include "src/base/compiler.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/heap.h"

namespace bartizan {

// Lets a reference to the slot rest at that place.
BARTIZAN_INLINE void Put(BinSet& set, const Bin& bin, Place place, uint32_t granule,
                         SlotKind kind) {
  set.At(place) = granule ^ Bin::Mask(bin.key, place);
  bin.states[granule].Store(StateWord::AtRest(kind, place));
}

BARTIZAN_INLINE void PushRing(BinSet& set, Bin& bin, uint32_t granule) {
  const Place place = bin.ring_next;
  Put(set, bin, place, granule, SlotKind::kQuarantined);
  bin.ring_next = place + kPlaceStep;
}
BARTIZAN_INLINE void PushMagazine(BinSet& set, Bin& bin, uint32_t granule) {
  const Place place = bin.next + kPlaceStep;
  bin.next = place;
  Put(set, bin, place, granule, SlotKind::kCached);
}
// The slot that is ready at that place, checked against its state; `*kind` is kCached or kFresh.
uint32_t Take(BinSet& set, const Bin& bin, Place place, SlotKind* kind);

// The slot that is held back at that place, checked against its state.
uint32_t TakeHeld(BinSet& set, const Bin& bin, Place place);

// Whether ring and magazine still end within themselves, and windows are no larger than what is
// made for them: what is written there next must not lie elsewhere.
void CheckPlaces(const Heap& heap, const Bin& bin);

// The push at a ring's end goes on at its beginning. False: the ring is full.
bool WrapRing(Heap& heap, Bin& bin);
// The oldest slots of the ring, checked against their states.
void PopRing(Heap& heap, Bin& bin, uint32_t* granules, uint32_t count);

// A slot goes to rest in its slab, known by its state only. True: that emptied the slab and it was
// given back; it may be another heap's already.
bool ParkSlot(Heap& heap, Bin& bin, uint32_t granule);
// The oldest slots of the ring go to rest in their slabs.
void ParkOldest(Heap& heap, Bin& bin, uint32_t count);

// Makes room in a full ring or magazine: the oldest slots, or those that would be issued last, go
// to rest in their slabs.
void SpillRing(Heap& heap, Bin& bin);
void SpillMagazine(Heap& heap, Bin& bin);

// Learns in which slabs of this heap other threads freed slots.
void CollectInbox(Heap& heap);
// Takes in such slots of one class, some at a time. True if there were any.
bool DrainClass(Heap& heap, Bin& bin);
// All such slots of all classes.
void DrainAll(Heap& heap);

// Drains, empties magazines and rings into the slabs, and gives back slabs that are empty. True if
// any was. Slots that must still wait are kept, except where there would be no memory otherwise, or
// where their slabs will wait as a whole.
enum class Waiting { kKept, kGivenUp, kWithSlabs };
bool EmptyHeap(Heap& heap, uint64_t now_ms, Waiting waiting = Waiting::kKept);

// What a bin keeps besides what must wait goes to rest in the slabs.
void Flush(Heap& heap, Bin& bin, Waiting waiting = Waiting::kKept);

// How many granules of the class have state words now.
inline uint32_t CurrentLimit(const Bin& bin) {
  const size_t limit = g_address_map.region(bin.id).limit.load(std::memory_order_acquire);
  return static_cast<uint32_t>(limit >> bin.shift);
}

inline uint32_t FirstGranule(const Bin& bin, SlabRef ref) {
  return ref.index() << (SlabShift(bin.id) - bin.shift);
}
inline uint32_t GranulesPerSlot(const Bin& bin) { return kClassBytes[bin.id] >> bin.shift; }
// One past the last granule of the slab that holds a slot.
inline uint32_t EndGranule(const Bin& bin, SlabRef ref) {
  return FirstGranule(bin, ref) + SlotsPerSlab(bin.id) * GranulesPerSlot(bin);
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_RECLAIM_H_
