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
#include "src/base/relaxed.h"
#include "src/hooks/profile.h"
#include "src/metadata/address_map.h"
#include "src/metadata/size_classes.h"
#include "src/metadata/slab.h"
#include "src/metadata/slot_state.h"

namespace bartizan {

// A place where a reference to a slot rests: its distance in bytes from BinSet::places, a multiple
// of four. Magazines and rings lie behind the record of their heap.
using Place = uint32_t;
constexpr Place kPlaceStep = sizeof(uint32_t);

// The bin of one class: one cache line, all that the common path of malloc and free reads besides
// the slot and its state. References to slots are granule indices XORed with a mask made of `key`
// and the place they rest at.
//
//   ring:      freed slots wait here, first in first out     the next one rests at `ring_next`
//   magazine:  slots ready to be issued, taken from the end  `next` is issued next
//
// The place below a magazine's first, `bottom`, always holds a reference to no slot: what malloc
// finds in an empty magazine is one that it must not believe.
struct alignas(64) Bin {
  uintptr_t base;     // of the class region
  SlotState* states;  // by granule
  uint32_t limit;     // granules that have a state; 0: nothing is accepted
  uint32_t key;
  Place next;
  Place last;  // the magazine's
  Place stop;  // what `next` must not be at a push: `last`, or lower while the heap is watched
  Place ring_next;
  Place ring_stop;    // what ring_next must not become: the ring's end, or it is full
  uint32_t capacity;  // bytes of a slot without the trailer
  Place bottom;
  uint16_t slab_mask;  // granules of a slab - 1: where its owner stands
  uint8_t shift;       // granule size
  uint8_t id;          // class
  BlockWork work;

  static constexpr uint32_t kNoGranule = ~uint32_t{0};  // beyond any limit

  // What the reference at that place is XORed with.
  BARTIZAN_INLINE static uint32_t Mask(uint32_t key, Place place) { return key * (place + 1); }

  BARTIZAN_INLINE std::byte* SlotAt(uint32_t granule) const {
    return reinterpret_cast<std::byte*>(base + (size_t{granule} << shift));
  }
  bool IsEmpty() const { return next == bottom; }
  uint32_t Ready() const { return (next - bottom) / kPlaceStep; }
  uint32_t Room() const { return (last - next) / kPlaceStep; }
  // Slots that are held back rest behind the magazine's last place; their states name no place.
  Place HeldPlace(uint32_t i) const { return last + (i + 1) * kPlaceStep; }
};
static_assert(sizeof(Bin) == 64);

// Requests up to here find their bin in a table, by steps of eight bytes.
constexpr size_t kIndexedRequest = 1024;
constexpr size_t kIndexStep = 8;

// What the thread-local pointer points at. Bins are indexed by six bits of an address; those that
// are no class, or not in use, accept nothing and hold nothing.
struct BinSet {
  Bin bins[kBins];
  uint16_t bin_offset[kIndexedRequest / kIndexStep + 1];  // in bytes, by (request + 7) / 8
  StateWord owner_word;                                   // of slabs that are this heap's
  uintptr_t window;                                       // of the address map
  uint32_t unused;
  uint32_t places[1];  // the first belongs to nobody: zeroed memory is an empty magazine

  HeapId id() const { return owner_word.owner(); }
  BARTIZAN_INLINE Bin& BinFor(size_t bytes) {
    const size_t step = (bytes + kIndexStep - 1) / kIndexStep;
    return *reinterpret_cast<Bin*>(reinterpret_cast<std::byte*>(this) + bin_offset[step]);
  }
  BARTIZAN_INLINE uint32_t& At(Place place) {
    return *reinterpret_cast<uint32_t*>(reinterpret_cast<std::byte*>(places) + place);
  }
};
static_assert(kBins * sizeof(Bin) <= UINT16_MAX);

// As many slots as are moved, or held back, at a time at most.
constexpr uint32_t kLargestWindow = 64;

// The part of a bin that only slow paths read.
struct BinReserve {
  Place ring;  // the first place, and where it ends
  Place ring_end;
  Place ring_tail;            // oldest waiting slot
  uint32_t quarantine_slots;  // how many must stay waiting
  uint32_t window;            // slots moved at a time
  uint32_t hold;              // how many slots are held back, for others to be drawn from
  uint32_t held;              // how many are: behind the magazine's last place
  uint32_t sample_interval;   // one allocation in so many is a sample; 0: none
  uint32_t until_sample;      // what may still be made ready before the next one
  uint32_t slabs;             // that the heap owns
  uint32_t empty_slabs;       // of those, the listed ones without a slot in use
  bool examined;              // layers look at slots that come back, in batches
  SlabRef room;               // list of slabs with parked or uncarved slots
  SlabRef announced;          // list of slabs in which other threads freed slots
  // Of classes whose slots have pages of their own, see cold_slots.h.
  Place looked_tail;  // ring_tail at the last look
  uint32_t dropped;   // of the slots that waited then, how many of the oldest were without pages
  uint32_t activity;  // what the bin looked like
  bool cold;          // it looked the same at the look before
  // What the bin looked like at the last purge, and for how many it has looked the same.
  uint32_t purge_activity;
  uint32_t idle_purges;

