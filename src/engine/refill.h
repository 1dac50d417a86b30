// The slow path of small blocks: where a magazine is refilled from.
//
// A refill moves a window of slots at a time, and does in that batch what would be dear one by one:
// checking references, exchanging slots, draining what other threads freed. Sources, in this order:
//   1. slots that have waited long enough in quarantine,
//   2. slabs of ours in which other threads freed slots (they go through quarantine first),
//   3. slabs with parked or uncarved slots,
//   4. a slab from the pool or fresh address space.
#ifndef BARTIZAN_SRC_ENGINE_REFILL_H_
#define BARTIZAN_SRC_ENGINE_REFILL_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "src/base/compiler.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/heap.h"
#include "src/engine/purge.h"
#include "src/engine/rebuild.h"
#include "src/engine/reclaim.h"
#include "src/engine/runtime.h"
#include "src/engine/slab_pool.h"
#include "src/hooks/profile.h"
#include "src/metadata/state_scan.h"

namespace bartizan {

template <class P>
class Refill {
 public:
  using Result = slab_pool::Result;

  // Makes at least one slot ready. kRefused: the system gives no memory. kExhausted: the class has
  // no address space left.
  BARTIZAN_NOINLINE static Result Fill(Heap& heap, Bin& bin) {
    HeapCounters::Add(heap.counters.refills, 1);
    CheckPlaces(heap, bin);
    Tick(heap);
    bin.limit = CurrentLimit(bin);
    HeapCounters& counters = heap.counters;
    // The tick may have taken in what other threads freed.
    if (!bin.IsEmpty()) return Done(counters.refills_from_remote);
    if (FillFromRing(heap, bin)) return Done(counters.refills_from_ring);
    CollectInbox(heap);
    while (DrainClass(heap, bin)) {
      if (!bin.IsEmpty() || FillFromRing(heap, bin)) return Done(counters.refills_from_remote);
    }
    if (FillFromSlabs(heap, bin)) return Result::kDone;
    SlabPlan plan{heap.random};
    P::template Run<kOnPlanSlab>(CurrentToggles(), plan);
    SlabRef slab;
    const Result result = slab_pool::Take(heap, bin.id, plan.gap, &slab);
    if (result != Result::kDone) {
      HeapCounters::Add(counters.refused_refills, 1);
      return IssueHeld(heap, bin) ? Result::kDone : result;
    }
    PrepareSlab(slab);
    ListSlab(heap, slab);
    bin.limit = CurrentLimit(bin);
    return FillFromSlabs(heap, bin) ? Result::kDone : Result::kRefused;
  }

  // What has waited long enough in a full ring becomes ready, as far as the magazine has room: that
  // is work that a refill would have to do, and no more. False: there was no room for a window.
  static bool MakeRoom(Heap& heap, Bin& bin) {
    const BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t window = reserve.window;
    bin.limit = CurrentLimit(bin);
    bool any = false;
    while (bin.Room() >= window && reserve.until_sample != 0 && FillFromRing(heap, bin)) any = true;
    return any;
  }

  // Layers look at free slots, which were used before.
  static void Examine(Heap& heap, Bin& bin, const uint32_t* granules, uint32_t count) {
    if (!heap.reserve[bin.id].examined) return;
    const Toggles toggles = CurrentToggles();
    const uint32_t bytes = kClassBytes[bin.id];
    for (uint32_t i = 0; i < count; ++i) __builtin_prefetch(bin.SlotAt(granules[i]));
    for (uint32_t i = 0; i < count; ++i) {
      const FreeSlot slot{bin.SlotAt(granules[i]), bytes, heap.random, bin.states + granules[i]};
      P::template Run<kOnReuse>(toggles, slot);
    }
  }

 private:
  static Result Done(std::atomic<uint64_t>& counter) {
    HeapCounters::Add(counter, 1);
    return Result::kDone;
  }

  // What is loaded at a time: a window, what is held back at first, what the last unit carved for
  // it has more. Before them, what is held back already.
  static constexpr uint32_t kLargestBatch = 2 * kLargestWindow + kMaxSlotsPerUnit;

