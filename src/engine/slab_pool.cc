#include "src/engine/slab_pool.h"

#include <atomic>

#include "src/engine/bad_pointer.h"
#include "src/engine/purge.h"
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
Result TakePooled(ClassRegion& region, ClassId id, SlabRef* ref) {
  if (!region.pool) return Result::kExhausted;
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

Result Take(Heap& heap, ClassId id, uint32_t gap, SlabRef* ref) {
  ClassRegion& region = g_address_map.region(id);
  {
    platform::LockGuard guard(region.lock);
    Result result = TakePooled(region, id, ref);
    if (result == Result::kExhausted) result = TakeFresh(id, gap, ref);
    if (result != Result::kDone) return result;
    // Under the lock: between leaving the pool and having an owner no fork may happen, for the
    // child finds its heaps' slabs by their owner.
    Slab& slab = g_address_map.slab(*ref);
    slab.uncarved = AllUnits(id);
    slab.carved = slab.parked = slab.next_scan = 0;
    slab.next_drain = 0;
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
  HeapCounters::Add(heap.counters.slabs_taken, 1);
  OnSlabTaken(heap, id);
  return Result::kDone;
}

void Return(Heap& heap, SlabRef ref) {
  const ClassId id = ref.class_id();
  Slab& slab = g_address_map.slab(ref);
  SlotState* states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    if ((slab.uncarved >> unit & 1) != 0) continue;
    const SlotSpan slots = SlotsOfUnit(id, unit);
    for (size_t i = slots.begin; i < slots.end; ++i) states[i * stride].Store(StateWord());
  }
  if (id != kZeroClass) platform::DropPages(g_address_map.SlabAddress(ref), SlabBytes(id));
  heap.slab_bytes -= SlabBytes(id);
  heap.reserve[id].slabs--;
  HeapCounters::Add(heap.counters.slabs_returned, 1);
  ClassRegion& region = g_address_map.region(id);
  platform::LockGuard guard(region.lock);
  slab.carved = slab.parked = 0;
  g_address_map.SetOwner(ref, kNoHeap);
  slab.next = region.pool;
  region.pool = ref;
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
    for (SlabRef ref = region.pool; ref; ref = g_address_map.slab(ref).next) {
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
