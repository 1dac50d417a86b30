// The bytes behind a live block, which canaries promise to guard.
#ifndef BARTIZAN_FUZZ_HARNESS_TAIL_H_
#define BARTIZAN_FUZZ_HARNESS_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/peek.h"
#include "src/base/bits.h"
#include "src/metadata/size_classes.h"
#include "src/options/sealed_page.h"

namespace fuzz {

// What stood right behind a live block when it was handed out.
struct Tail {
  static constexpr size_t kBytes = 8;
  size_t length = 0;
  uint8_t bytes[kBytes] = {};

  static Tail Of(const Block& block) {
    Tail tail;
    if (!bartizan::OptionsInForce().Has(bartizan::Toggle::kCanaries)) return tail;
    // A large block has what is left of its last page; behind that may be another's.
    const bool large = block.size > bartizan::kMaxSlotBytes - kBytes;
    const size_t left = bartizan::AlignUp(block.end(), 4096) - block.end();
    tail.length = Peek(block.end(), tail.bytes, large && left < kBytes ? left : kBytes);
    return tail;
  }
  bool IsIntact(const Block& block) const {
    uint8_t now[kBytes];
    const size_t length_now = Peek(block.end(), now, length);
    return length_now == length && std::memcmp(now, bytes, length) == 0;
  }
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_TAIL_H_
