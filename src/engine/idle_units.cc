#include "src/engine/idle_units.h"

#include "src/base/bits.h"
#include "src/metadata/address_map.h"
#include "src/platform/memory.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

// A bit stands for each page of a slab whose slots have none of their own.
static_assert([] {
  for (ClassId id = 0; id < kClasses; ++id) {
    if (!HasOwnPages(id) && SlabBytes(id) / kPageBytes > 32) return false;
  }
  return true;
}());

constexpr StateWord kParkedWord = StateWord::AtRest(SlotKind::kParked);

bool AllAre(StateWord word, const SlotState* states, SlotSpan slots, size_t stride) {
  for (size_t i = slots.begin; i < slots.end; ++i) {
    if (states[i * stride].Load() != word) return false;
  }
  return true;
}

// The pages of runs of units without slots, where one of the run came to be so just now.
void DropPagesOfUnits(SlabRef ref, uint32_t untouched, uint32_t idle) {
  const ClassId id = ref.class_id();
  const uintptr_t begin = g_address_map.SlabAddress(ref);
  for (uint32_t unit = 0; unit < UnitsPerSlab(id);) {
    uint32_t end = unit;
    uint32_t run = 0;
    for (; end < UnitsPerSlab(id) && (untouched >> end & 1) != 0; ++end) run |= 1u << end;
    if ((run & idle) != 0) {
      const size_t bytes = kClassBytes[id];
      const uintptr_t from = AlignUp(begin + SlotsOfUnit(id, unit).begin * bytes, kPageBytes);
      const uintptr_t to = AlignDown(begin + SlotsOfUnit(id, end - 1).end * bytes, kPageBytes);
      if (from < to) platform::DropPages(from, to - from);
    }
    unit = end + 1;
  }
}

// Returns the units, a bit for each; `*slots` is how many slots they have.
uint32_t Uncarve(SlabRef ref, uint32_t* slots) {
  const ClassId id = ref.class_id();
  Slab& slab = g_address_map.slab(ref);
  SlotState* const states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  uint32_t idle = 0;
  *slots = 0;
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    const SlotSpan span = SlotsOfUnit(id, unit);
    if ((slab.uncarved >> unit & 1) != 0) continue;
    if (!AllAre(kParkedWord, states, span, stride)) continue;
    for (size_t i = span.begin; i < span.end; ++i) states[i * stride].Store(StateWord());
    idle |= 1u << unit;
    *slots += span.end - span.begin;
  }
  slab.uncarved = slab.uncarved | idle;
  return idle;
}

// A bit for each unit of which no slot was ever used, say the states: what the record alone says,
// which may be damaged or torn by a fork, must not cost a live block its pages.
uint32_t UntouchedUnits(SlabRef ref) {
  const ClassId id = ref.class_id();
  const SlotState* const states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  uint32_t untouched = 0;
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    if (AllAre(StateWord(), states, SlotsOfUnit(id, unit), stride)) untouched |= 1u << unit;
  }
  return untouched;
}

// A bit for each page with a part of a slot that is neither parked nor uncarved.
uint32_t PagesInUse(SlabRef ref) {
  const ClassId id = ref.class_id();
  const SlotState* const states = g_address_map.SlabStates(ref);
  const size_t bytes = kClassBytes[id];
  const size_t stride = bytes >> GranuleShift(id);
  const uint32_t untouched = UntouchedUnits(ref);
  uint32_t used = 0;
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    if ((untouched >> unit & 1) != 0) continue;
    const SlotSpan slots = SlotsOfUnit(id, unit);
    for (uint32_t i = slots.begin; i < slots.end; ++i) {
      if (states[i * stride].Load() == kParkedWord) continue;
      const size_t last = ((i + 1) * bytes - 1) / kPageBytes;
      for (size_t page = i * bytes / kPageBytes; page <= last; ++page) used |= 1u << page;
    }
  }
  return used;
}

}  // namespace

uint32_t UncarveIdleUnits(SlabRef ref) {
  uint32_t slots;
  const uint32_t idle = Uncarve(ref, &slots);
  if (idle != 0 && ref.class_id() != kZeroClass) {
    DropPagesOfUnits(ref, UntouchedUnits(ref), idle);
  }
  return slots;
}

uint32_t GiveBackIdlePages(SlabRef ref) {
  const ClassId id = ref.class_id();
  uint32_t slots;
  Uncarve(ref, &slots);
  const uint32_t used = PagesInUse(ref);
  const uintptr_t begin = g_address_map.SlabAddress(ref);
  const auto pages = static_cast<uint32_t>((SlabBytes(id) - kSlabGuardBytes) / kPageBytes);
  for (uint32_t page = 0; page < pages;) {
    uint32_t end = page;
    while (end < pages && (used >> end & 1) == 0) ++end;
    if (end != page) {
      platform::DropPages(begin + page * kPageBytes, (end - page) * kPageBytes);
    }
    page = end + 1;
  }
  return slots;
}

}  // namespace bartizan
