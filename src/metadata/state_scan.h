// Searching a run of state words for one value.
#ifndef BARTIZAN_SRC_METADATA_STATE_SCAN_H_
#define BARTIZAN_SRC_METADATA_STATE_SCAN_H_

#include <bit>
#include <cstdint>

#include "src/base/bits.h"
#include "src/metadata/slot_state.h"

namespace bartizan {

// The words are read four at a time. Slabs begin at multiples of four granules.
constexpr uint32_t kScanStep = sizeof(uint64_t) / sizeof(SlotState);

// The first index in [from, end) whose word is `wanted`, or `end`. Granules at which no slot starts
// are kNone and never match a slot's word. Relaxed: who needs what another thread wrote before it
// stored the word reads the word itself again. The table is mapped up to the next multiple of
// kScanStep.
inline uint32_t FindState(const SlotState* states, uint32_t from, uint32_t end, StateWord wanted) {
  constexpr uint64_t kOnes = 0x0001'0001'0001'0001;
  constexpr uint64_t kHighBits = kOnes << 15;
  const uint64_t pattern = kOnes * wanted.bits();
  const auto* words = reinterpret_cast<const uint64_t*>(states);
  uint32_t step = from / kScanStep;
  // Lanes before `from` are made different from what is searched.
  uint64_t ignored = (uint64_t{1} << (from % kScanStep * 16)) - 1;
  for (; step * kScanStep < end; ++step) {
    const uint64_t four = __atomic_load_n(words + step, __ATOMIC_RELAXED);
    const uint64_t difference = (four ^ pattern) | ignored;
    ignored = 0;
    // A lane is zero if subtracting one borrows through its high bit; the lowest such is exact.
    const uint64_t zero = (difference - kOnes) & ~difference & kHighBits;
    if (zero == 0) continue;
    const uint32_t found = step * kScanStep + static_cast<uint32_t>(std::countr_zero(zero)) / 16;
    return found < end ? found : end;
  }
  return end;
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_STATE_SCAN_H_
