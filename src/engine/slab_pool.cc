#include "src/engine/slab_pool.h"

#include <atomic>

#include "src/engine/bad_pointer.h"
#include "src/engine/epochs.h"
#include "src/engine/purge.h"
#include "src/options/sealed_page.h"
#include "src/platform/address_plan.h"
#include "src/platform/memory.h"
#include "src/platform/topology.h"

namespace bartizan::slab_pool {
namespace {

platform::Access AccessOf(ClassId id) {
  return id == kZeroClass ? platform::Access::kNone : platform::Access::kReadWrite;
}

// Where the system gives nothing at all, not even what was just given up, unmapping only loses
// what one has. It is tried again after this long.
constexpr uint64_t kFutileMs = 1'000;
constinit std::atomic<uint64_t> g_futile_until_ms{0};

// With quarantine, a slab that was given back waits until so many others of its class were, as far
// as there is fresh address space. It has no pages meanwhile.
constexpr uint32_t kWaitingSlabs = 8;

// These two keep slab.unmapped; the class lock is held.
bool Unmap(SlabRef ref) {
  if (!platform::Release(g_address_map.SlabAddress(ref), SlabBytes(ref.class_id()))) return false;
  Slab& slab = g_address_map.slab(ref);
  slab.unmapped = true;
  slab.prepared = false;  // its guard went with it
  return true;
}
platform::Claim MapAgain(SlabRef ref) {
  const ClassId id = ref.class_id();
  const platform::Claim claim =
      platform::ClaimAt(g_address_map.SlabAddress(ref), SlabBytes(id), AccessOf(id));
  if (claim == platform::Claim::kDone) g_address_map.slab(ref).unmapped = false;
  return claim;
}

// Out of the pool, where there are any. kExhausted: there are none. The class lock is held.
Result TakePooled(ClassRegion& region, ClassId id, uint32_t kept, SlabRef* ref) {
  if (!region.pool || region.pool_slabs <= kept) return Result::kExhausted;
  CheckLink(region.pool, id, kNoHeap);
  Slab& slab = g_address_map.slab(region.pool);
  if (slab.unmapped) {
    const platform::Claim claim = MapAgain(region.pool);
    if (claim == platform::Claim::kRefused) return Result::kRefused;
    // Somebody else's mapping took the place meanwhile: a fresh slab instead of this one.
    if (claim == platform::Claim::kOccupied) return Result::kExhausted;
  }
  *ref = region.pool;
  region.pool = slab.next;
  region.pool_slabs--;
  return Result::kDone;
}

Result TakeFresh(ClassId id, uint32_t gap, SlabRef* ref) {
  switch (g_address_map.TakeFreshSlab(id, gap, ref)) {
    case AddressMap::Growth::kDone:
      return Result::kDone;
    case AddressMap::Growth::kRefused:
      return Result::kRefused;
    case AddressMap::Growth::kExhausted:
      break;
  }
  return Result::kExhausted;
}

}  // namespace

namespace {

Result TakeFor(Heap& heap, ClassId id, uint32_t gap, SlabRef* ref) {
  ClassRegion& region = g_address_map.region(id);
  bool fresh = false;
  {
    platform::LockGuard guard(region.lock);
    const bool waits = OptionsInForce().Has(Toggle::kQuarantine);
    Result result = TakePooled(region, id, waits ? kWaitingSlabs : 0, ref);
    fresh = result == Result::kExhausted;
    if (fresh) result = TakeFresh(id, gap, ref);
    if (fresh && waits && result != Result::kDone) {
      const Result pooled = TakePooled(region, id, 0, ref);
      fresh = pooled != Result::kDone;
      if (!fresh) result = pooled;
    }
    if (result != Result::kDone) return result;
    // Under the lock: between leaving the pool and having an owner no fork may happen, for the
    // child finds its heaps' slabs by their owner.
    Slab& slab = g_address_map.slab(*ref);
    slab.uncarved = AllUnits(id);
    slab.carved = slab.parked = slab.next_scan = slab.next_drain = 0;
    slab.released = false;
    slab.idle = 0;
    slab.dropped = 0;
    slab.next = slab.previous = SlabRef();
    slab.listed = false;
    slab.torn = false;
    slab.empty_since_ms = 0;
    slab.node = static_cast<uint8_t>(heap.node);
    g_address_map.SetOwner(*ref, heap.id());
  }
  if (id != kZeroClass) {
    platform::BindToNode(g_address_map.SlabAddress(*ref), SlabBytes(id), heap.node);
  }
  heap.slab_bytes += SlabBytes(id);
  heap.reserve[id].slabs++;
  HeapCounters& counters = heap.counters;
  HeapCounters::Add(counters.slabs_taken, 1);
  HeapCounters::Add(fresh ? counters.slabs_from_fresh : counters.slabs_from_pool, 1);
  return Result::kDone;
}

// With the epoch's lock, so that no fork sees the one without the other.
Result TakeForEpoch(Heap& heap, ClassId id, uint32_t gap, SlabRef* ref) {
  const uint32_t epoch = heap.epoch;
  platform::LockGuard guard(g_epochs.LockOf(epoch));
  const Result result = TakeFor(heap, id, gap, ref);
  if (result == Result::kDone) epochs::LinkSlab(*g_epochs.At(epoch), *ref, epoch);
  return result;
}

}  // namespace

Result Take(Heap& heap, ClassId id, uint32_t gap, SlabRef* ref) {
  const Result result =
      heap.epoch == 0 ? TakeFor(heap, id, gap, ref) : TakeForEpoch(heap, id, gap, ref);
  if (result == Result::kDone) OnSlabTaken(heap, id);
  return result;
}

void Return(Heap& heap, SlabRef ref) {
  heap.slab_bytes -= SlabBytes(ref.class_id());
  heap.reserve[ref.class_id()].slabs--;
  HeapCounters::Add(heap.counters.slabs_returned, 1);
  const uint32_t epoch = heap.epoch;
  if (epoch == 0) return GiveBack(ref);
  // As in TakeForEpoch.
  platform::LockGuard guard(g_epochs.LockOf(epoch));
  epochs::UnlinkSlab(*g_epochs.At(epoch), ref);
  GiveBack(ref);
}

void GiveBack(SlabRef ref) {
  const ClassId id = ref.class_id();
  Slab& slab = g_address_map.slab(ref);
  SlotState* states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    const bool uncarved = (slab.uncarved >> unit & 1) != 0;
    const StateWord wanted = uncarved ? StateWord() : StateWord::AtRest(SlotKind::kParked);
    const SlotSpan slots = SlotsOfUnit(id, unit);
    for (size_t i = slots.begin; i < slots.end; ++i) {
      // The record only counts.
      if (states[i * stride].Load() != wanted) ReportCorruptSlab(ref);
      if (!uncarved) states[i * stride].Store(StateWord());
    }
  }
  if (id != kZeroClass) platform::DropPages(g_address_map.SlabAddress(ref), SlabBytes(id));
  ClassRegion& region = g_address_map.region(id);
  platform::LockGuard guard(region.lock);
  slab.carved = slab.parked = 0;
  g_address_map.SetOwner(ref, kNoHeap);
  // First in, first out: whoever still uses a block of it meets no other for a while.
  slab.next = SlabRef();
  if (region.pool_slabs == 0) {
    region.pool = ref;
  } else {
    CheckLink(region.pool_last, id, kNoHeap);
    g_address_map.slab(region.pool_last).next = ref;
  }
  region.pool_last = ref;
  region.pool_slabs++;
}

bool UnmapPooled(uint64_t now_ms) {
  // Where the kernel places large blocks, it would place them here, among the class's addresses.
  if constexpr (!platform::kChoosesAddresses) return false;
  if (now_ms < g_futile_until_ms.load(std::memory_order_relaxed)) return false;
  bool any = false;
  for (ClassId id = 0; id < kClasses; ++id) {
    ClassRegion& region = g_address_map.region(id);
    platform::LockGuard guard(region.lock);
    uint32_t left = region.pool_slabs;
    for (SlabRef ref = region.pool; ref; ref = g_address_map.slab(ref).next) {
      CheckLink(ref, id, kNoHeap);
      if (left-- == 0) ReportCorruptLink(ref);  // a circle
      Slab& slab = g_address_map.slab(ref);
      if (slab.unmapped || !Unmap(ref)) continue;
      if (!any && MapAgain(ref) == platform::Claim::kRefused) {
        g_futile_until_ms.store(now_ms + kFutileMs, std::memory_order_relaxed);
        return false;
      }
      any = slab.unmapped || Unmap(ref);
    }
  }
  return any;
}

}  // namespace bartizan::slab_pool
