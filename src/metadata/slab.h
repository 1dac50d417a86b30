// The record of a slab, and how slabs, heaps and classes are named.
#ifndef BARTIZAN_SRC_METADATA_SLAB_H_
#define BARTIZAN_SRC_METADATA_SLAB_H_

#include <atomic>
#include <cstdint>

#include "src/base/relaxed.h"
#include "src/metadata/size_classes.h"

namespace bartizan {

// A slab's name: class in the upper bits, index in the class region in the lower ones. Zeroed
// memory names no slab.
class SlabRef {
 public:
  static constexpr unsigned kIndexBits = 20;

  constexpr SlabRef() = default;
  constexpr SlabRef(ClassId id, uint32_t index) : bits_(kSome | id << kIndexBits | index) {}
  static constexpr SlabRef FromBits(uint32_t bits) {
    SlabRef ref;
    ref.bits_ = bits;
    return ref;
  }
  constexpr ClassId class_id() const { return (bits_ & ~kSome) >> kIndexBits; }
  constexpr uint32_t index() const { return bits_ & ((1u << kIndexBits) - 1); }
  constexpr uint32_t bits() const { return bits_; }
  constexpr explicit operator bool() const { return bits_ != 0; }
  friend constexpr bool operator==(SlabRef, SlabRef) = default;

 private:
  static constexpr uint32_t kSome = 1u << 31;
  uint32_t bits_ = 0;
};

// One cache line. Everything but the two `remote_` words belongs to the heap that owns the slab, or
// to the holder of the class lock while nobody does. Only slow paths read it.
struct alignas(64) Slab {
  Relaxed<uint32_t> uncarved;  // units that were never touched and have no states: a bit for each
  uint16_t carved;             // slots of the other units
  uint16_t parked;             // of those, the ones whose state is kParked
  uint16_t next_scan;          // the slot where the search for parked ones goes on
  uint16_t next_drain;         // the granule where the search for slots freed by others goes on
  SlabRef next;                // in the owner's list of slabs with room, or in the class's pool
  SlabRef previous;
  Relaxed<uint8_t> node;   // NUMA node its pages are asked from
  uint8_t gap;             // slabs right before it that are never handed out
  bool listed;             // in the owner's list of slabs with room
  bool unmapped;           // in the pool, without even a mapping; its addresses stay the class's
  bool torn;               // a fork left live slots whose threads may have been at work on them
  bool prepared;           // guard and memory policy are in place (they outlive owners)
  Relaxed<bool> released;  // in the pool since its epoch was released with all blocks
  // Set by threads that freed a slot here and found it clear; cleared by the owner before it scans.
  std::atomic<bool> remote_pending;
  // Link in the owner's inbox or in its list of announced slabs, valid while remote_pending is set.
  std::atomic<uint32_t> remote_next;
  uint64_t empty_since_ms;  // when the last slot came home; 0 while in use

  // Of classes whose units are single slots, a bit for each: slots that were parked when the last
  // purge came, and those of them whose pages were given back. Of the others: how many slots were
  // parked then, and when idle units were looked for last.
  uint32_t idle;
  Relaxed<uint32_t> dropped;

  // The epoch whose blocks it holds, 0 for none, and the list of that epoch's slabs.
  Relaxed<uint32_t> epoch;
  SlabRef epoch_next;
  SlabRef epoch_previous;
  // While nobody owns it and its epoch is closing: slots that are not parked yet (closing_slabs.h).
  std::atomic<uint32_t> unparked;

  bool HasRoom() const { return parked != 0 || uncarved != 0; }
  void SetUsed(uint32_t slot) {
    idle &= ~(1u << slot);
    dropped = dropped & ~(1u << slot);
  }
  bool IsEmpty() const { return parked == carved; }
};
static_assert(sizeof(Slab) == 64);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_SLAB_H_
