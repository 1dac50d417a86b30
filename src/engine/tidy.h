// Tidying heaps that no thread works with, and giving back everything that can be.
#ifndef BARTIZAN_SRC_ENGINE_TIDY_H_
#define BARTIZAN_SRC_ENGINE_TIDY_H_

#include "src/engine/heap_registry.h"
#include "src/engine/large_blocks.h"
#include "src/engine/purge.h"
#include "src/engine/refill.h"
#include "src/platform/entropy.h"

namespace bartizan {

template <class P>
class Tidy {
 public:
  static bool TrimAll() {
    const uint64_t now = platform::CoarseMilliseconds();
    RequestPurge();
    bool any = false;
    if (HasHeap(tls_bins)) any |= Empty(*static_cast<Heap*>(tls_bins), now);
    // The idle heaps, each once: the ones already done are kept aside until all are.
    Heap* done = nullptr;
    while (Heap* heap = registry::TakeIdle()) {
      any |= Empty(*heap, now);
      heap->next_idle = done;
      done = heap;
    }
    while (done != nullptr) {
      Heap* heap = done;
      done = heap->next_idle;
      registry::GiveIdle(heap);
    }
    const size_t cached = g_large_blocks.Statistics().cached_bytes;
    g_large_blocks.Purge(now, 0);
    return any || cached != 0;
  }

 private:
  // Everything but what must still wait in quarantine goes to rest, then empty slabs are returned.
  static bool Empty(Heap& heap, uint64_t now) {
    const uint64_t before = heap.counters.slabs_returned.load(std::memory_order_relaxed);
    Refill<P>::DrainInbox(heap);
    for (ClassId id = 0; id < kClasses; ++id) Refill<P>::Flush(heap, heap.BinOf(id));
    PurgeHeap(heap, now, 0);
    return heap.counters.slabs_returned.load(std::memory_order_relaxed) != before;
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_TIDY_H_
