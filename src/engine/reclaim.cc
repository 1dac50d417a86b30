#include "src/engine/reclaim.h"

#include "src/base/violation.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/metadata/state_scan.h"
#include "src/platform/marked_point.h"

namespace bartizan {

bool ParkSlot(Heap& heap, Bin& bin, uint32_t granule) {
  bin.states[granule].Store(StateWord::AtRest(SlotKind::kParked));
  const SlabRef ref = AddressMap::SlabAt(bin.id, size_t{granule} << bin.shift);
  Slab& slab = g_address_map.slab(ref);
  slab.parked++;
  if (!slab.listed) ListSlab(heap, ref);
  return slab.IsEmpty() && OnSlabEmpty(heap, ref);
}

namespace {

// From the magazine, and from behind it.
void ParkAt(Heap& heap, Bin& bin, Place place) {
  SlotKind kind;
  ParkSlot(heap, bin, Take(heap, bin, place, &kind));
}
void ParkHeld(Heap& heap, Bin& bin, Place place) {
  ParkSlot(heap, bin, TakeHeld(heap, bin, place));
}

// Takes in slots of a slab of ours that other threads freed, as if they were freed now: at most
// `most`, going on where the last search ended. Returns how many there were; `*more` when there may
// be others, for those before the place where this search began were not looked for.
uint32_t DrainSlab(Heap& heap, Bin& bin, SlabRef ref, uint32_t most, bool* more) {
  const bool waits = heap.reserve[bin.id].quarantine_slots != 0;
  const StateWord remote = StateWord::AtRest(SlotKind::kRemote);
  Slab& slab = g_address_map.slab(ref);
  const uint32_t first = FirstGranule(bin, ref);
  const uint32_t end = EndGranule(bin, ref);
  uint32_t drained = 0;
  const uint32_t begin = slab.next_drain;
  if (begin >= end - first) ReportCorruptSlab(ref);
  uint32_t granule = FindState(bin.states, first + begin, end, remote);
  slab.next_drain = 0;
  for (; granule < end && drained < most;
       granule = FindState(bin.states, granule + 1, end, remote)) {
    // The search reads four words at once; this read of the very word is what pairs with the
    // release of the thread that freed the slot.
    if (bin.states[granule].LoadRemote() != remote) continue;
    ++drained;
    HeapCounters::Add(heap.counters.remote_drained, 1);
    if (waits) {
      if (!WrapRing(heap, bin)) SpillRing(heap, bin);
      PushRing(heap, bin, granule);
    } else if (bin.next != bin.last) {
      PushMagazine(heap, bin, granule);
    } else if (ParkSlot(heap, bin, granule)) {
      *more = false;  // the slab may be another heap's by now
      return drained;
    }
  }
  *more = granule < end || begin != 0;
  if (granule < end) slab.next_drain = granule - first;
  return drained;
}

void ListAnnounced(Heap& heap, SlabRef ref) {
  BinReserve& reserve = heap.reserve[ref.class_id()];
  g_address_map.slab(ref).remote_next.store(reserve.announced.bits(), std::memory_order_relaxed);
  reserve.announced = ref;
}

}  // namespace

uint32_t Take(BinSet& set, const Bin& bin, Place place, SlotKind* kind) {
  const uint32_t granule = set.At(place) ^ Bin::Mask(bin.key, place);
  if (granule >= bin.limit) ReportCorruptReference(bin.id, granule);
  const StateWord word = bin.states[granule].Load();
  *kind = word == StateWord::AtRest(SlotKind::kFresh, place) ? SlotKind::kFresh : SlotKind::kCached;
  if (word != StateWord::AtRest(*kind, place)) ReportCorruptReference(bin.id, granule);
  return granule;
}

uint32_t TakeHeld(BinSet& set, const Bin& bin, Place place) {
  const uint32_t granule = set.At(place) ^ Bin::Mask(bin.key, place);
  if (granule >= bin.limit || !bin.states[granule].Load().IsHeldBack()) {
    ReportCorruptReference(bin.id, granule);
  }
  return granule;
}

void CheckPlaces(const Heap& heap, const Bin& bin) {
  const BinReserve& reserve = heap.reserve[bin.id];
  const auto is_within = [](Place place, Place first, Place last) {
    return place - first <= last - first;
  };
  if (!is_within(bin.next, bin.bottom, bin.last) ||
      !is_within(bin.ring_next, reserve.ring, reserve.ring_end) ||
      !is_within(reserve.ring_tail, reserve.ring, reserve.ring_end) || reserve.window == 0 ||
      reserve.window > kLargestWindow || reserve.hold > kLargestWindow ||
      reserve.held > reserve.hold) {
    ReportCorruptReference(bin.id, Bin::kNoGranule);
  }
}

bool WrapRing(Heap& heap, Bin& bin) {
  const BinReserve& reserve = heap.reserve[bin.id];
  if (bin.ring_next == reserve.ring_end && reserve.ring_tail != reserve.ring) {
    bin.ring_next = reserve.ring;
  }
  // One place stays free: a full ring would look like an empty one.
  const bool turned = bin.ring_next < reserve.ring_tail;
  const bool from_beginning = reserve.ring_tail == reserve.ring;
  const Place end = turned ? reserve.ring_tail : reserve.ring_end;
  bin.ring_stop = turned || from_beginning ? end - kPlaceStep : end;
  return bin.ring_next != bin.ring_stop;
}

void PopRing(Heap& heap, Bin& bin, uint32_t* granules, uint32_t count) {
  BinReserve& reserve = heap.reserve[bin.id];
  const Bin at = bin;  // nothing of it changes here: its members stay in registers
  while (count != 0) {
    const uint32_t before_end = (reserve.ring_end - reserve.ring_tail) / kPlaceStep;
    const uint32_t run = count < before_end ? count : before_end;
    Place place = reserve.ring_tail;
    const uint32_t* places = &heap.At(place);
    for (uint32_t i = 0; i < run; ++i, place += kPlaceStep) {
      const uint32_t granule = places[i] ^ Bin::Mask(at.key, place);
      if (granule >= at.limit ||
          at.states[granule].Load() != StateWord::AtRest(SlotKind::kQuarantined, place)) {
        ReportCorruptReference(at.id, granule);
      }
      at.states[granule].Store(StateWord::AtRest(SlotKind::kCached));
      granules[i] = granule;
    }
    granules += run;
    count -= run;
    reserve.ring_tail = place;
    if (place == reserve.ring_end) {
      reserve.ring_tail = reserve.ring;
      if (bin.ring_next == reserve.ring_end) bin.ring_next = reserve.ring;
    }
  }
  WrapRing(heap, bin);
}

void ParkOldest(Heap& heap, Bin& bin, uint32_t count) {
  constexpr uint32_t kBatch = 64;
  uint32_t granules[kBatch];
  while (count != 0) {
    const uint32_t batch = count < kBatch ? count : kBatch;
    PopRing(heap, bin, granules, batch);
    for (uint32_t i = 0; i < batch; ++i) ParkSlot(heap, bin, granules[i]);
    count -= batch;
  }
}
void SpillRing(Heap& heap, Bin& bin) {
  const BinReserve& reserve = heap.reserve[bin.id];
  HeapCounters::Add(heap.counters.ring_spills, 1);
  const uint32_t surplus = reserve.Waiting(bin) - reserve.quarantine_slots;
  ParkOldest(heap, bin, surplus / 2 + 1);
}

// The tick comes first: it may take in what other threads freed.

void SpillMagazine(Heap& heap, Bin& bin) {
  HeapCounters::Add(heap.counters.magazine_spills, 1);
  Tick(heap);
  const uint32_t count = (bin.Ready() + 1) / 2;
  const Place first = bin.bottom + kPlaceStep;
  for (uint32_t i = 0; i < count; ++i) ParkAt(heap, bin, first + i * kPlaceStep);
  Place to = first;
  for (Place from = first + count * kPlaceStep; from <= bin.next; from += kPlaceStep) {
    SlotKind kind;
    const uint32_t granule = Take(heap, bin, from, &kind);
    Put(heap, bin, to, granule, kind);
    to += kPlaceStep;
  }
  bin.next = to - kPlaceStep;
}

void CollectInbox(Heap& heap) {
  // Acquire pairs with the release of NotifyOwner: the records' links are seen.
  platform::MarkedPoint();
  uint32_t link = heap.inbox.exchange(Heap::kNoLink, std::memory_order_acquire);
  while (link != Heap::kNoLink) {
    const SlabRef ref = heap.LinkedBy(link);
    if (!g_address_map.HasSlab(ref)) ReportCorruptLink(ref);
    Slab& slab = g_address_map.slab(ref);
    // A slab without the flag was not announced, or is linked twice.
    if (!slab.remote_pending.load(std::memory_order_acquire)) ReportCorruptLink(ref);
    link = slab.remote_next.load(std::memory_order_relaxed);
    if (g_address_map.OwnerOf(ref) == heap.id()) {
      ListAnnounced(heap, ref);
    } else {
      // It changed hands while the announcement was under way.
      slab.remote_pending.exchange(false, std::memory_order_acq_rel);
      NotifyOwner(ref);
    }
  }
}

bool DrainClass(Heap& heap, Bin& bin) {
  BinReserve& reserve = heap.reserve[bin.id];
  // Nobody knows in which order these slots were freed: so that each waits for as long as it must,
  // no more come in at a time than the quarantine has room for besides (see SetUpBins).
  const uint32_t most = reserve.quarantine_slots != 0 ? reserve.window : UINT32_MAX;
  uint32_t drained = 0;
  while (reserve.announced && drained < most) {
    const SlabRef ref = reserve.announced;
    CheckLink(ref, bin.id, heap.id());
    Slab& slab = g_address_map.slab(ref);
    reserve.announced = SlabRef::FromBits(slab.remote_next.load(std::memory_order_relaxed));
    // The flag goes before the scan: a free that comes meanwhile announces itself again. Until now
    // it was up: a list in which a slab stands twice might have no end.
    platform::MarkedPoint();
    if (!slab.remote_pending.exchange(false, std::memory_order_acq_rel)) ReportCorruptLink(ref);
    platform::MarkedPoint();
    bool more;
    drained += DrainSlab(heap, bin, ref, most - drained, &more);
    if (more && !slab.remote_pending.exchange(true, std::memory_order_acq_rel)) {
      ListAnnounced(heap, ref);
    }
  }
  return drained != 0;
}

void DrainAll(Heap& heap) {
  CollectInbox(heap);
  for (ClassId id = 0; id < kClasses; ++id) {
    while (DrainClass(heap, heap.BinOf(id))) {
    }
  }
}

void Flush(Heap& heap, Bin& bin, Waiting waiting) {
  BinReserve& reserve = heap.reserve[bin.id];
  CheckPlaces(heap, bin);
  bin.limit = CurrentLimit(bin);
  for (; reserve.held != 0; --reserve.held) ParkHeld(heap, bin, bin.HeldPlace(reserve.held - 1));
  for (; !bin.IsEmpty(); bin.next -= kPlaceStep) ParkAt(heap, bin, bin.next);
  const uint32_t kept = waiting == Waiting::kKept ? reserve.quarantine_slots : 0;
  const uint32_t waiting_now = reserve.Waiting(bin);
  if (waiting_now <= kept) return;
  if (waiting == Waiting::kGivenUp) {
    HeapCounters::Add(heap.counters.shortened_waits, waiting_now);
    SayDegraded(Degradation::kWaits);
  }
  ParkOldest(heap, bin, waiting_now - kept);
}

bool EmptyHeap(Heap& heap, uint64_t now_ms, Waiting waiting) {
  const uint64_t before = heap.counters.slabs_returned.load(std::memory_order_relaxed);
  DrainAll(heap);
  for (ClassId id = 0; id < kClasses; ++id) Flush(heap, heap.BinOf(id), waiting);
  PurgeAll(heap, now_ms);
  return heap.counters.slabs_returned.load(std::memory_order_relaxed) != before;
}

}  // namespace bartizan
