#include "src/engine/cold_slots.h"

#include <algorithm>

#include "src/engine/reclaim.h"
#include "src/engine/runtime.h"
#include "src/options/sealed_page.h"
#include "src/platform/memory.h"

namespace bartizan {
namespace {

// Looks in the time of `decay`: one each 10 ms by default, for what is dropped at every slow path
// costs threads that come and go twice their time. A class that is used less often than this takes
// less than a thousandth of the time when its slots' pages, 32 at most each, are faulted in anew.
constexpr uint64_t kLooksPerDecay = 100;

constexpr ClassId kFirstClass = [] {
  ClassId id = 0;
  while (!HasOwnPages(id)) ++id;
  return id;
}();

// What may wait with its pages besides those of idle classes: this much, and a share of the slabs.
constexpr size_t kAlwaysWaiting = 2 * kMiB;
constexpr size_t kShareWaiting = 16;
// Fewer slots of a class are not worth a call.
constexpr size_t kWorthDropping = 4;
// Slots that lost their pages and were needed soon after let more wait with theirs from then on. So
// much of it is forgotten each millisecond: faulting it in anew takes a few percent of that time.
constexpr size_t kForgottenPerMs = 256 * kKiB;
constexpr uint64_t kLongAgoMs = 1 << 20;

// Brings `dropped` up to date. How many slots of what was given back have left the ring since the
// last look; less, when the ring has turned meanwhile.
uint32_t NoteReuse(BinReserve& reserve) {
  const Place tail = reserve.ring_tail;
  const Place end = tail < reserve.looked_tail ? tail + (reserve.ring_end - reserve.ring) : tail;
  const uint32_t popped = (end - reserve.looked_tail) / kPlaceStep;
  const uint32_t reused = popped < reserve.dropped ? popped : reserve.dropped;
  reserve.looked_tail = tail;
  reserve.dropped -= reused;
  return reused;
}

// Slots that wait and were not given back since.
uint32_t WaitingWithPages(const Heap& heap, ClassId id) {
  const uint32_t waiting = heap.reserve[id].Waiting(heap.bins[id]);
  const uint32_t dropped = heap.reserve[id].dropped;
  return waiting > dropped ? waiting - dropped : 0;
}

// Granules of free slots. A ring and a magazine of the default sizes have room; of larger ones, the
// rest keep their pages.
struct Granules {
  static constexpr uint32_t kMost = 128;
  uint32_t count = 0;
  uint32_t at[kMost];

  void Add(uint32_t granule) {
    if (count < kMost) at[count++] = granule;
  }
};

// Those that came into the ring since the last time: nobody has looked at them since they were
// freed.
void ExamineNew(Heap& heap, Bin& bin, Granules& granules) {
  BinReserve& reserve = heap.reserve[bin.id];
  const uint32_t waiting = reserve.Waiting(bin);
  Place place = reserve.ring_tail;
  for (uint32_t i = 0; i < waiting; ++i, place += kPlaceStep) {
    if (place == reserve.ring_end) place = reserve.ring;
    if (i < reserve.dropped) continue;
    const uint32_t granule = heap.At(place) ^ Bin::Mask(bin.key, place);
    if (granule >= bin.limit ||
        bin.states[granule].Load() != StateWord::AtRest(SlotKind::kQuarantined, place)) {
      ReportCorruptReference(bin.id, granule);
    }
    granules.Add(granule);
  }
  reserve.dropped = waiting;
  kComposition.examine(heap, bin, granules.at, granules.count);
}

void AddReady(Heap& heap, const Bin& bin, Granules& granules) {
  for (Place place = bin.next; place != bin.bottom; place -= kPlaceStep) {
    SlotKind kind;
    const uint32_t granule = Take(heap, bin, place, &kind);
    if (kind != SlotKind::kFresh) granules.Add(granule);
  }
}

void AddHeld(Heap& heap, const Bin& bin, Granules& granules) {
  for (uint32_t i = 0; i < heap.reserve[bin.id].held; ++i) {
    const uint32_t granule = TakeHeld(heap, bin, bin.HeldPlace(i));
    if (!bin.states[granule].Load().IsUnused()) granules.Add(granule);
  }
}

// Neighbours in one call.
void DropPagesOf(const Bin& bin, Granules& granules) {
  std::sort(granules.at, granules.at + granules.count);
  const uint32_t bytes = kClassBytes[bin.id];
  for (uint32_t i = 0; i < granules.count;) {
    const uint32_t first = i;
    do ++i;
    while (i < granules.count && granules.at[i] == granules.at[i - 1] + GranulesPerSlot(bin));
    const auto begin = reinterpret_cast<uintptr_t>(bin.SlotAt(granules.at[first]));
    const uintptr_t from = AlignUp(begin, platform::kPageBytes);
    const uintptr_t to = AlignDown(begin + (i - first) * size_t{bytes}, platform::kPageBytes);
    platform::DropPages(from, to - from);
  }
}

void DropBin(Heap& heap, Bin& bin) {
  bin.limit = CurrentLimit(bin);
  CheckPlaces(heap, bin);
  Granules granules;
  ExamineNew(heap, bin, granules);
  AddReady(heap, bin, granules);
  AddHeld(heap, bin, granules);
  DropPagesOf(bin, granules);
}

size_t Budget(Heap& heap, uint64_t now_ms) {
  const uint64_t since = now_ms - heap.regret_ms;
  const uint64_t elapsed = since < kLongAgoMs ? since : kLongAgoMs;
  heap.regret_ms = now_ms;
  const size_t forgotten = elapsed * kForgottenPerMs;
  heap.regret_bytes = heap.regret_bytes > forgotten ? heap.regret_bytes - forgotten : 0;
  for (ClassId id = kFirstClass; id < kClasses; ++id) {
    heap.regret_bytes += NoteReuse(heap.reserve[id]) * size_t{kClassBytes[id]};
  }
  return kAlwaysWaiting + heap.slab_bytes / kShareWaiting + heap.regret_bytes;
}

// The largest first: always the same ones, so that the others keep their pages.
void DropBeyondBudget(Heap& heap, size_t budget) {
  size_t waiting = 0;
  for (ClassId id = kFirstClass; id < kClasses; ++id) {
    waiting += WaitingWithPages(heap, id) * size_t{kClassBytes[id]};
  }
  for (ClassId id = kClasses - 1; id >= kFirstClass && waiting > budget; --id) {
    const uint32_t slots = WaitingWithPages(heap, id);
    if (slots < kWorthDropping) continue;
    waiting -= slots * size_t{kClassBytes[id]};
    DropBin(heap, heap.bins[id]);
  }
}

}  // namespace

void DropColdSlots(Heap& heap, uint64_t now_ms) {
  if (now_ms - heap.last_cold_look_ms < OptionsInForce().decay_ms / kLooksPerDecay) return;
  heap.last_cold_look_ms = now_ms;
  DropBeyondBudget(heap, Budget(heap, now_ms));
  for (ClassId id = kFirstClass; id < kClasses; ++id) {
    Bin& bin = heap.bins[id];
    BinReserve& reserve = heap.reserve[id];
    const uint32_t activity = BinReserve::Activity(bin);
    const bool cold = activity == reserve.activity;
    reserve.activity = activity;
    if (!cold) {
      reserve.cold = false;
    } else if (!reserve.cold) {
      reserve.cold = true;
      DropBin(heap, bin);
    }
  }
}

}  // namespace bartizan
