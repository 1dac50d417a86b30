#include "src/engine/memory_view.h"

#include "src/engine/find_object.h"
#include "src/engine/large_blocks.h"
#include "src/metadata/address_map.h"

namespace bartizan {
namespace {

MemoryView ViewSlot(ClassId id, uintptr_t address) {
  SlotView slot;
  if (!FindSlot(id, address, &slot)) return {.kind = MemoryKind::kNoBlock};
  MemoryView view{.begin = slot.begin, .slot_bytes = kClassBytes[id]};
  if (slot.word.IsLive()) {
    view.kind = MemoryKind::kLive;
    view.requested = slot.capacity - slot.word.slack();
  } else {
    const bool carved = slot.word.kind() != SlotKind::kNone;
    view.kind = carved ? MemoryKind::kFree : MemoryKind::kNoBlock;
  }
  return view;
}

}  // namespace

MemoryView ViewMemory(uintptr_t address) {
  if (!MayBeOurs(address)) return {};
  const ClassId id = g_address_map.ClassOfAddress(address);
  if (id != kClasses) return ViewSlot(id, address);
  LargeView large{};
  const MemoryKind kind = g_large_blocks.Look(address, &large);
  return {.kind = kind, .begin = large.user, .requested = large.requested};
}

}  // namespace bartizan
