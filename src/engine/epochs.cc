#include "src/engine/epochs.h"

#include "src/engine/bad_pointer.h"
#include "src/engine/clock.h"
#include "src/engine/closing_slabs.h"
#include "src/engine/heap_registry.h"
#include "src/engine/large_blocks.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/engine/reclaim.h"
#include "src/engine/runtime.h"
#include "src/platform/lock.h"
#include "src/platform/topology.h"

namespace bartizan {

namespace epochs {
namespace {

// At one tick; the next tick goes on.
constexpr uint32_t kEpochsPerTick = 16;

// --- Retiring
// -----------------------------------------------------------------------------------

void ReleaseLargeBlocks(uint32_t id) {
  LargeView view;
  while (LargeBlock* block = g_large_blocks.TakeOf(id, &view)) {
    kComposition.release_large(block, view);
  }
}

// All heaps are gone. The lock is held.
void ReleaseSlabs(Epoch& epoch, uint32_t id) {
  SlabRef next;
  for (SlabRef ref = epoch.slabs; ref; ref = next) {
    next = g_address_map.slab(ref).epoch_next;
    closing::ReleaseBlocks(epoch, id, ref);
  }
}

// The heap is empty and its thread's own; what slabs it has left go without an owner from now on.
void DisownSlabs(Epoch& epoch, uint32_t id, Heap& heap) {
  SlabRef next;
  for (SlabRef ref = epoch.slabs; ref; ref = next) {
    if (!g_address_map.HasSlab(ref)) ReportCorruptLink(ref);
    next = g_address_map.slab(ref).epoch_next;
    if (g_address_map.OwnerOf(ref) == heap.id()) closing::HandOver(epoch, id, ref);
  }
  for (BinReserve& reserve : heap.reserve) {
    reserve.room = reserve.announced = SlabRef();
    reserve.slabs = reserve.empty_slabs = 0;
  }
  heap.slab_bytes = heap.empty_bytes = 0;
  heap.epoch = 0;
  heap.home = nullptr;
}

void Settle(Heap& heap) {
  if (heap.needs_rebuild) RebuildHeap(heap);
}

// Takes the heaps of a closing epoch from it, once no thread is inside.
void Retire(const EpochName& name) {
  platform::Lock& lock = g_epochs.LockOf(name.id);
  for (;;) {
    Heap* heap;
    {
      platform::LockGuard guard(lock);
      Epoch* const epoch = g_epochs.Find(name);
      if (epoch == nullptr || !epoch->closing || epoch->scopes != 0) return;
      heap = epoch->idle;
      if (heap == nullptr) break;
      epoch->idle = heap->next_idle;
      heap->next_idle = nullptr;
      heap->holder = platform::ThisThread();
    }
    Settle(*heap);
    EmptyHeap(*heap, EngineMilliseconds(), Waiting::kWithSlabs);
    {
      platform::LockGuard guard(lock);
      Epoch* const epoch = g_epochs.Find(name);
      DisownSlabs(*epoch, name.id, *heap);
      epoch->heaps--;
    }
    // What was announced to it meanwhile.
    CollectInbox(*heap);
    registry::GiveBlank(heap);
  }
  {
    platform::LockGuard guard(lock);
    Epoch* const epoch = g_epochs.Find(name);
    if (epoch == nullptr || epoch->heaps != 0) return;
    if (!epoch->release) return DropIfOver(*epoch, name.id);
    // Nobody ends it before the large blocks are gone.
    epoch->scopes++;
    epoch->tended++;
  }
  ReleaseLargeBlocks(name.id);
  platform::LockGuard guard(lock);
  Epoch* const epoch = g_epochs.Find(name);
  ReleaseSlabs(*epoch, name.id);
  epoch->scopes--;
  epoch->tended--;
  DropIfOver(*epoch, name.id);
}

}  // namespace

EpochStatus Close(const EpochName& name, bool release) {
  {
    platform::LockGuard guard(g_epochs.LockOf(name.id));
    Epoch* const epoch = g_epochs.Find(name);
    if (epoch == nullptr) return EpochStatus::kStale;
    if (release && epoch->inside() != 0) return EpochStatus::kBusy;
    if (epoch->closing && !release) return EpochStatus::kClosing;
    epoch->closing = true;
    if (release) epoch->release = true;
  }
  Retire(name);
  return EpochStatus::kDone;
}

void DropIfOver(Epoch& epoch, uint32_t id) {
  if (!epoch.closing || epoch.scopes != 0 || epoch.heaps != 0 || epoch.slab_count != 0) return;
  {
    platform::LockGuard guard(*g_large_blocks.lock());
    if (epoch.large_blocks != 0) return;
  }
  g_epochs.Drop(id);
}

// --- Heaps
// --------------------------------------------------------------------------------------

EpochStatus TakeHeap(const EpochName& name, Heap& home, Heap** heap) {
  platform::Lock& lock = g_epochs.LockOf(name.id);
  *heap = nullptr;
  {
    platform::LockGuard guard(lock);
    Epoch* const epoch = g_epochs.Find(name);
    if (epoch == nullptr) return EpochStatus::kStale;
    if (epoch->closing) return EpochStatus::kClosing;
    epoch->scopes++;
    if (epoch->idle != nullptr) {
      *heap = epoch->idle;
      epoch->idle = (*heap)->next_idle;
      (*heap)->next_idle = nullptr;
      (*heap)->holds = 1;
      (*heap)->holder = platform::ThisThread();
      (*heap)->home = &home;
    }
  }
  if (*heap == nullptr) {
    Heap* const blank = registry::TakeBlank(home.node);
    platform::LockGuard guard(lock);
    Epoch* const epoch = g_epochs.Find(name);
    if (blank == nullptr) {
      epoch->scopes--;
      return EpochStatus::kNoMemory;
    }
    epoch->heaps++;
    blank->epoch = name.id;
    blank->holds = 1;
    blank->home = &home;
    *heap = blank;
  }
  Settle(**heap);
  return EpochStatus::kDone;
}

void GiveHeap(Heap* heap, const EpochName& name) {
  bool last;
  {
    platform::LockGuard guard(g_epochs.LockOf(name.id));
    Epoch* const epoch = g_epochs.Find(name);
    if (heap->home == nullptr) epoch->tended--;
    if (--heap->holds == 0) {
      heap->holder = 0;
      heap->home = nullptr;
      heap->next_idle = epoch->idle;
      epoch->idle = heap;
    }
    last = --epoch->scopes == 0 && epoch->closing;
  }
  if (last) Retire(name);
}

EpochStatus HoldHeap(Heap& heap, const EpochName& name) {
  platform::LockGuard guard(g_epochs.LockOf(name.id));
  Epoch* const epoch = g_epochs.Find(name);
  if (epoch == nullptr) return EpochStatus::kStale;
  if (epoch->closing) return EpochStatus::kClosing;
  heap.holds++;
  epoch->scopes++;
  return EpochStatus::kDone;
}

// --- Slabs and large blocks
// ---------------------------------------------------------------------

void LinkSlab(Epoch& epoch, SlabRef ref, uint32_t id) {
  Slab& slab = g_address_map.slab(ref);
  slab.epoch = id;
  slab.epoch_previous = SlabRef();
  slab.epoch_next = epoch.slabs;
  if (epoch.slabs) {
    if (!g_address_map.HasSlab(epoch.slabs)) ReportCorruptLink(epoch.slabs);
    g_address_map.slab(epoch.slabs).epoch_previous = ref;
  }
  epoch.slabs = ref;
  epoch.slab_count++;
}

void UnlinkSlab(Epoch& epoch, SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  const SlabRef next = slab.epoch_next;
  const SlabRef previous = slab.epoch_previous;
  const auto names_this = [&](SlabRef neighbour, bool forwards) {
    if (!g_address_map.HasSlab(neighbour)) return false;
    const Slab& other = g_address_map.slab(neighbour);
    return (forwards ? other.epoch_next : other.epoch_previous) == ref;
  };
  if (next && !names_this(next, false)) ReportCorruptLink(next);
  if (previous ? !names_this(previous, true) : epoch.slabs != ref) ReportCorruptLink(ref);
  if (previous) {
    g_address_map.slab(previous).epoch_next = next;
  } else {
    epoch.slabs = next;
  }
  if (next) g_address_map.slab(next).epoch_previous = previous;
  slab.epoch_next = slab.epoch_previous = SlabRef();
  slab.epoch = 0;
  epoch.slab_count--;
}

void OnLargeFreed(uint32_t id) {
  platform::LockGuard guard(g_epochs.LockOf(id));
  Epoch* const epoch = g_epochs.At(id);
  if (epoch != nullptr && epoch->era != 0) DropIfOver(*epoch, id);
}

// --- Without a thread of ours
// -------------------------------------------------------------------

namespace {

// The epoch's heaps that no thread is in are looked after. Meanwhile it is not retired.
enum class Care { kDrain, kEmpty, kEmptyAll };
void TidyEpoch(uint32_t id, uint64_t now_ms, Care care) {
  EpochName name;
  Heap* heap;
  {
    platform::LockGuard guard(g_epochs.LockOf(id));
    Epoch* const epoch = g_epochs.At(id);
    if (epoch == nullptr || epoch->era == 0 || epoch->idle == nullptr || epoch->closing) return;
    name = {id, epoch->era};
    heap = epoch->idle;
    epoch->idle = nullptr;
    for (Heap* each = heap; each != nullptr; each = each->next_idle) {
      each->holds = 1;
      each->holder = platform::ThisThread();
      epoch->scopes++;
      epoch->tended++;
    }
  }
  while (heap != nullptr) {
    Heap* const next = heap->next_idle;
    Settle(*heap);
    if (care == Care::kDrain) {
      DrainAll(*heap);
    } else {
      EmptyHeap(*heap, now_ms, care == Care::kEmptyAll ? Waiting::kWithSlabs : Waiting::kKept);
    }
    GiveHeap(heap, name);
    heap = next;
  }
}

}  // namespace

void TidyIdle(uint64_t now_ms, bool all) {
  const uint32_t limit = g_epochs.limit();
  if (limit == 1) return;
  static constinit std::atomic<uint32_t> next{0};
  const uint32_t count = all || limit < kEpochsPerTick ? limit : kEpochsPerTick;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t id = next.fetch_add(1, std::memory_order_relaxed) % limit;
    if (id != 0) TidyEpoch(id, now_ms, all ? Care::kEmpty : Care::kDrain);
  }
  while (Heap* heap = registry::TakeAnnouncedBlank()) {
    CollectInbox(*heap);
    registry::GiveBlank(heap);
  }
}

void OnFreedByOther(uint32_t id) {
  Epoch* const epoch = g_epochs.At(id);
  if (epoch == nullptr) return;
  if (epoch->until_look.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  const uint64_t now = EngineMilliseconds();
  TidyEpoch(id, now, Care::kDrain);
  EpochView view;
  if (!ViewAt(id, &view)) return;
  const uint64_t live = view.use.live_blocks;
  // What rests in its heaps is all that keeps its slabs: they wait as a whole.
  if (live == 0) TidyEpoch(id, now, Care::kEmptyAll);
  const uint64_t until = live / 4 + 1;
  epoch->until_look.store(static_cast<int32_t>(until < INT32_MAX ? until : INT32_MAX),
                          std::memory_order_relaxed);
}

void AbandonHeap(Heap* heap) {
  Epoch* const epoch = g_epochs.At(heap->epoch);
  heap->needs_rebuild = true;
  if (heap->home == nullptr) epoch->tended -= heap->holds;
  heap->home = nullptr;
  heap->holder = 0;
  epoch->scopes -= heap->holds;
  heap->holds = 0;
  heap->next_idle = epoch->idle;
  epoch->idle = heap;
}

void RecoverChild() {
  const uint32_t limit = g_epochs.limit();
  for (uint32_t id = 1; id < limit; ++id) {
    Epoch* const epoch = g_epochs.At(id);
    if (epoch->era == 0) continue;
    epoch->until_look.store(1, std::memory_order_relaxed);  // who counted may be gone
    // And whoever was releasing it: that is done below.
    epoch->scopes -= epoch->tended;
    epoch->tended = 0;
    if (!epoch->closing) continue;
    const EpochName name{id, epoch->era};
    SlabRef next;
    epoch->scopes++;
    for (SlabRef ref = epoch->slabs; ref; ref = next) {
      next = g_address_map.slab(ref).epoch_next;
      if (g_address_map.OwnerOf(ref) == kNobodysHeap) closing::CountAnew(*epoch, id, ref);
    }
    epoch->scopes--;
    Retire(name);
  }
}

}  // namespace epochs
}  // namespace bartizan
