// canaries: eight secret bytes right behind the bytes that the program asked for.
//
// Stops: overflows by one byte or more, at the latest when the block is freed or resized.
// How: the value is a keyed mix of the slot's address, so that one block's canary does not tell
// another's. Its first byte is never zero (an off-by-one NUL is seen), its second always is (a
// string read stops there).
// Does not stop: overflows that jump over the canary; reads.
// Cost: eight bytes a slot; docs/layers.md.
#ifndef BARTIZAN_HARDENING_CANARIES_H_
#define BARTIZAN_HARDENING_CANARIES_H_

#include <cstring>

#include "src/base/violation.h"
#include "src/hooks/profile.h"
#include "src/hooks/secrets.h"

namespace bartizan {

struct Canaries {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnAllocate | kOnResize | kOnFree;
  static constexpr size_t kTrailerBytes = sizeof(uint64_t);

  BARTIZAN_INLINE static void OnAllocate(const SlotUse& use) {
    const uint64_t value = ValueFor(use.slot);
    std::memcpy(use.slot + use.requested, &value, sizeof value);
  }
  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    if (!IsIntact(op.use.slot, op.use.requested)) [[unlikely]]
      ReportFree(op);
  }
  static void OnResize(const SlotResize& op) {
    if (!IsIntact(op.use.slot, op.old_requested)) [[unlikely]]
      Report(op.use, op.old_requested);
    std::memset(op.use.slot + op.old_requested, 0, kTrailerBytes);
    OnAllocate(op.use);
  }

 private:
  BARTIZAN_INLINE static uint64_t ValueFor(const std::byte* slot) {
    const uint64_t place = reinterpret_cast<uintptr_t>(slot) ^ SecretWord(Secret::kCanaryPlace);
    const auto product =
        static_cast<unsigned __int128>(place) * (SecretWord(Secret::kCanaryValue) | 1);
    const auto mixed = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    return (mixed & ~uint64_t{0xff00}) | 1;
  }
  BARTIZAN_INLINE static bool IsIntact(const std::byte* slot, size_t requested) {
    uint64_t found;
    std::memcpy(&found, slot + requested, sizeof found);
    return found == ValueFor(slot);
  }
  [[noreturn]] BARTIZAN_COLD static void ReportFree(const SlotReturn& op) {
    if (!op.IsRacing()) Report(op.use, op.use.requested);
    ReportViolation({
        .what = "double free",
        .detail = "two threads freed the block at the same time",
        .address = reinterpret_cast<uintptr_t>(op.use.slot),
        .slot_bytes = op.use.capacity + kTrailerBytes,
        .requested = op.use.requested,
        .advice = "look for a second owner of this pointer",
    });
  }
  [[noreturn]] BARTIZAN_COLD static void Report(const SlotUse& use, size_t requested) {
    ReportViolation({
        .what = "heap overflow",
        .detail = "bytes right behind the block were overwritten",
        .address = reinterpret_cast<uintptr_t>(use.slot),
        .slot_bytes = use.capacity + kTrailerBytes,
        .requested = requested,
        .advice = "check every write to blocks of this size for its bound",
    });
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_CANARIES_H_
