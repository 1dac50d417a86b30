// Where freed slots go: rings, magazines, slabs. Everything here is done by the heap's holder.
#ifndef BARTIZAN_SRC_ENGINE_RECLAIM_H_
#define BARTIZAN_SRC_ENGINE_RECLAIM_H_

#include <cstdint>

#include "src/base/compiler.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/heap.h"

namespace bartizan {

BARTIZAN_INLINE void PushRing(Bin& bin, uint32_t granule) {
  const uint32_t place = bin.ring_head & bin.ring_mask;
  bin.ring[place] = granule ^ bin.MaskAt(place);
  bin.states[granule].Store(StateWord::AtRest(SlotKind::kQuarantined, place));
  bin.ring_head++;
}

// The places of a magazine, those behind its end included. Made for a piece of work in which the
// bin itself does not change, so that its members stay in registers.
class Places {
 public:
  explicit Places(const Bin& bin)
      : entries_(bin.magazine),
        states_(bin.states),
        key_(bin.key),
        limit_(bin.limit),
        id_(bin.id) {}

  BARTIZAN_INLINE void Put(uint32_t place, uint32_t granule, SlotKind kind) const {
    entries_[place] = granule ^ Bin::Mask(key_, place);
    states_[granule].Store(StateWord::AtRest(kind, place));
  }
  // The slot that rests there, checked against its state; `*kind` is kCached or kFresh.
  BARTIZAN_INLINE uint32_t Get(uint32_t place, SlotKind* kind) const {
    const uint32_t granule = entries_[place] ^ Bin::Mask(key_, place);
    bool fresh = false;
    if (granule >= limit_ || !states_[granule].Load().IsReady(place, &fresh)) [[unlikely]] {
      ReportCorruptReference(id_, granule);
    }
    *kind = fresh ? SlotKind::kFresh : SlotKind::kCached;
    return granule;
  }
  void Move(uint32_t from, uint32_t to) const {
    SlotKind kind;
    const uint32_t granule = Get(from, &kind);
    Put(to, granule, kind);
  }

 private:
  uint32_t* entries_;
  SlotState* states_;
  uint32_t key_;
  uint32_t limit_;
  ClassId id_;
};

BARTIZAN_INLINE void PushMagazine(Bin& bin, uint32_t granule) {
  Places(bin).Put(bin.ready, granule, SlotKind::kCached);
  bin.ready++;
}
// Slots that are held back rest behind the magazine's end.
inline uint32_t HeldPlace(const Bin& bin, uint32_t i) { return bin.magazine_capacity + i; }

// The oldest slots of the ring, checked against their states.
void PopRing(Heap& heap, Bin& bin, uint32_t* granules, uint32_t count);

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
// any was. Slots that must still wait are kept, except where there would be no memory otherwise.
enum class Waiting { kKept, kGivenUp };
bool EmptyHeap(Heap& heap, uint64_t now_ms, Waiting waiting = Waiting::kKept);

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
