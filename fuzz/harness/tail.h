// The bytes behind a live block, which canaries promise to guard.
#ifndef BARTIZAN_FUZZ_HARNESS_TAIL_H_
#define BARTIZAN_FUZZ_HARNESS_TAIL_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/harness/heap_model.h"
#include "src/base/bits.h"
#include "src/metadata/size_classes.h"

namespace fuzz {

// What stood right behind a live block when it was handed out.
struct Tail {
  static constexpr size_t kBytes = 8;
  size_t length = 0;
  uint8_t bytes[kBytes] = {};

  // Of a layer that is off, nothing is promised.
  static Tail Of(const Block& block, bool canaries) {
    Tail tail;
    if (!canaries || block.size == 0) return tail;  // nor of blocks that hold nothing
    // A large block has what is left of its last page; behind that may be another's.
    const bool large = block.size > bartizan::kMaxSlotBytes - kBytes;
    const size_t left = bartizan::AlignUp(block.end(), 4096) - block.end();
    tail.length = large && left < kBytes ? left : kBytes;
    for (size_t i = 0; i < tail.length; ++i) tail.bytes[i] = At(block, i);
    return tail;
  }
  bool IsIntact(const Block& block) const {
    size_t same = 0;
    while (same < length && At(block, same) == bytes[same]) ++same;
    return same == length;
  }

 private:
  // Not by a function that bounded_libc watches.
  static uint8_t At(const Block& block, size_t i) {
    return static_cast<const volatile uint8_t*>(block.at)[block.size + i];
  }
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_TAIL_H_