  // Slots on their way to the magazine: those held back come first, `count` new ones behind them.
  struct Batch {
    explicit Batch(uint32_t held_before) : held(held_before) {}
    uint32_t* incoming() { return slots + held; }

    const uint32_t held;
    uint32_t slots[kLargestWindow + kLargestBatch];
  };

  static void PrepareSlab(SlabRef ref) {
    Slab& slab = g_address_map.slab(ref);
    if (slab.prepared) return;
    slab.prepared = true;
    const ClassId id = ref.class_id();
    if (id == kZeroClass) return;
    const uintptr_t begin = g_address_map.SlabAddress(ref);
    const uintptr_t gap_begin = begin - slab.gap * SlabBytes(id);
    const SlabSpan span{gap_begin, begin, begin + SlotsPerSlab(id) * size_t{kClassBytes[id]},
                        begin + SlabBytes(id)};
    P::template Run<kOnPrepareSlab>(CurrentToggles(), span);
  }

  static bool FillFromRing(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t waiting = reserve.Waiting(bin);
    if (waiting <= reserve.quarantine_slots) return false;
    const uint32_t surplus = waiting - reserve.quarantine_slots;
    if (heap.settles) [[unlikely]] {
      ParkOldest(heap, bin, surplus);
      return false;
    }
    const uint32_t window = reserve.NextWindow();
    const uint32_t count = surplus < window ? surplus : window;
    Batch batch(reserve.held);
    PopRing(heap, bin, batch.incoming(), count);
    Examine(heap, bin, batch.incoming(), count);
    Load(heap, bin, batch, count);
    return true;
  }

  // Parked slots first: their memory is in use already. Several slabs may be asked, so that a
  // window is filled where each has little.
  static bool FillFromSlabs(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t wanted = reserve.NextWindow() + reserve.hold - reserve.held;
    Batch batch(reserve.held);
    uint32_t* const granules = batch.incoming();
    uint32_t count = 0;
    while (reserve.room && count < wanted) {
      const SlabRef ref = reserve.room;
      CheckLink(ref, bin.id, heap.id());
      Slab& slab = g_address_map.slab(ref);
      if (slab.parked == 0) break;
      if (slab.empty_since_ms != 0) OnSlabUsed(heap, ref);
      count += TakeParked(heap, bin, ref, granules + count, wanted - count);
      if (!slab.HasRoom()) UnlistSlab(heap, ref);
    }
    if (count != 0) {
      HeapCounters::Add(heap.counters.refills_from_parked, 1);
      Examine(heap, bin, granules, count);
      Load(heap, bin, batch, count);
    } else if (reserve.room) {
      // Fresh slots, which no program ever had, are not examined: reading them would fault.
      const SlabRef ref = reserve.room;
      count = Carve(heap, bin, ref, granules, wanted);
      if (!g_address_map.slab(ref).HasRoom()) UnlistSlab(heap, ref);
      if (count != 0) {
        HeapCounters::Add(heap.counters.refills_from_uncarved, 1);
        Load(heap, bin, batch, count);
      }
    }
    return count != 0;
  }

  // Makes slots ready, whose states say that they are held back. Where layers want the next slot to
  // be uncertain, as many as they want stay so: each that comes in becomes ready itself or takes
  // the place of one of these, which does, all with the same chance. Slots that lie side by side so
  // come near each other, which caches like, but in no order.
  static void Load(Heap& heap, Bin& bin, Batch& batch, uint32_t count) {
    BinReserve& reserve = heap.reserve[bin.id];
    uint32_t total = batch.held + count;
    if (total > uint64_t{reserve.hold} + reserve.until_sample) [[unlikely]] {
      total = reserve.hold + reserve.until_sample;
      ParkAll(heap, bin, batch.slots + total, batch.held + count - total);
    }
    const uint32_t held = reserve.hold < total ? reserve.hold : total - 1;
    const uint32_t ready = total - held;
    const Place first_held = bin.HeldPlace(0);
    uint32_t* const slots = batch.slots;
    if (held != 0) {
      uint16_t numbers[kLargestWindow + kLargestBatch + 1];
      heap.random.Fill16(numbers, ready);
      Mask(bin, first_held, &heap.At(first_held), slots, batch.held);
      MakeReady(heap, bin, ready, [&](uint32_t i) {
        slots[held] = slots[held + i];
        return std::exchange(slots[numbers[i] * (held + 1) >> 16], slots[held]);
      });
      Mask(bin, first_held, slots, &heap.At(first_held), held);
    } else {
      MakeReady(heap, bin, ready, [&](uint32_t i) { return slots[i]; });
    }
    reserve.held = held;
    reserve.until_sample -= ready;
  }

