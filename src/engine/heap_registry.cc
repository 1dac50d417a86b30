#include "src/engine/heap_registry.h"

#include <atomic>

#include "src/base/bits.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/engine/runtime.h"
#include "src/metadata/metadata_memory.h"
#include "src/platform/bytes.h"
#include "src/platform/entropy.h"
#include "src/platform/memory.h"
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
constinit Heap* g_late_heap = nullptr;
constinit std::atomic<bool> g_exit_prepared{false};
// Raised in every fork child, while it has one thread: heaps with an older seed would repeat the
// parent's random stream.
constinit uint32_t g_seed_generation = 0;

// Bounds of a class's thread cache, in slots and in bytes: an idle thread keeps no more than that
// of each class it used, besides what must wait in quarantine.
constexpr size_t kMagazineBytes = 256 * kKiB;
constexpr uint32_t kMinMagazine = 4;
constexpr uint32_t kMaxMagazine = 2048;
constexpr size_t kWindowBytes = 16 * kKiB;
constexpr uint32_t kMinWindow = 1;
constexpr uint32_t kMaxWindow = 32;
// The ring's room for what need not wait, so that a burst of frees is not spilled at once.
constexpr size_t kBurstBytes = 64 * kKiB;
constexpr uint32_t kMaxBurst = 4 * kMaxWindow;
constexpr uint32_t kMaxQuarantineSlots = 1024;
// Kept back where layers want the next slot to be uncertain: the window's size, and never so few
// that one could guess.
constexpr uint32_t kMinHold = 8;

constexpr uint32_t Clamp(size_t n, uint32_t low, uint32_t high) {
  return n < low ? low : n > high ? high : static_cast<uint32_t>(n);
}
constexpr uint32_t MagazineSlots(ClassId id) {
  return Clamp(kMagazineBytes / kClassBytes[id], kMinMagazine, kMaxMagazine);
}
constexpr uint32_t WindowSlots(ClassId id) {
  return Clamp(kWindowBytes / kClassBytes[id], kMinWindow, kMaxWindow);
}
static_assert(kMaxMagazine <= StateWord::kPlaces);
constexpr uint32_t HeldSlots(ClassId id, uint32_t wanted) {
  const uint32_t most = WindowSlots(id) < kMinHold ? kMinHold : WindowSlots(id);
  return wanted < most ? wanted : most;
}

uint32_t RingSlots(ClassId id, uint32_t waiting) {
  if (waiting == 0) return 0;
  const uint32_t burst = Clamp(kBurstBytes / kClassBytes[id], 1, kMaxBurst);
  return waiting + burst + 1;  // one stays free
}
static_assert(kMaxQuarantineSlots + kMaxWindow + kMaxBurst < StateWord::kPlaces);

void Seed(RandomStream& random) {
  uint32_t key[RandomStream::kKeyWords];
  platform::FillRandom(key, sizeof key);
  random.Seed(key);
}

struct BinLayout {
  uint32_t key;
  uint32_t waiting;  // slots that are always in the ring
  uint32_t ring_slots;
  uint32_t hold;
  bool examined;
};

// Asks the layers for each bin; returns how many places the heap needs.
size_t PlanBins(RandomStream& random, BinLayout layouts[kClasses]) {
  size_t places = 0;
  for (ClassId id = 0; id < kClasses; ++id) {
    BinPlan plan{.id = id, .random = random};
    kComposition.plan_bin(plan);
    // Frees by other threads come in by windows, in any order: one more window waits, so that the
    // last freed of them still waits for as many as the layer wants.
    const uint32_t wanted = Clamp(plan.quarantine_slots, 0, kMaxQuarantineSlots);
    const uint32_t waiting = wanted == 0 ? 0 : wanted + WindowSlots(id);
    layouts[id] = {plan.key, waiting, RingSlots(id, waiting), HeldSlots(id, plan.hold),
                   plan.examined && id != kZeroClass};
    places += 1 + MagazineSlots(id) + layouts[id].hold + layouts[id].ring_slots;
  }
  return places;
}

// Larger slots take loops and calls.
BlockWork WorkOn(ClassId id) {
  const BlockWork work = kComposition.block_work(CurrentToggles());
  const size_t most = platform::MostShort(OptionsInForce().wide_vectors);
  const bool is_short = id != kZeroClass && kClassBytes[id] <= most;
  return work == BlockWork::kUsual && !is_short ? BlockWork::kOther : work;
}

