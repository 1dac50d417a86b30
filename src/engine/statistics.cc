#include "src/engine/statistics.h"

#include "src/engine/heap_registry.h"
#include "src/engine/runtime.h"
#include "src/metadata/address_map.h"

namespace bartizan {
namespace {

void AddSlab(SlabRef ref, EngineStatistics* out) {
  const ClassId id = ref.class_id();
  const Slab& slab = g_address_map.slab(ref);
  const size_t capacity = id == kZeroClass ? 0 : kClassBytes[id] - g_runtime.trailer_bytes;
  const size_t memory = id == kZeroClass ? 0 : kClassBytes[id];
  const SlotState* states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  const uint32_t uncarved = slab.uncarved;
  const uint32_t dropped = slab.dropped;
  for (uint32_t i = 0; i < SlotsPerSlab(id); ++i) {
    if ((uncarved >> i / SlotsPerUnit(id) & 1) != 0) continue;
    out->committed_bytes += memory;
    if (HasOwnPages(id) && (dropped >> i & 1) != 0) {
      const platform::AddressRange pages = g_address_map.PagesOfSlot(ref, i);
      out->committed_bytes -= pages.end - pages.begin;
    }
    const StateWord word = states[i * stride].Load();
    if (word.IsLive()) {
      out->small_live_blocks++;
      out->small_live_bytes += capacity - word.slack();
    } else if (word.kind() == SlotKind::kQuarantined) {
      out->small_quarantined_bytes += memory;
    } else if (word.kind() == SlotKind::kCached || word.kind() == SlotKind::kFresh) {
      out->small_cached_bytes += memory;
    } else {
      out->small_free_bytes += memory;
    }
  }
  out->slabs++;
  out->slab_bytes += SlabBytes(id);
  NodeStatistics& node = out->node[slab.node];
  node.slabs++;
  node.slab_bytes += SlabBytes(id);
}

void AddClass(ClassId id, EngineStatistics* out) {
  ClassRegion& region = g_address_map.region(id);
  // The lock keeps slabs from changing hands; their owners go on working.
  platform::LockGuard guard(region.lock);
  out->pooled_slabs += region.pool_slabs;
  for (size_t offset = 0; offset < region.next_slab; offset += SlabBytes(id)) {
    if (g_address_map.OwnerAt(id, offset) == kNoHeap) continue;
    AddSlab(AddressMap::SlabAt(id, offset), out);
  }
}

}  // namespace

void ReadStatistics(EngineStatistics* out) {
  *out = {};
  if (!EnsureStarted()) return;
  for (ClassId id = 0; id < kClasses; ++id) AddClass(id, out);
  const HeapId limit = registry::HeapLimit();
  for (HeapId id = 1; id < limit; ++id) {
    const HeapCounters& counters = registry::HeapById(id)->counters;
    out->heaps++;
    out->refills += counters.refills.load(std::memory_order_relaxed);
    out->remote_frees_drained += counters.remote_drained.load(std::memory_order_relaxed);
    out->slabs_taken += counters.slabs_taken.load(std::memory_order_relaxed);
    out->shortened_waits += counters.shortened_waits.load(std::memory_order_relaxed);
    out->slabs_returned += counters.slabs_returned.load(std::memory_order_relaxed);
  }
  out->large = g_large_blocks.Statistics();
  out->committed_bytes += out->large.mapped_bytes + out->large.cached_bytes;
  out->unguarded_slabs = kComposition.unguarded_slabs();
  out->refused_node_bindings = platform::RefusedBindings();
  out->nodes = platform::NodeCount();
}

}  // namespace bartizan
