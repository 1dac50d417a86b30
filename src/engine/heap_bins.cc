#include "src/engine/heap_bins.h"

#include "src/base/bits.h"
#include "src/engine/runtime.h"
#include "src/engine/samples.h"
#include "src/platform/bytes.h"

namespace bartizan {
namespace {

// Bounds of a class's thread cache, in slots and in bytes: an idle thread keeps no more than that
// of each class it used, besides what must wait in quarantine.
constexpr size_t kMagazineBytes = 256 * kKiB;
constexpr uint32_t kMinMagazine = 4;
constexpr uint32_t kMaxMagazine = 2048;
constexpr size_t kWindowBytes = 16 * kKiB;
constexpr uint32_t kMinWindow = 1;
constexpr uint32_t kMaxWindow = 32;
// The ring's room for what need not wait, so that a burst of frees is not spilled at once.
constexpr size_t kBurstBytes = 64 * kKiB;
constexpr uint32_t kMaxBurst = 4 * kMaxWindow;
constexpr uint32_t kMaxQuarantineSlots = 1024;
// Kept back where layers want the next slot to be uncertain: the window's size, and never so few
// that one could guess.
constexpr uint32_t kMinHold = 8;

constexpr uint32_t Clamp(size_t n, uint32_t low, uint32_t high) {
  return n < low ? low : n > high ? high : static_cast<uint32_t>(n);
}
constexpr uint32_t WindowSlots(ClassId id) {
  return Clamp(kWindowBytes / kClassBytes[id], kMinWindow, kMaxWindow);
}
constexpr uint32_t MagazineSlots(ClassId id, HeapKind kind) {
  // A refill may bring a window and what is left of a unit.
  if (kind == HeapKind::kOfEpochs) return 2 * WindowSlots(id) + SlotsPerUnit(id);
  return Clamp(kMagazineBytes / kClassBytes[id], kMinMagazine, kMaxMagazine);
}
static_assert(kMaxMagazine <= StateWord::kPlaces);
constexpr uint32_t HeldSlots(ClassId id, uint32_t wanted) {
  const uint32_t most = WindowSlots(id) < kMinHold ? kMinHold : WindowSlots(id);
  return wanted < most ? wanted : most;
}

uint32_t RingSlots(ClassId id, uint32_t waiting) {
  if (waiting == 0) return 0;
  const uint32_t burst = Clamp(kBurstBytes / kClassBytes[id], 1, kMaxBurst);
  return waiting + burst + 1;  // one stays free
}
static_assert(kMaxQuarantineSlots + kMaxWindow + kMaxBurst < StateWord::kPlaces);

// Larger slots take loops and calls.
BlockWork WorkOn(ClassId id) {
  const BlockWork work = kComposition.block_work(CurrentToggles());
  const size_t most = platform::MostShort(OptionsInForce().wide_vectors);
  const bool is_short = id != kZeroClass && kClassBytes[id] <= most;
  const bool in_place = is_short && !OptionsInForce().FillsBlocks();
  return work == BlockWork::kUsual && !in_place ? BlockWork::kOther : work;
}

// Zero-size requests find the zero class's bin in the set, which stays empty.
void FillSizeIndex(BinSet& set) {
  for (size_t step = 1; step <= kIndexedRequest / kIndexStep; ++step) {
    const ClassId id = ClassOf(step * kIndexStep + g_runtime.trailer_bytes);
    set.bin_offset[step] = static_cast<uint16_t>(id * sizeof(Bin));
  }
}

}  // namespace

size_t PlanBins(RandomStream& random, HeapKind kind, BinLayout layouts[kClasses]) {
  size_t places = 0;
  for (ClassId id = 0; id < kClasses; ++id) {
    BinPlan plan{.id = id, .random = random};
    kComposition.plan_bin(plan);
    // Frees by other threads come in by windows, in any order: one more window waits, so that the
    // last freed of them still waits for as many as the layer wants.
    const uint32_t wanted = Clamp(plan.quarantine_slots, 0, kMaxQuarantineSlots);
    const uint32_t waiting = wanted == 0 ? 0 : wanted + WindowSlots(id);
    layouts[id] = {.key = plan.key,
                   .magazine = MagazineSlots(id, kind),
                   .waiting = waiting,
                   .ring_slots = RingSlots(id, waiting),
                   .hold = HeldSlots(id, plan.hold),
                   .examined = plan.examined && id != kZeroClass,
                   .sample_interval = plan.sample_interval};
    places += 1 + layouts[id].magazine + layouts[id].hold + layouts[id].ring_slots;
  }
  return places;
}

void SetUpBins(Heap& heap, const BinLayout layouts[kClasses]) {
  FillSizeIndex(heap);
  Place place = sizeof(Heap) - offsetof(BinSet, places);
  for (ClassId id = 0; id < kClasses; ++id) {
    const ClassRegion& region = g_address_map.region(id);
    Bin& bin = heap.BinOf(id);
    BinReserve& reserve = heap.reserve[id];
    bin.base = region.base;
    bin.states = region.states;
    bin.key = layouts[id].key;
    bin.capacity =
        id == kZeroClass ? 0 : kClassBytes[id] - static_cast<uint32_t>(g_runtime.trailer_bytes);
    bin.slab_mask = static_cast<uint16_t>(GranulesPerSlab(id) - 1);
    bin.shift = static_cast<uint8_t>(GranuleShift(id));
    bin.id = static_cast<uint8_t>(id);
    bin.work = WorkOn(id);
    bin.next = bin.bottom = place;
    heap.At(bin.bottom) = Bin::kNoGranule ^ Bin::Mask(bin.key, bin.bottom);
    bin.last = bin.stop = bin.bottom + layouts[id].magazine * kPlaceStep;
    reserve.ring = bin.HeldPlace(layouts[id].hold);
    reserve.ring_end = reserve.ring + layouts[id].ring_slots * kPlaceStep;
    bin.ring_next = reserve.ring_tail = reserve.ring;
    bin.ring_stop = reserve.ring;  // the first push finds out
    place = reserve.ring_end;
    reserve.quarantine_slots = layouts[id].waiting;
    reserve.window = WindowSlots(id);
    reserve.hold = layouts[id].hold;
    reserve.examined = layouts[id].examined;
    reserve.sample_interval = layouts[id].sample_interval;
    reserve.until_sample = samples::DrawDistance(heap.random, reserve.sample_interval);
  }
}

}  // namespace bartizan
