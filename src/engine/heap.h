// What one thread owns: a bin per size class, and the slabs its slots come from.
//
// A heap outlives its thread: it is kept, with all its slots, until another thread adopts it.
#ifndef BARTIZAN_SRC_ENGINE_HEAP_H_
#define BARTIZAN_SRC_ENGINE_HEAP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/base/random.h"
#include "src/metadata/address_map.h"
#include "src/metadata/size_classes.h"
#include "src/metadata/slab.h"
#include "src/metadata/slot_state.h"

namespace bartizan {

// The bin of one class: one cache line, all that the common path of malloc and free reads besides
// the slot and its state. References to slots are granule indices XORed with a mask made of `key`
// and the place they rest at.
//
//   ring:      freed slots wait here, first in first out        ring_head -> newest
//   magazine:  slots ready to be issued, taken from the end     magazine[ready - 1] is the next
struct alignas(64) Bin {
  uintptr_t base;     // of the class region
  SlotState* states;  // by granule
  uint32_t* magazine;
  uint32_t* ring;
  uint32_t limit;  // granules that have a state; 0: nothing is accepted
  uint32_t ready;
  uint32_t key;
  uint32_t ring_head;   // runs freely; its place is ring_head & ring_mask
  uint32_t ring_limit;  // ring_head at which the ring is full
  uint32_t capacity;    // bytes of a slot without the trailer
  uint16_t ring_mask;
  uint16_t magazine_capacity;
  uint16_t slab_mask;  // granules of a slab - 1: where its owner stands
  uint8_t shift;       // granule size
  uint8_t id;          // class

  // What the reference at that place of the ring or magazine is XORed with.
  BARTIZAN_INLINE static uint32_t Mask(uint32_t key, uint32_t place) {
    return key * (2 * place + 1);
  }
  BARTIZAN_INLINE uint32_t MaskAt(uint32_t place) const { return Mask(key, place); }

  BARTIZAN_INLINE std::byte* SlotAt(uint32_t granule) const {
    return reinterpret_cast<std::byte*>(base + (size_t{granule} << shift));
  }
};
static_assert(sizeof(Bin) == 64);

// What the thread-local pointer points at. Bins are indexed by six bits of an address; those that
// are no class, or not in use, accept nothing and hold nothing.
struct BinSet {
  Bin bins[kBins];
  StateWord owner_word;  // of slabs that are this heap's

  HeapId id() const { return owner_word.owner(); }
};

// The part of a bin that only slow paths read.
struct BinReserve {
  uint32_t ring_tail;         // oldest waiting slot
  uint32_t quarantine_slots;  // how many must stay waiting
  uint32_t window;            // slots moved at a time
  uint32_t hold;         // how many slots are held back, for what comes in to be exchanged with
  uint32_t held;         // how many are: behind the magazine's end
  uint32_t empty_slabs;  // listed slabs without a slot in use
  SlabRef room;          // list of slabs with parked or uncarved slots
  SlabRef announced;     // list of slabs in which other threads freed slots
};

// Counts of slow-path events. Written by the heap's thread, read by anyone: relaxed atomics with a
// single writer.
struct HeapCounters {
  std::atomic<uint64_t> refills;
  std::atomic<uint64_t> remote_drained;
  std::atomic<uint64_t> slabs_taken;
  std::atomic<uint64_t> slabs_returned;
  std::atomic<uint64_t>
      shortened_waits;  // slots that did not wait as long as they must: see EmptyHeap

  static void Add(std::atomic<uint64_t>& counter, uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

struct Heap : BinSet {
  // Zero-size blocks have no memory that layers could touch, so the common path must not meet them:
  // their bin is this one, and bins[kZeroClass] stays empty.
  Bin zero_bin;
  BinReserve reserve[kClasses];
  RandomStream random;
  uint32_t seed_generation;  // the fork generation `random` was seeded in
  uint32_t node;             // index of the NUMA node its slabs come from
  uint32_t slow_operations;  // since the clock was last looked at
  uint64_t last_purge_ms;
  uint32_t purges_seen;  // requests to give everything back
  size_t slab_bytes;     // address space of the slabs it owns
  size_t empty_bytes;    // of that, in slabs without a slot in use
  uintptr_t holder;      // the thread that works with it, or 0
  bool tidy;             // idle, and emptied since its thread left
  bool needs_rebuild;    // a fork left it as its vanished thread had it
  Heap* next_idle;       // in the registry's list of heaps without a thread
  HeapCounters counters;

  // Slabs in which other threads freed slots: a stack of links through the slabs' records, or
  // kNoLink. On a line of its own: the only part that other threads write.
  alignas(64) std::atomic<uint32_t> inbox;
  static constexpr uint32_t kNoLink = 0;

  // A link is the slab's name XORed with a mask made of the heap's key; the mask has no highest
  // bit, names have, so no link is kNoLink.
  uint32_t LinkTo(SlabRef ref) const { return ref.bits() ^ LinkMask(); }
  SlabRef LinkedBy(uint32_t link) const { return SlabRef::FromBits(link ^ LinkMask()); }
  uint32_t LinkMask() const { return zero_bin.key & ~(1u << 31); }

  Bin& BinOf(ClassId id) { return id == kZeroClass ? zero_bin : bins[id]; }
};

extern constinit BinSet g_unattached_bins;  // of a thread that has not allocated yet
extern constinit BinSet g_exited_bins;      // of a thread whose heap has been given up

// The calling thread's bins, as a distance from g_unattached_bins: zero is right in a new thread,
// and also while the process is being relocated, when other libraries may allocate already and no
// thread-local variable has its initial value yet.
// The only thread-local variable: eight bytes, initial-exec (set by the build), so that the library
// can be loaded late and a first access never allocates.
extern constinit thread_local ptrdiff_t tls_bins_distance;

BARTIZAN_INLINE BinSet* CurrentBins() {
  return reinterpret_cast<BinSet*>(reinterpret_cast<uintptr_t>(&g_unattached_bins) +
                                   static_cast<uintptr_t>(tls_bins_distance));
}
inline void SetCurrentBins(BinSet* bins) {
  tls_bins_distance = static_cast<ptrdiff_t>(reinterpret_cast<uintptr_t>(bins) -
                                             reinterpret_cast<uintptr_t>(&g_unattached_bins));
}

inline bool HasHeap(const BinSet* bins) {
  return bins != &g_unattached_bins && bins != &g_exited_bins;
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_HEAP_H_
