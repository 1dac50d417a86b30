#include "src/engine/heap_registry.h"

#include <atomic>

#include "src/base/bits.h"
#include "src/engine/epoch_scopes.h"
#include "src/engine/epochs.h"
#include "src/engine/heap_bins.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/engine/runtime.h"
#include "src/metadata/metadata_memory.h"
#include "src/metadata/seeding.h"
#include "src/platform/bytes.h"
#include "src/platform/memory.h"
#include "src/platform/process.h"
#include "src/platform/thread_exit.h"
#include "src/platform/topology.h"

namespace bartizan {

constinit BinSet g_unattached_bins = {};
constinit BinSet g_exited_bins = {};
constinit thread_local ptrdiff_t tls_bins_distance = 0;

namespace {

constinit platform::Lock g_lock;       // guards the idle list and the number of heaps
constinit platform::Lock g_late_lock;  // held while the late heap is borrowed
// Release when a heap is entered, acquire when one is looked up by the owner of a slab.
constinit std::atomic<Heap*> g_heaps[kMaxHeaps + 1] = {};
constinit std::atomic<uint32_t> g_heap_limit{1};
constinit Heap* g_idle = nullptr;
constinit Heap* g_blank = nullptr;  // of epochs, without slabs: between two of them
constinit Heap* g_late_heap = nullptr;
constinit std::atomic<bool> g_exit_prepared{false};
// Raised in every fork child, while it has one thread: heaps with an older seed would repeat the
// parent's random stream.
constinit uint32_t g_seed_generation = 0;

void Reseed(Heap& heap) {
  heap.random = NewStream(StreamUse::kHeap, heap.id());
  heap.seed_generation = g_seed_generation;
}

// g_lock is held.
Heap* CreateHeap(uint32_t node, HeapKind kind = HeapKind::kOfThread) {
  const uint32_t id = g_heap_limit.load(std::memory_order_relaxed);
  if (id > kMaxHeaps) return nullptr;
  RandomStream random = NewStream(StreamUse::kHeap, id);
  BinLayout layouts[kClasses];
  const size_t places = PlanBins(random, kind, layouts);
  const size_t bytes = AlignUp(sizeof(Heap) + places * kPlaceStep, platform::kPageBytes);
  const uintptr_t place = ClaimMetadata(random, bytes);
  if (place == 0) return nullptr;
  auto* heap = reinterpret_cast<Heap*>(place);  // fresh pages: all zero
  heap->owner_word = StateWord::OwnedBy(static_cast<HeapId>(id));
  heap->window = g_address_map.window();
  heap->node = node;
  heap->of_epochs = kind == HeapKind::kOfEpochs;
  heap->random = random;
  heap->seed_generation = g_seed_generation;
  heap->holder = platform::ThisThread();
  heap->thread = platform::ThreadId();
  heap->inbox.store(Heap::kNoLink, std::memory_order_relaxed);
  SetUpBins(*heap, layouts);
  g_heaps[id].store(heap, std::memory_order_release);
  g_heap_limit.store(id + 1, std::memory_order_release);
  return heap;
}

// Takes a heap out of the idle list for the calling thread. g_lock is held.
Heap* Unlink(Heap** link) {
  Heap* heap = *link;
  if (heap == nullptr) return nullptr;
  *link = heap->next_idle;
  heap->next_idle = nullptr;
  heap->holder = platform::ThisThread();
  heap->thread = platform::ThreadId();
  if (heap->seed_generation != g_seed_generation) Reseed(*heap);
  return heap;
}

// The idle heap of this node that was given up last. Others stay: their slabs lie on another node.
// g_lock is held.
Heap* PopIdle(uint32_t node) {
  Heap** link = &g_idle;
  while (*link != nullptr && (*link)->node != node) link = &(*link)->next_idle;
  return Unlink(link);
}

bool IsTidy(const Heap& heap) {
  return heap.tidy && heap.inbox.load(std::memory_order_relaxed) == Heap::kNoLink;
}

// After a fork: a thread that is gone may have marked a slab as announced without linking it. Every
// inbox is emptied, and every slab so marked is announced again.
void AnnounceAnew() {
  const uint32_t limit = g_heap_limit.load(std::memory_order_relaxed);
  for (uint32_t id = 1; id < limit; ++id) {
    Heap* heap = g_heaps[id].load(std::memory_order_relaxed);
    heap->inbox.store(Heap::kNoLink, std::memory_order_relaxed);
    for (BinReserve& reserve : heap->reserve) reserve.announced = SlabRef();
  }
  for (ClassId id = 0; id < kClasses; ++id) {
    const ClassRegion& region = g_address_map.region(id);
    for (size_t offset = 0; offset < region.next_slab; offset += SlabBytes(id)) {
      const SlabRef ref = AddressMap::SlabAt(id, offset);
      Slab& slab = g_address_map.slab(ref);
      if (!slab.remote_pending.load(std::memory_order_relaxed)) continue;  // copies no page of it
      slab.remote_pending.store(false, std::memory_order_relaxed);
      NotifyOwner(ref);
    }
  }
}

void OnThreadExit(void*) { registry::DetachThread(); }

// A heap for this thread, or nullptr: then it shares the late heap.
Heap* AttachThread() {
  if (!g_exit_prepared.load(std::memory_order_acquire)) {
    platform::LockGuard guard(g_lock);
    if (!g_exit_prepared.load(std::memory_order_relaxed)) {
      if (!platform::PrepareThreadExit(OnThreadExit)) return nullptr;
      g_exit_prepared.store(true, std::memory_order_release);
    }
  }
  const uint32_t node = platform::CurrentNode();
  Heap* heap;
  {
    platform::LockGuard guard(g_lock);
    heap = PopIdle(node);
    if (heap == nullptr) heap = CreateHeap(node);
  }
  if (heap == nullptr) return nullptr;
  heap->tidy = false;
  epoch_scopes::Forget(*heap);
  // First the heap, then the exit hook: setting it may allocate.
  SetCurrentBins(heap);
  if (heap->needs_rebuild) RebuildHeap(*heap);
  platform::WatchThread();
  return heap;
}

}  // namespace

ScopedHeap::ScopedHeap() {
  BinSet* const bins = CurrentBins();
  if (HasHeap(bins)) {
    heap_ = static_cast<Heap*>(bins);
    return;
  }
  heap_ = nullptr;
  if (!EnsureStarted()) return;
  if (bins == &g_unattached_bins) heap_ = AttachThread();
  if (heap_ != nullptr) return;
  g_late_lock.Acquire();
  if (g_late_heap == nullptr) {
    platform::LockGuard guard(g_lock);
    g_late_heap = CreateHeap(platform::CurrentNode());
  }
  heap_ = g_late_heap;
  if (heap_ == nullptr) {
    g_late_lock.Release();
    return;
  }
  restore_ = bins;
  SetCurrentBins(heap_);
}

ScopedHeap::~ScopedHeap() {
  if (restore_ == nullptr) return;
  SetCurrentBins(restore_);
  g_late_lock.Release();
}

namespace registry {

Heap* HeapById(HeapId id) { return g_heaps[id].load(std::memory_order_acquire); }

HeapId HeapLimit() {
  const uint32_t limit = g_heap_limit.load(std::memory_order_acquire);
  return static_cast<HeapId>(limit > kMaxHeaps ? kMaxHeaps : limit);
}

Places HeapPlaces() { return {g_heaps, &g_heap_limit}; }

void DetachThread() {
  BinSet* const bins = CurrentBins();
  if (!HasHeap(bins)) return;
  epoch_scopes::LeaveAll();
  Heap* const heap = static_cast<Heap*>(CurrentBins());
  SetCurrentBins(&g_exited_bins);
  GiveIdle(heap);
}

Heap* TakeIdle(Which which) {
  Heap* heap;
  {
    platform::LockGuard guard(g_lock);
    Heap** link = &g_idle;
    while (*link != nullptr && which == Which::kUntidy && IsTidy(**link)) {
      link = &(*link)->next_idle;
    }
    heap = Unlink(link);
  }
  if (heap != nullptr && heap->needs_rebuild) RebuildHeap(*heap);
  return heap;
}

void GiveIdle(Heap* heap) {
  platform::LockGuard guard(g_lock);
  heap->holder = 0;
  heap->next_idle = g_idle;
  g_idle = heap;
}

Heap* TakeBlank(uint32_t node) {
  platform::LockGuard guard(g_lock);
  Heap* const heap = Unlink(&g_blank);
  if (heap == nullptr) return CreateHeap(node, HeapKind::kOfEpochs);
  heap->node = node;
  return heap;
}

Heap* TakeAnnouncedBlank() {
  platform::LockGuard guard(g_lock);
  Heap** link = &g_blank;
  while (*link != nullptr && (*link)->inbox.load(std::memory_order_relaxed) == Heap::kNoLink) {
    link = &(*link)->next_idle;
  }
  return Unlink(link);
}

void GiveBlank(Heap* heap) {
  platform::LockGuard guard(g_lock);
  heap->holder = 0;
  heap->next_idle = g_blank;
  g_blank = heap;
}

void SettleNode() {
  if (HasHeap(CurrentBins())) static_cast<Heap*>(CurrentBins())->node = platform::CurrentNode();
}

void AbandonOtherHeaps() {
  g_seed_generation++;
  const uint32_t limit = g_heap_limit.load(std::memory_order_relaxed);
  for (uint32_t id = 1; id < limit; ++id) {
    Heap* heap = g_heaps[id].load(std::memory_order_relaxed);
    if (heap->holder == platform::ThisThread() || heap == CurrentBins() || heap == g_late_heap) {
      Reseed(*heap);
      continue;
    }
    if (heap->holder == 0) continue;
    if (heap->epoch != 0) {
      epochs::AbandonHeap(heap);
      continue;
    }
    heap->needs_rebuild = true;
    heap->tidy = false;
    heap->holder = 0;
    Heap*& list = heap->of_epochs ? g_blank : g_idle;
    heap->next_idle = list;
    list = heap;
  }
  // The process's number is that of its one thread.
  if (HasHeap(CurrentBins())) static_cast<Heap*>(CurrentBins())->thread = platform::ProcessId();
  AnnounceAnew();
  epochs::RecoverChild();
}

platform::Lock* LateLock() { return &g_late_lock; }
platform::Lock* ListLock() { return &g_lock; }

}  // namespace registry
}  // namespace bartizan
