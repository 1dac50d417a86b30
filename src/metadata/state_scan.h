// Searching a run of state words for one value.
#ifndef BARTIZAN_SRC_METADATA_STATE_SCAN_H_
#define BARTIZAN_SRC_METADATA_STATE_SCAN_H_

#include <cstdint>

#include "src/metadata/slot_state.h"
#include "src/platform/word_scan.h"

namespace bartizan {

static_assert(sizeof(SlotState) == sizeof(uint16_t));
// Slabs begin and end at multiples of what is read at a time.
static_assert([] {
  for (ClassId id = 0; id < kClasses; ++id) {
    if (GranulesPerSlab(id) % platform::kScanStep != 0) return false;
  }
  return true;
}());

// The first index in [from, end) whose word is `wanted`, or `end`. Granules at which no slot starts
// are kNone and never match a slot's word. Relaxed: who needs what another thread wrote before it
// stored the word reads the word itself again.
inline uint32_t FindState(const SlotState* states, uint32_t from, uint32_t end, StateWord wanted) {
  return platform::FindWord(reinterpret_cast<const uint16_t*>(states), from, end, wanted.bits());
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_STATE_SCAN_H_
