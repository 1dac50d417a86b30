#include "src/engine/rebuild.h"

#include "src/engine/bad_pointer.h"
#include "src/engine/purge.h"

namespace bartizan {

void ListSlab(Heap& heap, SlabRef ref) {
  BinReserve& reserve = heap.reserve[ref.class_id()];
  Slab& slab = g_address_map.slab(ref);
  slab.listed = true;
  slab.previous = SlabRef();
  slab.next = reserve.room;
  if (reserve.room) {
    CheckLink(reserve.room, ref.class_id(), heap.id());
    g_address_map.slab(reserve.room).previous = ref;
  }
  reserve.room = ref;
}

SlabRef NextListed(SlabRef ref) {
  const SlabRef next = g_address_map.slab(ref).next;
  if (!next) return next;
  if (!g_address_map.HasSlab(next) || g_address_map.slab(next).previous != ref) {
    ReportCorruptLink(next);
  }
  return next;
}

void UnlistSlab(Heap& heap, SlabRef ref) {
  BinReserve& reserve = heap.reserve[ref.class_id()];
  Slab& slab = g_address_map.slab(ref);
  // Who names this slab is asked before it is written to.
  const SlabRef next = NextListed(ref);
  if (slab.previous) {
    if (!g_address_map.HasSlab(slab.previous)) ReportCorruptLink(slab.previous);
    Slab& previous = g_address_map.slab(slab.previous);
    if (previous.next != ref) ReportCorruptLink(slab.previous);
    previous.next = next;
  } else {
    if (reserve.room != ref) ReportCorruptLink(ref);
    reserve.room = next;
  }
  if (next) g_address_map.slab(next).previous = slab.previous;
  slab.next = slab.previous = SlabRef();
  slab.listed = false;
}

namespace {

void RebuildSlab(Heap& heap, SlabRef ref) {
  const ClassId id = ref.class_id();
  Slab& slab = g_address_map.slab(ref);
  SlotState* states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  slab.uncarved = 0;
  slab.carved = slab.parked = slab.next_scan = slab.next_drain = 0;
  slab.idle = 0;
  slab.dropped = 0;
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    const SlotSpan slots = SlotsOfUnit(id, unit);
    bool touched = false;
    for (size_t i = slots.begin; i < slots.end; ++i)
      touched |= states[i * stride].Load() != StateWord();
    if (!touched) {
      slab.uncarved = slab.uncarved | 1u << unit;
      continue;
    }
    slab.carved += slots.end - slots.begin;
    for (size_t i = slots.begin; i < slots.end; ++i) {
      SlotState& state = states[i * stride];
      const StateWord word = state.LoadRemote();
      if (word.IsLive() || word.kind() == SlotKind::kReleasing) continue;
      state.Store(StateWord::AtRest(SlotKind::kParked));
      slab.parked++;
    }
  }
  slab.empty_since_ms = 0;
  slab.listed = false;
  slab.torn = slab.parked != slab.carved;
  slab.next = slab.previous = SlabRef();
  heap.slab_bytes += SlabBytes(id);
  heap.reserve[id].slabs++;
  if (slab.HasRoom()) ListSlab(heap, ref);
  if (slab.listed && slab.IsEmpty()) OnSlabEmpty(heap, ref);
}

}  // namespace

void RebuildHeap(Heap& heap) {
  heap.needs_rebuild = false;
  heap.slab_bytes = heap.empty_bytes = 0;
  for (ClassId id = 0; id < kClasses; ++id) {
    Bin& bin = heap.BinOf(id);
    BinReserve& reserve = heap.reserve[id];
    bin.next = bin.bottom;
    reserve.held = 0;
    bin.ring_next = reserve.ring_tail = reserve.ring;
    bin.ring_stop = reserve.ring;  // the next push finds out
    reserve.room = SlabRef();
    reserve.slabs = reserve.empty_slabs = 0;
    ClassRegion& region = g_address_map.region(id);
    region.lock.Acquire();
    const size_t end = region.next_slab;
    region.lock.Release();
    for (size_t offset = 0; offset < end; offset += SlabBytes(id)) {
      if (g_address_map.OwnerAt(id, offset) != heap.id()) continue;
      RebuildSlab(heap, AddressMap::SlabAt(id, offset));
    }
  }
}

}  // namespace bartizan
