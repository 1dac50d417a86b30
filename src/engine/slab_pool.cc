#include "src/engine/slab_pool.h"

#include "src/platform/memory.h"
#include "src/platform/topology.h"

namespace bartizan::slab_pool {
namespace {

platform::Access AccessOf(ClassId id) {
  return id == kZeroClass ? platform::Access::kNone : platform::Access::kReadWrite;
}

// Out of the pool, where there are any. kExhausted: there are none. The class lock is held.
Result TakePooled(ClassRegion& region, ClassId id, SlabRef* ref) {
  if (!region.pool) return Result::kExhausted;
  Slab& slab = g_address_map.slab(region.pool);
  if (slab.unmapped) {
    const uintptr_t address = g_address_map.SlabAddress(region.pool);
    const platform::Claim claim = platform::ClaimAt(address, SlabBytes(id), AccessOf(id));
    if (claim == platform::Claim::kRefused) return Result::kRefused;
    // Somebody else's mapping took the place meanwhile: a fresh slab instead of this one.
    if (claim == platform::Claim::kOccupied) return Result::kExhausted;
    slab.unmapped = false;
  }
  *ref = region.pool;
  region.pool = slab.next;
  region.pool_slabs--;
  return Result::kDone;
}

Result TakeFresh(ClassId id, SlabRef* ref) {
  switch (g_address_map.TakeFreshSlab(id, ref)) {
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

Result Take(Heap& heap, ClassId id, SlabRef* ref) {
  ClassRegion& region = g_address_map.region(id);
  {
    platform::LockGuard guard(region.lock);
    Result result = TakePooled(region, id, ref);
    if (result == Result::kExhausted) result = TakeFresh(id, ref);
    if (result != Result::kDone) return result;
    // Under the lock: between leaving the pool and having an owner no fork may happen, for the
    // child finds its heaps' slabs by their owner.
    Slab& slab = g_address_map.slab(*ref);
    slab.carved = 0;
    slab.parked = slab.next_scan = 0;
    slab.next = slab.previous = SlabRef();
    slab.listed = false;
    slab.empty_since_ms = 0;
    slab.node = static_cast<uint8_t>(heap.node);
    g_address_map.SetOwner(*ref, heap.id);
  }
  if (id != kZeroClass) {
    platform::BindToNode(g_address_map.SlabAddress(*ref), SlabBytes(id), heap.node);
  }
  heap.slab_bytes += SlabBytes(id);
  HeapCounters::Add(heap.counters.slabs_taken, 1);
  return Result::kDone;
}

void Return(Heap& heap, SlabRef ref) {
  const ClassId id = ref.class_id();
  Slab& slab = g_address_map.slab(ref);
  SlotState* states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  for (size_t i = 0; i < slab.carved; ++i) states[i * stride].Store(StateWord());
  if (id != kZeroClass) platform::DropPages(g_address_map.SlabAddress(ref), SlabBytes(id));
  heap.slab_bytes -= SlabBytes(id);
  HeapCounters::Add(heap.counters.slabs_returned, 1);
  ClassRegion& region = g_address_map.region(id);
  platform::LockGuard guard(region.lock);
  slab.carved = 0;
  slab.parked = 0;
  g_address_map.SetOwner(ref, kNoHeap);
  slab.next = region.pool;
  region.pool = ref;
  region.pool_slabs++;
}

bool UnmapPooled() {
  bool any = false;
  for (ClassId id = 0; id < kClasses; ++id) {
    ClassRegion& region = g_address_map.region(id);
    platform::LockGuard guard(region.lock);
    for (SlabRef ref = region.pool; ref; ref = g_address_map.slab(ref).next) {
      Slab& slab = g_address_map.slab(ref);
      if (slab.unmapped) continue;
      if (!platform::Release(g_address_map.SlabAddress(ref), SlabBytes(id))) continue;
      slab.unmapped = true;
      slab.prepared = false;  // its guard went with it
      any = true;
    }
  }
  return any;
}

}  // namespace bartizan::slab_pool
