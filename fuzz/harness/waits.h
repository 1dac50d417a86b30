// The distance that the quarantine promises between a free and the next use of the slot.
#ifndef BARTIZAN_FUZZ_HARNESS_WAITS_H_
#define BARTIZAN_FUZZ_HARNESS_WAITS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "src/metadata/address_map.h"
#include "src/options/sealed_page.h"

namespace fuzz {

// How long freed slots wait: counted in frees of their class, as long as one thread frees.
class Waits {
 public:
  void OnFree(const Block& block) {
    const bartizan::ClassId id = bartizan::g_address_map.ClassOfAddress(block.begin());
    if (id == bartizan::kClasses) return;
    freed_[next_ % kKept] = {block.begin(), id, ++frees_[id]};
    next_++;
  }
  void OnOtherThread() { counts_ = false; }
  void CheckIssued(uintptr_t address) const {
    if (!counts_ || !bartizan::OptionsInForce().Has(bartizan::Toggle::kQuarantine)) return;
    for (size_t i = next_; i != 0 && i + kKept > next_; --i) {
      const Freed& freed = freed_[(i - 1) % kKept];
      if (freed.address != address) continue;
      const size_t slots =
          bartizan::OptionsInForce().quarantine_bytes / bartizan::kClassBytes[freed.id];
      const size_t wanted = std::clamp<size_t>(slots, kFewest, kMost);
      FUZZ_CHECK(frees_[freed.id] - freed.number >= wanted,
                 "the slot %#zx was freed %zu frees of its class ago and is issued again", address,
                 frees_[freed.id] - freed.number);
      return;
    }
  }

 private:
  // As docs/layers/quarantine.md says.
  static constexpr size_t kFewest = 8;
  static constexpr size_t kMost = 1024;
  static constexpr size_t kKept = 128;
  struct Freed {
    uintptr_t address;
    bartizan::ClassId id;
    size_t number;
  };
  Freed freed_[kKept] = {};
  size_t next_ = 0;
  size_t frees_[bartizan::kClasses] = {};
  bool counts_ = true;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_WAITS_H_
