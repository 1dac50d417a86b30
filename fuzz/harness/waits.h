// The distance that the quarantine promises between a free and the next use of the memory.
#ifndef BARTIZAN_FUZZ_HARNESS_WAITS_H_
#define BARTIZAN_FUZZ_HARNESS_WAITS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fuzz/harness/check.h"
#include "fuzz/harness/world.h"
#include "src/metadata/address_map.h"
#include "src/options/sealed_page.h"

namespace fuzz {

// How long freed memory waits: slots counted in frees of their class and heap, large blocks in
// frees of large ones. What is freed by another thread than its heap's comes home at some later
// time, so that as many frees may count for a slot that came before. Heaps of threads that have
// ended go to others: from then on, slots are not judged.
class Waits {
 public:
  void OnIssued(uintptr_t begin, size_t size, size_t thread) {
    CheckIssued(begin, size);
    // There is room: the attack has far fewer live blocks.
    Memory* const room = Find(0);
    if (room != nullptr) *room = {begin, size, bartizan::kClasses, thread, 0};
  }
  void OnResized(uintptr_t begin, size_t size) {
    Memory* const block = Find(begin);
    if (block != nullptr) block->size = size;
  }
  // Before the free: a report may end the case in it, which does not matter any more.
  void OnFree(uintptr_t begin, size_t thread) {
    Memory* const block = begin == 0 ? nullptr : Find(begin);
    if (block == nullptr) return;
    Memory freed = *block;
    block->begin = 0;
    freed.id = bartizan::g_address_map.ClassOfAddress(begin);
    const bool large = freed.id == bartizan::kClasses;
    const size_t heap = large ? 0 : freed.heap;
    freed.number = ++frees_[heap][freed.id];
    if (!large && thread != heap) {
      remote_[heap][freed.id]++;
      return;
    }
    freed_[next_freed_++ % kKept] = freed;
  }
  void OnThreadEnd() { judges_slots_ = false; }

 private:
  // As docs/layers/quarantine.md says.
  static constexpr size_t kFewest = 8;
  static constexpr size_t kMost = 1024;
  static constexpr size_t kFewestLarge = 16;
  static constexpr size_t kKept = 128;
  struct Memory {
    uintptr_t begin;
    size_t size;
    bartizan::ClassId id;  // kClasses: large
    size_t heap;
    size_t number;  // of the free
  };

  Memory* Find(uintptr_t begin) {
    Memory* const found = std::find_if(
        issued_, issued_ + kKept, [begin](const Memory& memory) { return memory.begin == begin; });
    return found == issued_ + kKept ? nullptr : found;
  }
  void CheckIssued(uintptr_t begin, size_t size) const {
    if (!bartizan::OptionsInForce().Has(bartizan::Toggle::kQuarantine)) return;
    const bool large = bartizan::g_address_map.ClassOfAddress(begin) == bartizan::kClasses;
    if (!large && !judges_slots_) return;
    for (size_t i = next_freed_; i != 0 && i + kKept > next_freed_; --i) {
      const Memory& freed = freed_[(i - 1) % kKept];
      const bool is_large = freed.id == bartizan::kClasses;
      if (large != is_large) continue;
      if (large) {
        if (begin >= freed.begin + freed.size || freed.begin >= begin + size) continue;
        FUZZ_CHECK(frees_[0][freed.id] - freed.number >= kFewestLarge,
                   "the large block %#zx was freed %zu frees of such ago and is issued again",
                   freed.begin, frees_[0][freed.id] - freed.number);
        return;
      }
      if (freed.begin != begin) continue;
      const size_t slots =
          bartizan::OptionsInForce().quarantine_bytes / bartizan::kClassBytes[freed.id];
      const size_t wanted = std::clamp<size_t>(slots, kFewest, kMost);
      const size_t ago = frees_[freed.heap][freed.id] - freed.number;
      FUZZ_CHECK(ago + remote_[freed.heap][freed.id] >= wanted,
                 "the slot %#zx was freed %zu frees of its class ago and is issued again", begin,
                 ago);
      return;
    }
  }

  Memory issued_[kKept] = {};
  Memory freed_[kKept] = {};
  size_t next_freed_ = 0;
  size_t frees_[kThreads][bartizan::kClasses + 1] = {};
  size_t remote_[kThreads][bartizan::kClasses + 1] = {};
  bool judges_slots_ = true;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_WAITS_H_
