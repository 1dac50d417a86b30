// Reaches into the calling thread's heap, to damage it or to look at it.
#ifndef BARTIZAN_TESTS_UNIT_ENGINE_WHITE_BOX_H_
#define BARTIZAN_TESTS_UNIT_ENGINE_WHITE_BOX_H_

#include <cstddef>

#include "src/engine/heap.h"
#include "src/engine/runtime.h"

namespace bartizan {

// The calling thread's bin of the class that serves the size. The thread has allocated before.
inline Bin& BinFor(size_t bytes) {
  return static_cast<Heap*>(CurrentBins())->BinOf(ClassOf(bytes + g_runtime.trailer_bytes));
}

// The state of a slot of that bin.
inline SlotState& StateOf(Bin& bin, const void* slot) {
  return bin.states[(reinterpret_cast<uintptr_t>(slot) - bin.base) >> bin.shift];
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_ENGINE_WHITE_BOX_H_
