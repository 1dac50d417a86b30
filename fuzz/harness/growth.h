// Whether memory is used again: how many slots of a class were ever issued, and how many at most
// were live at a time.
#ifndef BARTIZAN_FUZZ_HARNESS_GROWTH_H_
#define BARTIZAN_FUZZ_HARNESS_GROWTH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fuzz/harness/check.h"
#include "src/metadata/address_map.h"
#include "src/options/sealed_page.h"

namespace fuzz {

class Growth {
 public:
  // By that many threads, each of which has slots that wait.
  void OnIssued(uintptr_t begin, size_t threads) {
    const bartizan::ClassId id = bartizan::g_address_map.ClassOfAddress(begin);
    if (id == bartizan::kClasses) return;
    Class& of = classes_[id];
    of.most_live = std::max(of.most_live, ++of.live);
    if (!IsNew(begin)) return;
    const size_t waiting = Waiting(id) * threads;
    FUZZ_CHECK(++of.issued <= of.most_live + waiting,
               "memory grows without bound: %zu slots of %u bytes were issued, %zu were live",
               of.issued, bartizan::kClassBytes[id], of.most_live);
  }
  void OnFree(uintptr_t begin) {
    const bartizan::ClassId id = bartizan::g_address_map.ClassOfAddress(begin);
    if (id != bartizan::kClasses && classes_[id].live != 0) classes_[id].live--;
  }

 private:
  static constexpr size_t kTable = 4096;
  struct Class {
    size_t live;
    size_t most_live;
    size_t issued;  // different ones
  };

  // At most: what is carved at a time, what random_slots holds back, windows that wait for the next
  // refill, and what docs/layers/quarantine.md says.
  static size_t Waiting(bartizan::ClassId id) {
    const bartizan::Options& options = bartizan::OptionsInForce();
    const size_t bytes = bartizan::kClassBytes[id];
    const size_t anyway = bytes < 1024 ? 128 + 8192 / bytes : 64;
    if (!options.Has(bartizan::Toggle::kQuarantine)) return anyway;
    return anyway + std::clamp<size_t>(options.quarantine_bytes / bytes, 8, 1024);
  }
  bool IsNew(uintptr_t begin) {
    if (known_ == kTable / 2) return false;
    for (size_t at = (begin >> 4) * 0x9e3779b97f4a7c15u >> 52;; at = (at + 1) % kTable) {
      if (table_[at] == begin) return false;
      if (table_[at] != 0) continue;
      table_[at] = begin;
      known_++;
      return true;
    }
  }

  Class classes_[bartizan::kClasses] = {};
  uintptr_t table_[kTable] = {};
  size_t known_ = 0;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_GROWTH_H_
