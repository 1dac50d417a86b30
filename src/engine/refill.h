// The slow path of small blocks: where a magazine is refilled from, and where surplus goes.
//
// A refill moves a window of slots at a time, and does in that batch what would be dear one by one:
// verifying, shuffling, draining what other threads freed. Sources, in this order:
//   1. slots that have waited long enough in quarantine,
//   2. slabs of ours in which other threads freed slots (they go through quarantine first),
//   3. slabs with parked or uncarved slots,
//   4. a slab from the pool or fresh address space.
#ifndef BARTIZAN_SRC_ENGINE_REFILL_H_
#define BARTIZAN_SRC_ENGINE_REFILL_H_

#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/engine/runtime.h"
#include "src/engine/slab_pool.h"
#include "src/hooks/profile.h"
#include "src/metadata/state_scan.h"

namespace bartizan {

template <class P>
class Refill {
 public:
  using Result = slab_pool::Result;

  BARTIZAN_INLINE static void PushRing(Bin& bin, uint32_t granule) {
    const uint32_t place = bin.ring_head & bin.ring_mask;
    bin.ring[place] = granule ^ bin.key;
    bin.states[granule].Store(StateWord::AtRest(SlotKind::kQuarantined, place));
    bin.ring_head++;
  }
  BARTIZAN_INLINE static void PushMagazine(Bin& bin, uint32_t granule) {
    const uint32_t place = bin.ready;
    bin.magazine[place] = granule ^ bin.key;
    bin.states[granule].Store(StateWord::AtRest(SlotKind::kCached, place));
    bin.ready = place + 1;
  }

  // Makes at least one slot ready. kRefused: the system gives no memory. kExhausted: the class has
  // no address space left.
  BARTIZAN_NOINLINE static Result Fill(Heap& heap, Bin& bin) {
    HeapCounters::Add(heap.counters.refills, 1);
    Tick(heap);
    bin.limit = CurrentLimit(bin);
    if (bin.ready != 0) return Result::kDone;
    if (FillFromRing(heap, bin)) return Result::kDone;
    if (DrainInbox(heap) && (bin.ready != 0 || FillFromRing(heap, bin))) return Result::kDone;
    if (FillFromSlabs(heap, bin)) return Result::kDone;
    SlabRef slab;
    const Result result = slab_pool::Take(heap, bin.id, &slab);
    if (result != Result::kDone) return result;
    PrepareSlab(slab);
    ListSlab(heap, slab);
    bin.limit = CurrentLimit(bin);
    return FillFromSlabs(heap, bin) ? Result::kDone : Result::kRefused;
  }

  // Makes room in a full ring: the oldest slots go to rest in their slabs.
  BARTIZAN_NOINLINE static void SpillRing(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t waiting = bin.ring_head - reserve.ring_tail;
    const uint32_t surplus = waiting - reserve.quarantine_slots;
    const uint32_t count = surplus / 2 + 1;
    for (uint32_t i = 0; i < count; ++i) Park(heap, bin, PopRing(heap, bin));
    HeapCounters::Add(heap.counters.spilled, count);
    Tick(heap);
  }

  // Makes room in a full magazine: the half that would be issued last goes to rest.
  BARTIZAN_NOINLINE static void SpillMagazine(Heap& heap, Bin& bin) {
    const uint32_t count = (bin.ready + 1u) / 2;
    for (uint32_t i = 0; i < count; ++i) Park(heap, bin, MagazineEntry(bin, i));
    for (uint32_t i = count; i < bin.ready; ++i) {
      const uint32_t granule = MagazineEntry(bin, i);
      bin.magazine[i - count] = granule ^ bin.key;
      bin.states[granule].Store(StateWord::AtRest(SlotKind::kCached, i - count));
    }
    bin.ready -= count;
    HeapCounters::Add(heap.counters.spilled, count);
    Tick(heap);
  }

