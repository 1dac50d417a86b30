#include "src/engine/slab_pool.h"

#include <cstring>

#include "src/platform/memory.h"
#include "src/platform/topology.h"

namespace bartizan::slab_pool {
namespace {

// A slab that was handed out before; false when the pool is empty. The class lock is held.
bool TakePooled(ClassRegion& region, SlabRef* slab) {
  if (!region.pool) return false;
  *slab = region.pool;
  region.pool = g_address_map.slab(*slab).next;
  region.pool_slabs--;
  return true;
}

}  // namespace

Result Take(Heap& heap, ClassId id, SlabRef* ref) {
  ClassRegion& region = g_address_map.region(id);
  {
    platform::LockGuard guard(region.lock);
    if (!TakePooled(region, ref)) {
      switch (g_address_map.TakeFreshSlab(id, ref)) {
        case AddressMap::Growth::kDone:
          break;
        case AddressMap::Growth::kRefused:
          return Result::kRefused;
        case AddressMap::Growth::kExhausted:
          return Result::kExhausted;
      }
    }
    // Under the lock: between leaving the pool and having an owner no fork may happen, for the
    // child finds its heaps' slabs by their owner.
    Slab& slab = g_address_map.slab(*ref);
    slab.carved = slab.parked = slab.next_scan = 0;
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
  const size_t granules_per_slot = kClassBytes[id] >> GranuleShift(id);
  std::memset(static_cast<void*>(g_address_map.SlabStates(ref)), 0,
              slab.carved * granules_per_slot * sizeof(SlotState));
  if (id != kZeroClass) platform::DropPages(g_address_map.SlabAddress(ref), SlabBytes(id));
  heap.slab_bytes -= SlabBytes(id);
  HeapCounters::Add(heap.counters.slabs_returned, 1);
  ClassRegion& region = g_address_map.region(id);
  platform::LockGuard guard(region.lock);
  slab.carved = slab.parked = 0;
  g_address_map.SetOwner(ref, kNoHeap);
  slab.next = region.pool;
  region.pool = ref;
  region.pool_slabs++;
}

}  // namespace bartizan::slab_pool