  // A unit may bring more than is wanted before the next sample.
  BARTIZAN_COLD static void ParkAll(Heap& heap, Bin& bin, const uint32_t* granules,
                                    uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) ParkSlot(heap, bin, granules[i]);
  }

  // References as they rest at places from `first` on, from slots, or the other way round.
  static void Mask(const Bin& bin, Place first, const uint32_t* from, uint32_t* to,
                   uint32_t count) {
    const uint32_t step = kPlaceStep * bin.key;
    uint32_t mask = Bin::Mask(bin.key, first);
    for (uint32_t i = 0; i < count; ++i, mask += step) to[i] = from[i] ^ mask;
  }

  // Slots whose states say that they are held back, checked, to the end of the magazine.
  template <class Next>
  BARTIZAN_INLINE static void MakeReady(BinSet& set, Bin& bin, uint32_t count, Next next) {
    const Bin at = bin;  // nothing of it changes here: its members stay in registers
    uint32_t* const places = &set.At(at.next) + 1;
    Place place = at.next;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t granule = next(i);
      place += kPlaceStep;
      if (granule >= at.limit) [[unlikely]]
        ReportCorruptReference(at.id, granule);
      SlotState& state = at.states[granule];
      const StateWord word = state.Load();
      if (!word.IsHeldBack()) [[unlikely]]
        ReportCorruptReference(at.id, granule);
      state.Store(word.AtPlace(place));
      places[i] = granule ^ Bin::Mask(at.key, place);
    }
    bin.next = place;
  }

  // Where the system gives nothing, what there is.
  static bool IssueHeld(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    if (reserve.held == 0) return false;
    reserve.held--;
    if (reserve.until_sample != 0) reserve.until_sample--;
    const Place place = bin.HeldPlace(reserve.held);
    const uint32_t granule = heap.At(place) ^ Bin::Mask(bin.key, place);
    MakeReady(heap, bin, 1, [&](uint32_t) { return granule; });
    return true;
  }

  // Slots that have never been used, by whole units.
  static uint32_t Carve(Heap& heap, Bin& bin, SlabRef ref, uint32_t* granules, uint32_t wanted) {
    Slab& slab = g_address_map.slab(ref);
    const uint32_t first = FirstGranule(bin, ref);
    if ((slab.uncarved & ~AllUnits(bin.id)) != 0) ReportCorruptSlab(ref);
    uint32_t count = 0;
    while (count < wanted && slab.uncarved != 0) {
      uint32_t units = slab.uncarved;
      SlotChoice choice{static_cast<uint32_t>(std::popcount(units)), heap.random};
      P::template Run<kOnChooseSlot>(CurrentToggles(), choice);
      for (; choice.chosen != 0; --choice.chosen) units &= units - 1;
      const auto unit = static_cast<uint32_t>(std::countr_zero(units));
      PopulateAround(heap, ref, unit);
      slab.uncarved = slab.uncarved & ~(1u << unit);
      // In the order of their addresses, from any of them on.
      const SlotSpan slots = SlotsOfUnit(bin.id, unit);
      const uint32_t in_unit = slots.end - slots.begin;
      slab.carved += in_unit;
      SlotChoice begin{in_unit, heap.random};
      P::template Run<kOnChooseSlot>(CurrentToggles(), begin);
      for (uint32_t i = 0; i < in_unit; ++i) {
        const uint32_t after = begin.chosen + i;
        const uint32_t slot = slots.begin + (after < in_unit ? after : after - in_unit);
        granules[count++] = first + slot * GranulesPerSlot(bin);
      }
    }
    // On the common path nobody asks whether a slot is fresh, but what is read before it is written
    // to faults twice.
    const bool asks = bin.work == BlockWork::kOther;
    const SlotKind kind = asks ? SlotKind::kFresh : SlotKind::kCached;
    for (uint32_t i = 0; i < count; ++i) {
      SlotState& state = bin.states[granules[i]];
      if (state.Load() != StateWord()) ReportCorruptSlab(ref);  // it was carved before
      state.Store(StateWord::AtRest(kind));
    }
    if (!asks) TouchPages(bin, granules, count);
    return count;
  }

  // Where a class grows, its next pages are brought in several at a time: no more than an eighth of
  // what it has may be for nothing. Slots with pages of their own may stay without them.
  static void PopulateAround(const Heap& heap, SlabRef ref, uint32_t unit) {
    constexpr uint32_t kSlabsForSome = 2;
    constexpr uint32_t kSlabsForAll = 8;
    constexpr uint32_t kSome = 4;
    const ClassId id = ref.class_id();
    const uint32_t slabs = heap.reserve[id].slabs;
    if (slabs < kSlabsForSome || HasOwnPages(id) || id == kZeroClass) return;
    const uint32_t first = slabs < kSlabsForAll ? unit / kSome * kSome : 0;
    const uint32_t units = AllUnits(id) & (slabs < kSlabsForAll ? (1u << kSome) - 1 : ~0u) << first;
    if ((g_address_map.slab(ref).uncarved & units) != units) return;
    const auto last = static_cast<uint32_t>(std::bit_width(units) - 1);
    const uintptr_t slab = g_address_map.SlabAddress(ref);
    const uintptr_t begin = slab + SlotsOfUnit(id, first).begin * size_t{kClassBytes[id]};
    const uintptr_t end = slab + SlotsOfUnit(id, last).end * size_t{kClassBytes[id]};
    const uintptr_t page = AlignDown(begin, platform::kPageBytes);
    platform::Populate(page, AlignUp(end, platform::kPageBytes) - page);
  }

  // Writes to each page of slots that lie side by side.
  static void TouchPages(const Bin& bin, const uint32_t* granules, uint32_t count) {
    if (bin.work == BlockWork::kNone) return;
    uintptr_t last = 0;
    for (uint32_t i = 0; i < count; ++i) {
      std::byte* const slot = bin.SlotAt(granules[i]);
      const uintptr_t page = reinterpret_cast<uintptr_t>(slot) / platform::kPageBytes;
      if (page != last) *const_cast<volatile std::byte*>(slot) = std::byte{0};
      last = page;
    }
  }

  // Here and in Carve and PopRing, slots are held back from now on, says their state.
  // Parked slots, found by their states, going on where the last search ended or where layers like.
  static uint32_t TakeParked(Heap& heap, Bin& bin, SlabRef ref, uint32_t* granules,
                             uint32_t wanted) {
    Slab& slab = g_address_map.slab(ref);
    const StateWord parked = StateWord::AtRest(SlotKind::kParked);
    const uint32_t count = wanted < slab.parked ? wanted : slab.parked;
    const uint32_t first = FirstGranule(bin, ref);
    const uint32_t end = EndGranule(bin, ref);
    SlotChoice choice{SlotsPerSlab(bin.id), heap.random, slab.next_scan};
    P::template Run<kOnChooseSlot>(CurrentToggles(), choice);
    if (choice.chosen >= choice.count) ReportCorruptSlab(ref);
    uint32_t at = first + choice.chosen * GranulesPerSlot(bin);
    bool wrapped = false;
    for (uint32_t found = 0; found < count;) {
      at = FindState(bin.states, at, end, parked);
      if (at < end) {
        granules[found++] = at;
        bin.states[at].Store(StateWord::AtRest(SlotKind::kCached));
        if (HasOwnPages(bin.id)) slab.SetUsed((at - first) / GranulesPerSlot(bin));
        at += GranulesPerSlot(bin);
        continue;
      }
      if (wrapped) ReportCorruptReference(bin.id, first);  // fewer than the record counts
      wrapped = true;
      at = first;
    }
    slab.next_scan = at < end ? (at - first) / GranulesPerSlot(bin) : 0;
    slab.parked -= count;
    return count;
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_REFILL_H_