  // Takes in what other threads freed in slabs of this heap. True if there was anything.
  BARTIZAN_NOINLINE static bool DrainInbox(Heap& heap) {
    // Acquire pairs with the release of NotifyOwner: the records' links are seen.
    uint32_t bits = heap.inbox.exchange(SlabRef().bits(), std::memory_order_acquire);
    bool any = false;
    while (SlabRef::FromBits(bits)) {
      const SlabRef ref = SlabRef::FromBits(bits);
      Slab& slab = g_address_map.slab(ref);
      bits = slab.remote_next.load(std::memory_order_relaxed);
      // The flag goes before the scan: a free that comes meanwhile announces itself again.
      slab.remote_pending.exchange(false, std::memory_order_acq_rel);
      const HeapId owner = g_address_map.OwnerAt(
          ref.class_id(), size_t{ref.index()} << SlabShift(ref.class_id()));
      if (owner == heap.id) {
        any |= DrainSlab(heap, ref);
      } else if (owner != kNoHeap) {
        NotifyOwner(ref);  // it changed hands while the announcement was under way
      }
    }
    return any;
  }

  // Empties ring and magazine of a bin into its slabs, but for what must still wait.
  static void Flush(Heap& heap, Bin& bin) {
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

 private:
  static uint32_t CurrentLimit(const Bin& bin) {
    const size_t limit = g_address_map.region(bin.id).limit.load(std::memory_order_acquire);
    return static_cast<uint32_t>(limit >> bin.shift);
  }

  static void PrepareSlab(SlabRef ref) {
    Slab& slab = g_address_map.slab(ref);
    if (slab.prepared) return;
    slab.prepared = true;
    const ClassId id = ref.class_id();
    if (id == kZeroClass) return;
    const uintptr_t begin = g_address_map.SlabAddress(ref);
    const SlabSpan span{begin, begin + SlotsPerSlab(id) * size_t{kClassBytes[id]},
                        begin + SlabBytes(id)};
    P::template Run<kOnPrepareSlab>(CurrentToggles(), span);
  }

  // The oldest slot of the ring, checked against its state.
  static uint32_t PopRing(Heap& heap, Bin& bin) {
    const uint32_t place = heap.reserve[bin.id].ring_tail++ & bin.ring_mask;
    bin.ring_limit++;
    return Decode(bin, bin.ring[place], StateWord::AtRest(SlotKind::kQuarantined, place));
  }
  static uint32_t MagazineEntry(Bin& bin, uint32_t place) {
    return Decode(bin, bin.magazine[place], StateWord::AtRest(SlotKind::kCached, place));
  }
  static uint32_t Decode(Bin& bin, uint32_t entry, StateWord expected) {
    const uint32_t granule = entry ^ bin.key;
    if (granule >= CurrentLimit(bin) || bin.states[granule].Load() != expected) {
      ReportCorruptReference(bin.id, granule);
    }
    return granule;
  }

  // A slot goes to rest in its slab, known by its state only. True: that emptied the slab and it was
  // given back; it may be another heap's already.
  static bool Park(Heap& heap, Bin& bin, uint32_t granule) {
    bin.states[granule].Store(StateWord::AtRest(SlotKind::kParked));
    const SlabRef ref = AddressMap::SlabAt(bin.id, size_t{granule} << bin.shift);
    Slab& slab = g_address_map.slab(ref);
    slab.parked++;
    if (!slab.listed) ListSlab(heap, ref);
    return slab.IsEmpty() && OnSlabEmpty(heap, ref);
  }

  static bool FillFromRing(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t waiting = bin.ring_head - reserve.ring_tail;
    if (waiting <= reserve.quarantine_slots) return false;
    const uint32_t surplus = waiting - reserve.quarantine_slots;
    uint32_t granules[kLargestWindow];
    const uint32_t count = surplus < reserve.window ? surplus : reserve.window;
    for (uint32_t i = 0; i < count; ++i) granules[i] = PopRing(heap, bin);
    MakeReady(heap, bin, granules, count);
    return true;
  }

  // Slots that rested (not fresh ones, which no program ever had) are examined, all are shuffled.
  static void MakeReady(Heap& heap, Bin& bin, uint32_t* granules, uint32_t count) {
    Examine(heap, bin, granules, count);
    Load(heap, bin, granules, count);
  }
  static void Examine(Heap& heap, Bin& bin, const uint32_t* granules, uint32_t count) {
    if (bin.id == kZeroClass) return;
    const Toggles toggles = CurrentToggles();
    for (uint32_t i = 0; i < count; ++i) {
      const FreeSlot slot{bin.SlotAt(granules[i]), kClassBytes[bin.id], heap.random};
      P::template Run<kOnReuse>(toggles, slot);
    }
  }
  static void Load(Heap& heap, Bin& bin, uint32_t* granules, uint32_t count) {
    SlotBatch batch{granules, count, heap.random};
    P::template Run<kOnSelectSlots>(CurrentToggles(), batch);
    for (uint32_t i = 0; i < count; ++i) PushMagazine(bin, granules[i]);
  }

  // Parked slots first: their memory is in use already. Several slabs may be asked, so that a
  // window is filled where each has little.
  static bool FillFromSlabs(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    uint32_t granules[kLargestWindow];
    uint32_t count = 0;
    while (reserve.room && count < reserve.window) {
      const SlabRef ref = reserve.room;
      Slab& slab = g_address_map.slab(ref);
      if (slab.parked == 0) break;
      if (slab.empty_since_ms != 0) OnSlabUsed(heap, ref);
      count += TakeParked(bin, ref, granules + count, reserve.window - count);
      if (!slab.HasRoom(SlotsPerSlab(bin.id))) UnlistSlab(heap, ref);
    }
    if (count != 0) {
      MakeReady(heap, bin, granules, count);
      return true;
    }
    if (!reserve.room) return false;
    const SlabRef ref = reserve.room;
    count = Carve(bin, ref, granules, reserve.window);
    Load(heap, bin, granules, count);
    if (!g_address_map.slab(ref).HasRoom(SlotsPerSlab(bin.id))) UnlistSlab(heap, ref);
    return count != 0;
  }

  static uint32_t FirstGranule(const Bin& bin, SlabRef ref) {
    return ref.index() << (SlabShift(bin.id) - bin.shift);
  }

  // Slots of the slab that have never been used.
  static uint32_t Carve(Bin& bin, SlabRef ref, uint32_t* granules, uint32_t wanted) {
    Slab& slab = g_address_map.slab(ref);
    const uint32_t stride = kClassBytes[bin.id] >> bin.shift;
    const uint32_t left = SlotsPerSlab(bin.id) - slab.carved;
    const uint32_t count = wanted < left ? wanted : left;
    for (uint32_t i = 0; i < count; ++i) {
      granules[i] = FirstGranule(bin, ref) + (slab.carved + i) * stride;
    }
    slab.carved += count;
    return count;
  }

  // One past the last carved granule of the slab.
  static uint32_t EndGranule(const Bin& bin, SlabRef ref) {
    const uint32_t stride = kClassBytes[bin.id] >> bin.shift;
    return FirstGranule(bin, ref) + g_address_map.slab(ref).carved * stride;
  }

  // Parked slots, found by their states, going on where the last search ended.
  static uint32_t TakeParked(Bin& bin, SlabRef ref, uint32_t* granules, uint32_t wanted) {
    Slab& slab = g_address_map.slab(ref);
    const StateWord parked = StateWord::AtRest(SlotKind::kParked);
    const uint32_t count = wanted < slab.parked ? wanted : slab.parked;
    const uint32_t first = FirstGranule(bin, ref);
    const uint32_t end = EndGranule(bin, ref);
    uint32_t at = first + slab.next_scan;
    bool wrapped = false;
    for (uint32_t found = 0; found < count;) {
      at = FindState(bin.states, at, end, parked);
      if (at < end) {
        granules[found++] = at++;
        continue;
      }
      if (wrapped) ReportCorruptReference(bin.id, first);  // fewer than the record counts
      wrapped = true;
      at = first;
    }
    slab.next_scan = at - first;
    slab.parked -= count;
    return count;
  }

  // Frees by other threads, in a slab of ours: they are taken in as if freed now.
  static bool DrainSlab(Heap& heap, SlabRef ref) {
    Bin& bin = heap.BinOf(ref.class_id());
    const bool waits = P::Has(CurrentToggles(), Toggle::kQuarantine);
    const StateWord remote = StateWord::AtRest(SlotKind::kRemote);
    const uint32_t end = EndGranule(bin, ref);
    uint32_t drained = 0;
    uint32_t granule = FindState(bin.states, FirstGranule(bin, ref), end, remote);
    for (; granule < end; granule = FindState(bin.states, granule + 1, end, remote)) {
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

  static constexpr uint32_t kLargestWindow = 64;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_REFILL_H_
