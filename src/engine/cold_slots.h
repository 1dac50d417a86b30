// Free slots with pages of their own, in classes that a thread has stopped using.
#ifndef BARTIZAN_SRC_ENGINE_COLD_SLOTS_H_
#define BARTIZAN_SRC_ENGINE_COLD_SLOTS_H_

#include <cstdint>

#include "src/engine/heap.h"

namespace bartizan {

// Gives back the pages of free slots of 8 KiB and more, those that wait in quarantine, rest in the
// magazine or are held back, of classes from which nothing was taken and to which nothing was freed
// since the last look. The slots stay where they are, and wait as long as they must. Layers see
// each before its pages go.
void DropColdSlots(Heap& heap, uint64_t now_ms);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_COLD_SLOTS_H_
