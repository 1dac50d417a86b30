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

#include <cstddef>
#include <cstdint>

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

 private:
  static constexpr uint32_t kLargestWindow = 64;

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

  static bool FillFromRing(Heap& heap, Bin& bin) {
    BinReserve& reserve = heap.reserve[bin.id];
    const uint32_t waiting = bin.ring_head - reserve.ring_tail;
    if (waiting <= reserve.quarantine_slots) return false;
    const uint32_t surplus = waiting - reserve.quarantine_slots;
    uint32_t granules[kLargestWindow];
    const uint32_t count = surplus < reserve.window ? surplus : reserve.window;
    for (uint32_t i = 0; i < count; ++i) granules[i] = PopRing(heap, bin);
    Examine(heap, bin, granules, count);
    Load(heap, bin, granules, count);
    return true;
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
      Examine(heap, bin, granules, count);
    } else if (reserve.room) {
      // Fresh slots, which no program ever had, are not examined: reading them would fault.
      const SlabRef ref = reserve.room;
      count = Carve(bin, ref, granules, reserve.window);
      if (!g_address_map.slab(ref).HasRoom(SlotsPerSlab(bin.id))) UnlistSlab(heap, ref);
    }
    Load(heap, bin, granules, count);
    return count != 0;
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

  // Slots of the slab that have never been used.
  static uint32_t Carve(Bin& bin, SlabRef ref, uint32_t* granules, uint32_t wanted) {
    Slab& slab = g_address_map.slab(ref);
    const uint32_t stride = kClassBytes[bin.id] >> bin.shift;
    const uint32_t left = SlotsPerSlab(bin.id) - slab.carved;
    const uint32_t count = wanted < left ? wanted : left;
    for (uint32_t i = 0; i < count; ++i) granules[i] = EndGranule(bin, ref) + i * stride;
    slab.carved += count;
    return count;
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
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_REFILL_H_
