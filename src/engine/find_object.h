// Which live block an address lies in.
#ifndef BARTIZAN_SRC_ENGINE_FIND_OBJECT_H_
#define BARTIZAN_SRC_ENGINE_FIND_OBJECT_H_

#include <cstddef>
#include <cstdint>

#include "src/metadata/slot_state.h"

namespace bartizan {

struct ObjectView {
  uintptr_t begin;
  size_t bytes;
};

// The live block one of whose bytes, or whose end, is at the address. False: none.
bool FindObject(uintptr_t address, ObjectView* view);

// The slot of a class region that holds the address, whatever its state. False: no slot there.
struct SlotView {
  uintptr_t begin;
  StateWord word;
  size_t capacity;
};
bool FindSlot(ClassId id, uintptr_t address, SlotView* view);

// The number of the epoch that the live block around the address belongs to; 0 for none.
uint32_t EpochOfBlock(uintptr_t address);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_FIND_OBJECT_H_
