#include "src/engine/tidy.h"

#include "src/engine/clock.h"
#include "src/engine/epochs.h"
#include "src/engine/heap_registry.h"
#include "src/engine/large_blocks.h"
#include "src/engine/purge.h"
#include "src/engine/reclaim.h"
#include "src/engine/slab_pool.h"
#include "src/options/sealed_page.h"

namespace bartizan {
namespace {

// At one tick; the next tick goes on.
constexpr int kHeapsPerTick = 16;

}  // namespace

bool TrimAll(Waiting waiting) {
  const uint64_t now = EngineMilliseconds();
  RequestPurge();
  bool any = false;
  if (HasHeap(CurrentBins())) any |= EmptyHeap(*static_cast<Heap*>(CurrentBins()), now, waiting);
  // The idle heaps, each once: the ones already done are kept aside until all are.
  Heap* done = nullptr;
  while (Heap* heap = registry::TakeIdle(registry::Which::kAny)) {
    any |= EmptyHeap(*heap, now, waiting);
    heap->next_idle = done;
    done = heap;
  }
  while (done != nullptr) {
    Heap* heap = done;
    done = heap->next_idle;
    registry::GiveIdle(heap);
  }
  epochs::TidyIdle(now, true);
  const size_t cached = g_large_blocks.Statistics().cached_bytes;
  g_large_blocks.Purge(now, 0);
  return any || cached != 0;
}

bool ReclaimAll(Waiting waiting) {
  const uint64_t now = EngineMilliseconds();
  NoteScarcity(now);
  const bool trimmed = TrimAll(waiting);
  return slab_pool::UnmapPooled(now) || trimmed;
}

void TidyIdle(uint64_t now_ms) {
  for (int i = 0; i < kHeapsPerTick; ++i) {
    Heap* heap = registry::TakeIdle(registry::Which::kUntidy);
    if (heap == nullptr) break;
    EmptyHeap(*heap, now_ms);
    heap->tidy = true;
    registry::GiveIdle(heap);
  }
  epochs::TidyIdle(now_ms, false);
  // The next look comes before the decay time has passed.
  const uint64_t decay = OptionsInForce().decay_ms;
  g_large_blocks.Purge(now_ms, decay - decay / 4);
}

}  // namespace bartizan