void SetUpBins(Heap& heap, const BinLayout layouts[kClasses]) {
  Place place = sizeof(Heap) - offsetof(BinSet, places);
  for (ClassId id = 0; id < kClasses; ++id) {
    const ClassRegion& region = g_address_map.region(id);
    Bin& bin = heap.BinOf(id);
    BinReserve& reserve = heap.reserve[id];
    bin.base = region.base;
    bin.states = region.states;
    bin.key = layouts[id].key;
    bin.capacity =
        id == kZeroClass ? 0 : kClassBytes[id] - static_cast<uint32_t>(g_runtime.trailer_bytes);
    bin.slab_mask = static_cast<uint16_t>(GranulesPerSlab(id) - 1);
    bin.shift = static_cast<uint8_t>(GranuleShift(id));
    bin.id = static_cast<uint8_t>(id);
    bin.work = WorkOn(id);
    bin.next = bin.bottom = place;
    heap.At(bin.bottom) = Bin::kNoGranule ^ Bin::Mask(bin.key, bin.bottom);
    bin.last = bin.bottom + MagazineSlots(id) * kPlaceStep;
    reserve.ring = bin.HeldPlace(layouts[id].hold);
    reserve.ring_end = reserve.ring + layouts[id].ring_slots * kPlaceStep;
    bin.ring_next = reserve.ring_tail = reserve.ring;
    bin.ring_stop = reserve.ring;  // the first push finds out
    place = reserve.ring_end;
    reserve.quarantine_slots = layouts[id].waiting;
    reserve.window = WindowSlots(id);
    reserve.hold = layouts[id].hold;
    reserve.examined = layouts[id].examined;
  }
}

// Zero-size requests find the zero class's bin in the set, which stays empty.
void FillSizeIndex(BinSet& set) {
  for (size_t step = 1; step <= kIndexedRequest / kIndexStep; ++step) {
    const ClassId id = ClassOf(step * kIndexStep + g_runtime.trailer_bytes);
    set.bin_offset[step] = static_cast<uint16_t>(id * sizeof(Bin));
  }
}

// g_lock is held.
Heap* CreateHeap(uint32_t node) {
  const uint32_t id = g_heap_limit.load(std::memory_order_relaxed);
  if (id > kMaxHeaps) return nullptr;
  RandomStream random;
  Seed(random);
  BinLayout layouts[kClasses];
  const size_t places = PlanBins(random, layouts);
  const size_t bytes = AlignUp(sizeof(Heap) + places * kPlaceStep, platform::kPageBytes);
  const uintptr_t place = ClaimMetadata(random, bytes);
  if (place == 0) return nullptr;
  auto* heap = reinterpret_cast<Heap*>(place);  // fresh pages: all zero
  heap->owner_word = StateWord::OwnedBy(static_cast<HeapId>(id));
  heap->window = g_address_map.window();
  heap->node = node;
  heap->random = random;
  heap->seed_generation = g_seed_generation;
  heap->holder = platform::ThisThread();
  heap->inbox.store(Heap::kNoLink, std::memory_order_relaxed);
  FillSizeIndex(*heap);
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
  if (heap->seed_generation != g_seed_generation) {
    Seed(heap->random);
    heap->seed_generation = g_seed_generation;
  }
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

void DetachThread() {
  BinSet* const bins = CurrentBins();
  if (!HasHeap(bins)) return;
  SetCurrentBins(&g_exited_bins);
  GiveIdle(static_cast<Heap*>(bins));
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

void SettleNode() {
  if (HasHeap(CurrentBins())) static_cast<Heap*>(CurrentBins())->node = platform::CurrentNode();
}

void AbandonOtherHeaps() {
  g_seed_generation++;
  const uint32_t limit = g_heap_limit.load(std::memory_order_relaxed);
  for (uint32_t id = 1; id < limit; ++id) {
    Heap* heap = g_heaps[id].load(std::memory_order_relaxed);
    if (heap == CurrentBins() || heap == g_late_heap) {
      Seed(heap->random);
      heap->seed_generation = g_seed_generation;
      continue;
    }
    if (heap->holder == 0 || heap->holder == platform::ThisThread()) continue;
    heap->needs_rebuild = true;
    heap->tidy = false;
    heap->holder = 0;
    heap->next_idle = g_idle;
    g_idle = heap;
  }
  AnnounceAnew();
}

platform::Lock* LockAt(int i) { return i == 0 ? &g_late_lock : &g_lock; }

}  // namespace registry
}  // namespace bartizan
