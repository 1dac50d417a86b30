// Giving memory back: empty slabs return to the class's pool, their pages to the system, after the
// decay time. No thread of ours: the work is done by the slow paths, which come often enough where
// memory is moving and cost nothing where it is not.
#ifndef BARTIZAN_SRC_ENGINE_PURGE_H_
#define BARTIZAN_SRC_ENGINE_PURGE_H_

#include "src/engine/heap.h"

namespace bartizan {

// Tells the owner of a slab that another thread freed a slot in it. Lock-free. True if it did not
// know yet.
bool NotifyOwner(SlabRef ref);

// The last slot of a slab came home. True: the slab was given back. And: one is about to leave it.
bool OnSlabEmpty(Heap& heap, SlabRef ref);
void OnSlabUsed(Heap& heap, SlabRef ref);

// The heap has taken another slab of the class: what it holds in empty slabs of others beyond a
// little goes back in exchange.
void OnSlabTaken(Heap& heap, ClassId id);

// Looks at the clock now and then, and purges when the decay time has passed.
inline void Tick(Heap& heap);

// Counts a free that had no other reason to be slow: much has become free, and until that is given
// back, magazines take nothing without asking. So the clock is looked at every so many frees,
// whatever the program does.
inline bool IsTickDue(Heap& heap);

// Returns slabs that are empty, and the pages of free slots in the others as far as slots have
// some, or whole units of them are free.
void PurgeAll(Heap& heap, uint64_t now_ms);

// Tells every heap to purge at its next slow path: for malloc_trim, which may not touch the heaps
// of other threads. Heaps without a thread are tidied at once.
void RequestPurge();

// The system has refused memory or address space: for a while, heaps keep nothing that is not in
// use or must wait, for what one keeps is missing to the others.
void NoteScarcity(uint64_t now_ms);

namespace internal {
void SlowTick(Heap& heap);
constexpr uint32_t kTickPeriod = 16;
constexpr uint32_t kWatchedPeriod = 256;
}  // namespace internal

inline void Tick(Heap& heap) {
  if (++heap.slow_operations >= internal::kTickPeriod) [[unlikely]]
    internal::SlowTick(heap);
}

inline bool IsTickDue(Heap& heap) { return ++heap.watched_frees >= internal::kWatchedPeriod; }

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_PURGE_H_
