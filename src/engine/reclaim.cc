#include "src/engine/reclaim.h"

#include "src/engine/bad_pointer.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/metadata/state_scan.h"

namespace bartizan {
namespace {

// An entry is believed only if the slot's state says that it rests at this very place.
uint32_t Decode(Bin& bin, uint32_t entry, StateWord expected) {
  const uint32_t granule = entry ^ bin.key;
  if (granule >= CurrentLimit(bin) || bin.states[granule].Load() != expected) {
    ReportCorruptReference(bin.id, granule);
  }
  return granule;
}

uint32_t MagazineEntry(Bin& bin, uint32_t place) {
  return Decode(bin, bin.magazine[place], StateWord::AtRest(SlotKind::kCached, place));
}

// A slot goes to rest in its slab, known by its state only. True: that emptied the slab and it was
// given back; it may be another heap's already.
bool Park(Heap& heap, Bin& bin, uint32_t granule) {
  bin.states[granule].Store(StateWord::AtRest(SlotKind::kParked));
  const SlabRef ref = AddressMap::SlabAt(bin.id, size_t{granule} << bin.shift);
  Slab& slab = g_address_map.slab(ref);
  slab.parked++;
  if (!slab.listed) ListSlab(heap, ref);
  return slab.IsEmpty() && OnSlabEmpty(heap, ref);
}

// Frees by other threads, in a slab of ours: they are taken in as if freed now.
bool DrainSlab(Heap& heap, SlabRef ref) {
  Bin& bin = heap.BinOf(ref.class_id());
  const bool waits = heap.reserve[bin.id].quarantine_slots != 0;
  const StateWord remote = StateWord::AtRest(SlotKind::kRemote);
  const uint32_t end = EndGranule(bin, ref);
  uint32_t drained = 0;
  uint32_t granule = FindState(bin.states, FirstGranule(bin, ref), end, remote);
  for (; granule < end; granule = FindState(bin.states, granule + 1, end, remote)) {
    // The search reads four words at once; this read of the very word is what pairs with the
    // release of the thread that freed the slot.
    if (bin.states[granule].LoadRemote() != remote) continue;
    ++drained;
    if (waits) {
      if (bin.ring_head == bin.ring_limit) SpillRing(heap, bin);
      PushRing(bin, granule);
    } else if (bin.ready < bin.magazine_capacity) {
      PushMagazine(bin, granule);
    } else if (Park(heap, bin, granule)) {
      break;
    }
  }
  HeapCounters::Add(heap.counters.remote_drained, drained);
  return drained != 0;
}

void Flush(Heap& heap, Bin& bin) {
  while (bin.ready != 0) {
    const uint32_t granule = MagazineEntry(bin, bin.ready - 1);
    bin.ready--;
    Park(heap, bin, granule);
  }
  BinReserve& reserve = heap.reserve[bin.id];
  while (bin.ring_head - reserve.ring_tail > reserve.quarantine_slots) {
    Park(heap, bin, PopRing(heap, bin));
  }
}

}  // namespace

uint32_t PopRing(Heap& heap, Bin& bin) {
  const uint32_t place = heap.reserve[bin.id].ring_tail++ & bin.ring_mask;
  bin.ring_limit++;
  return Decode(bin, bin.ring[place], StateWord::AtRest(SlotKind::kQuarantined, place));
}

void SpillRing(Heap& heap, Bin& bin) {
  BinReserve& reserve = heap.reserve[bin.id];
  const uint32_t waiting = bin.ring_head - reserve.ring_tail;
  const uint32_t surplus = waiting - reserve.quarantine_slots;
  const uint32_t count = surplus / 2 + 1;
  for (uint32_t i = 0; i < count; ++i) Park(heap, bin, PopRing(heap, bin));
  Tick(heap);
}

void SpillMagazine(Heap& heap, Bin& bin) {
  const uint32_t count = (bin.ready + 1u) / 2;
  for (uint32_t i = 0; i < count; ++i) Park(heap, bin, MagazineEntry(bin, i));
  for (uint32_t i = count; i < bin.ready; ++i) {
    const uint32_t granule = MagazineEntry(bin, i);
    bin.magazine[i - count] = granule ^ bin.key;
    bin.states[granule].Store(StateWord::AtRest(SlotKind::kCached, i - count));
  }
  bin.ready -= count;
  Tick(heap);
}

bool DrainInbox(Heap& heap) {
  // Acquire pairs with the release of NotifyOwner: the records' links are seen.
  uint32_t bits = heap.inbox.exchange(SlabRef().bits(), std::memory_order_acquire);
  bool any = false;
  while (SlabRef::FromBits(bits)) {
    const SlabRef ref = SlabRef::FromBits(bits);
    Slab& slab = g_address_map.slab(ref);
    bits = slab.remote_next.load(std::memory_order_relaxed);
    // The flag goes before the scan: a free that comes meanwhile announces itself again.
    slab.remote_pending.exchange(false, std::memory_order_acq_rel);
    if (g_address_map.OwnerOf(ref) == heap.id) {
      any |= DrainSlab(heap, ref);
    } else {
      NotifyOwner(ref);  // it changed hands while the announcement was under way
    }
  }
  return any;
}

bool EmptyHeap(Heap& heap, uint64_t now_ms) {
  const uint64_t before = heap.counters.slabs_returned.load(std::memory_order_relaxed);
  DrainInbox(heap);
  for (ClassId id = 0; id < kClasses; ++id) Flush(heap, heap.BinOf(id));
  PurgeHeap(heap, now_ms, 0);
  return heap.counters.slabs_returned.load(std::memory_order_relaxed) != before;
}

}  // namespace bartizan