  // How many slots a refill brings, which is none when the next allocation is to be a sample.
  uint32_t NextWindow() const { return until_sample < window ? until_sample : window; }
  uint32_t Waiting(const Bin& bin) const {
    const Place end = bin.ring_next < ring_tail ? bin.ring_next + (ring_end - ring) : bin.ring_next;
    return (end - ring_tail) / kPlaceStep;
  }
  // What changes whenever a slot enters or leaves the bin.
  static uint32_t Activity(const Bin& bin) { return bin.ring_next * 2654435761u + bin.next; }
};

// Counts of slow-path events. Written by the heap's thread, read by anyone: relaxed atomics with a
// single writer.
//
// A new one is a member here and a row in kHeapCounters (statistics.h).
struct HeapCounters {
  std::atomic<uint64_t> refills;  // and where each found what it was looking for:
  std::atomic<uint64_t> refills_from_ring;
  std::atomic<uint64_t> refills_from_remote;  // what other threads had freed
  std::atomic<uint64_t> refills_from_parked;
  std::atomic<uint64_t> refills_from_uncarved;
  std::atomic<uint64_t> refused_refills;  // nowhere
  std::atomic<uint64_t> slabs_taken;      // and where from:
  std::atomic<uint64_t> slabs_from_pool;
  std::atomic<uint64_t> slabs_from_fresh;
  std::atomic<uint64_t> slabs_returned;
  std::atomic<uint64_t> remote_drained;  // frees by other threads that were taken in
  std::atomic<uint64_t> remote_notices;  // slabs of others announced to their owners
  std::atomic<uint64_t> ring_spills;     // full rings, some of whose slots went to their slabs
  std::atomic<uint64_t> magazine_spills;
  std::atomic<uint64_t> ticks;   // looks at the clock
  std::atomic<uint64_t> purges;  // of those: looks for what can be given back
  std::atomic<uint64_t> large_allocations;
  std::atomic<uint64_t> large_frees;
  std::atomic<uint64_t> samples;          // blocks that got pages of their own for being drawn
  std::atomic<uint64_t> shortened_waits;  // slots that did not wait as they must: see EmptyHeap

  static void Add(std::atomic<uint64_t>& counter, uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

struct ScopeStack;

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
  uint32_t purge_count;
  // Much has become free a short time ago: until that is given back, no free goes unnoticed.
  bool watched;
  bool settles;            // what is free for use now lies scattered, and goes to rest in its slabs
  uint32_t watched_frees;  // since the clock was last looked at
  uint32_t settling_purges;   // since it settles
  uint64_t settling_refills;  // all of them when that began
  uint64_t freed_ms;          // when something became free that is worth it
  uint64_t last_cold_look_ms;
  uint64_t regret_ms;     // when some regret was forgotten last
  size_t regret_bytes;    // of slots whose pages were given back too early
  uint32_t purges_seen;   // requests to give everything back
  uint32_t shrinks_seen;  // and to give up what waits, too: the container's limit is near
  size_t slab_bytes;      // address space of the slabs it owns
  size_t empty_bytes;     // of that, in slabs without a slot in use
  uintptr_t holder;       // the thread that works with it, or 0
  int thread;             // its number, the kernel's
  bool tidy;              // idle, and emptied since its thread left
  bool needs_rebuild;     // a fork left it as its vanished thread had it
  Heap* next_idle;        // in the registry's list of heaps without a thread, or an epoch's
  // Of the heaps that epochs have (epochs.h): which epoch, how often its thread holds the epoch
  // through it, and the thread's own heap.
  bool of_epochs;
  Relaxed<uint32_t> epoch;
  uint32_t holds;
  Heap* home;
  ScopeStack* scopes;  // of a thread's own heap: the scopes it is in (epoch_scopes.h)
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
