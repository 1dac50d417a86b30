#include "src/engine/find_object.h"

#include "src/engine/large_blocks.h"
#include "src/engine/runtime.h"
#include "src/metadata/address_map.h"

namespace bartizan {

bool FindSlot(ClassId id, uintptr_t address, SlotView* view) {
  const ClassRegion& region = g_address_map.region(id);
  const size_t offset = address - region.base;
  const size_t within = offset & (SlabBytes(id) - 1);
  const size_t slot = within / kClassBytes[id];
  if (slot >= SlotsPerSlab(id)) return false;
  const size_t begin = offset - within + slot * kClassBytes[id];
  view->begin = region.base + begin;
  view->word = region.states[begin >> GranuleShift(id)].LoadRemote();
  view->capacity = id == kZeroClass ? 0 : kClassBytes[id] - g_runtime.trailer_bytes;
  return true;
}

namespace {

// The live block whose slot or pages the address lies in.
bool FindAround(uintptr_t address, ObjectView* view) {
  const ClassId id = g_address_map.ClassOfAddress(address);
  if (id != kClasses) {
    SlotView slot;
    if (!FindSlot(id, address, &slot) || !slot.word.IsLive()) return false;
    *view = {slot.begin, slot.capacity - slot.word.slack()};
  } else {
    LargeView large;
    if (!g_large_blocks.Find(address, &large)) return false;
    *view = {large.user, large.requested};
  }
  return true;
}

}  // namespace

bool FindObject(uintptr_t address, ObjectView* view) {
  const auto holds = [&] { return address >= view->begin && address - view->begin <= view->bytes; };
  if (FindAround(address, view) && holds()) return true;
  // Just past the last byte of a block that fills its slot: where the next one begins.
  return FindAround(address - 1, view) && holds();
}

uint32_t EpochOfBlock(uintptr_t address) {
  const ClassId id = g_address_map.ClassOfAddress(address);
  if (id == kClasses) return g_large_blocks.EpochOf(address);
  SlotView slot;
  if (!FindSlot(id, address, &slot) || !slot.word.IsLive()) return 0;
  const ClassRegion& region = g_address_map.region(id);
  return g_address_map.slab(AddressMap::SlabAt(id, address - region.base)).epoch;
}

}  // namespace bartizan
