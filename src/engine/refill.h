// The slow path of small blocks: where a magazine is refilled from.
//
// A refill moves a window of slots at a time, and does in that batch what would be dear one by one:
// verifying, shuffling, draining what other threads freed. Sources, in this order:
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
    Tick(heap);
    bin.limit = CurrentLimit(bin);
    if (bin.ready != 0) return Result::kDone;  // the tick took in what other threads freed
    if (FillFromRing(heap, bin)) return Result::kDone;
    CollectInbox(heap);
    while (DrainClass(heap, bin)) {
      if (bin.ready != 0 || FillFromRing(heap, bin)) return Result::kDone;
    }
    if (FillFromSlabs(heap, bin)) return Result::kDone;
    SlabPlan plan{heap.random};
    P::template Run<kOnPlanSlab>(CurrentToggles(), plan);
    SlabRef slab;
    const Result result = slab_pool::Take(heap, bin.id, plan.gap, &slab);
    if (result != Result::kDone) return IssueHeld(heap, bin) ? Result::kDone : result;
    PrepareSlab(slab);
    ListSlab(heap, slab);
    bin.limit = CurrentLimit(bin);
    return FillFromSlabs(heap, bin) ? Result::kDone : Result::kRefused;
  }

  // What has waited long enough in a full ring becomes ready, as far as the magazine has room: that
  // is work that a refill would have to do, and no more. False: there was no room for a window.
  static bool MakeRoom(Heap& heap, Bin& bin) {
    const uint32_t window = heap.reserve[bin.id].window;
    bin.limit = CurrentLimit(bin);
    bool any = false;
    while (bin.ready + window <= bin.magazine_capacity && FillFromRing(heap, bin)) any = true;
    return any;
  }

 private:
  static constexpr uint32_t kLargestWindow = 64;
  // What is loaded at a time: a window, what is held back at first, what the last unit carved for
  // it has more.
  static constexpr uint32_t kLargestBatch = 2 * kLargestWindow + kMaxSlotsPerUnit;

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
    const uint32_t waiting = bin.ring_head - reserve.ring_tail;
    if (waiting <= reserve.quarantine_slots) return false;
    const uint32_t surplus = waiting - reserve.quarantine_slots;
    uint32_t granules[kLargestBatch];
    const uint32_t count = surplus < reserve.window ? surplus : reserve.window;
    PopRing(heap, bin, granules, count);
    Examine(heap, bin, granules, count);
    Load(heap, bin, granules, count, SlotKind::kCached);
    return true;
  }

  // Parked slots first: their memory is in use already. Several slabs may be asked, so that a
  // window is filled where each has little.
  static bool FillFromSlabs(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t wanted = reserve.window + reserve.hold - reserve.held;
    uint32_t granules[kLargestBatch];
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
      Examine(heap, bin, granules, count);
      Load(heap, bin, granules, count, SlotKind::kCached);
    } else if (reserve.room) {
      // Fresh slots, which no program ever had, are not examined: reading them would fault.
      const SlabRef ref = reserve.room;
      count = Carve(heap, bin, ref, granules, wanted);
      if (!g_address_map.slab(ref).HasRoom()) UnlistSlab(heap, ref);
      if (count != 0) Load(heap, bin, granules, count, SlotKind::kFresh);
    }
    return count != 0;
  }

  static void Examine(Heap& heap, Bin& bin, const uint32_t* granules, uint32_t count) {
    const Toggles toggles = CurrentToggles();
    if (bin.id == kZeroClass || !P::template Acts<kOnReuse>(toggles)) return;
    const uint32_t bytes = kClassBytes[bin.id];
    for (uint32_t i = 0; i < count; ++i) __builtin_prefetch(bin.SlotAt(granules[i]));
    for (uint32_t i = 0; i < count; ++i) {
      const FreeSlot slot{bin.SlotAt(granules[i]), bytes, heap.random, bin.states + granules[i]};
      P::template Run<kOnReuse>(toggles, slot);
    }
  }

  // Makes slots ready. Where layers want the next slot to be uncertain, some are held back: what
  // comes in becomes ready itself or takes the place of one of these, which does, all with the same
  // chance.
  static void Load(Heap& heap, Bin& bin, const uint32_t* granules, uint32_t count, SlotKind kind) {
    BinReserve& reserve = heap.reserve[bin.id];
    const Places places(bin);
    const uint32_t missing = reserve.hold - reserve.held;
    const uint32_t kept = missing < count ? missing : count - 1;
    for (uint32_t i = 0; i < kept; ++i)
      places.Put(HeldPlace(bin, reserve.held++), granules[i], kind);
    const uint32_t ready = bin.ready;
    bin.ready = ready + count - kept;
    const uint32_t held = reserve.held;
    const uint32_t first_held = HeldPlace(bin, 0);
    uint16_t chosen[kLargestBatch];
    if (held != 0) heap.random.BelowSmall(held + 1, chosen, count - kept);
    for (uint32_t i = 0; i < count - kept; ++i) {
      if (held == 0 || chosen[i] == held) {
        places.Put(ready + i, granules[kept + i], kind);
      } else {
        places.Move(first_held + chosen[i], ready + i);
        places.Put(first_held + chosen[i], granules[kept + i], kind);
      }
    }
  }

  // Where the system gives nothing, what there is.
  static bool IssueHeld(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    if (reserve.held == 0) return false;
    reserve.held--;
    Places(bin).Move(HeldPlace(bin, reserve.held), bin.ready++);
    return true;
  }

  // Slots that have never been used, by whole units.
  static uint32_t Carve(Heap& heap, Bin& bin, SlabRef ref, uint32_t* granules, uint32_t wanted) {
    Slab& slab = g_address_map.slab(ref);
    const uint32_t first = FirstGranule(bin, ref);
    uint32_t count = 0;
    while (count < wanted && slab.uncarved != 0) {
      uint32_t units = slab.uncarved;
      SlotChoice choice{static_cast<uint32_t>(std::popcount(units)), heap.random};
      P::template Run<kOnChooseSlot>(CurrentToggles(), choice);
      for (; choice.chosen != 0; --choice.chosen) units &= units - 1;
      const auto unit = static_cast<uint32_t>(std::countr_zero(units));
      slab.uncarved = slab.uncarved & ~(1u << unit);
      const SlotSpan slots = SlotsOfUnit(bin.id, unit);
      slab.carved += slots.end - slots.begin;
      for (uint32_t slot = slots.begin; slot < slots.end; ++slot) {
        granules[count++] = first + slot * GranulesPerSlot(bin);
      }
    }
    // All places of a unit are alike, and there may be more of them than are held back.
    for (uint32_t i = 0; i < count; ++i) {
      SlotChoice choice{count - i, heap.random};
      P::template Run<kOnChooseSlot>(CurrentToggles(), choice);
      std::swap(granules[i], granules[i + choice.chosen]);
    }
    return count;
  }

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
    uint32_t at = first + choice.chosen * GranulesPerSlot(bin);
    bool wrapped = false;
    for (uint32_t found = 0; found < count;) {
      at = FindState(bin.states, at, end, parked);
      if (at < end) {
        granules[found++] = at;
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
