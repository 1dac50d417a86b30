// canaries: eight secret bytes right behind the bytes that the program asked for.
//
// Stops: overflows by one byte or more, at the latest when the block is freed or resized.
// How: the value is a keyed mix of the slot's address, twice multiplied with secrets, so that the
// canaries of other slots do not tell this one's. Its first byte is never zero (an off-by-one NUL
// is seen), its second always is (a string read stops there). Free slots are zero, canary and all,
// which reuse_check verifies; where memory is not zeroed, a freed slot ends with the inverse of its
// canary until it is issued again. Behind large blocks, the bytes up to the guard, at most
// kLargeSlack, must stay zero.
// Does not stop: overflows that jump over the canary; reads; a NUL right behind a large block.
// Cost: eight bytes a slot; docs/layers/canaries.md.
#ifndef BARTIZAN_HARDENING_CANARIES_H_
#define BARTIZAN_HARDENING_CANARIES_H_

#include <cstring>

#include "src/base/violation.h"
#include "src/hooks/profile.h"
#include "src/hooks/secrets.h"
#include "src/metadata/address_map.h"
#include "src/options/sealed_page.h"
#include "src/platform/process.h"

namespace bartizan {

struct Canaries {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks =
      kOnPlanBin | kOnAllocate | kOnResize | kOnFree | kOnReuse | kOnResizeLarge | kOnFreeLarge;
  static constexpr size_t kTrailerBytes = sizeof(uint64_t);

  static void OnPlanBin(BinPlan& plan) {
    if (!OptionsInForce().Has(Toggle::kZeroOnFree)) plan.examined = true;
  }
  BARTIZAN_INLINE static void OnAllocate(const SlotUse& use) {
    Write(use.slot + use.requested, ValueFor(use.slot));
  }
  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    if (!IsIntact(op.use.slot, op.use.requested)) [[unlikely]]
      ReportFree(op.use.slot, op.use.requested, op.word);
    if (!op.zeroed) Write(op.use.slot + op.use.capacity, ~ValueFor(op.use.slot));
  }
  static void OnResize(const SlotResize& op) {
    if (!IsIntact(op.use.slot, op.old_requested)) [[unlikely]]
      Report(op.use.slot, op.old_requested, op.use.capacity + kTrailerBytes);
    std::memset(op.use.slot + op.old_requested, 0, kTrailerBytes);
    OnAllocate(op.use);
  }
  // Where nothing zeroes them, slots that were freed end with this layer's mark; slots that were
  // never issued are zero.
  static void OnReuse(const FreeSlot& slot) {
    if (OptionsInForce().Has(Toggle::kZeroOnFree)) return;
    const uint64_t found = Read(slot.slot + slot.bytes - kTrailerBytes);
    if (found == 0 || found == ~ValueFor(slot.slot)) return;
    ReportViolation({
        .what = "write after free",
        .detail = "the canary of a free slot was overwritten",
        .address = reinterpret_cast<uintptr_t>(slot.slot),
        .slot_bytes = slot.bytes,
        .advice = "look for pointers kept after free to blocks of this size class",
        .layer = "canaries",
    });
  }

  static void OnResizeLarge(const SlotUse& use) {
    for (size_t i = use.requested; i < use.capacity && i < use.requested + kLargeSlack; ++i) {
      if (use.slot[i] != std::byte{0}) Report(use.slot, use.requested, Violation::kUnknown);
    }
  }
  static void OnFreeLarge(const SlotReturn& op) { OnResizeLarge(op.use); }

  // Whether the bytes behind a live block are what this layer left there.
  BARTIZAN_INLINE static bool IsIntact(const std::byte* slot, size_t requested) {
    return Read(slot + requested) == ValueFor(slot);
  }

 private:
  BARTIZAN_INLINE static uint64_t Read(const std::byte* at) {
    uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static void Write(std::byte* at, uint64_t value) { std::memcpy(at, &value, sizeof value); }

  BARTIZAN_INLINE static uint64_t Mix(uint64_t value, Secret added, Secret factor) {
    const auto product =
        static_cast<unsigned __int128>(value ^ SecretWord(added)) * SecretWord(factor);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  BARTIZAN_INLINE static uint64_t ValueFor(const std::byte* slot) {
    const uint64_t place =
        Mix(reinterpret_cast<uintptr_t>(slot), Secret::kCanaryPlace, Secret::kCanaryFactor);
    const uint64_t mixed = Mix(place, Secret::kCanaryValue, Secret::kCanarySecondFactor);
    return (mixed & ~uint64_t{0xff00}) | 1;
  }
  // Arguments by value, here and in other reports: the common path then has no operation in memory.
  [[noreturn]] BARTIZAN_COLD static void ReportFree(const std::byte* slot, size_t requested,
                                                    StateWord word) {
    const ClassId id = g_address_map.ClassOfAddress(reinterpret_cast<uintptr_t>(slot));
    if (id == kClasses || !IsRacing(slot, id, word)) {
      Report(slot, requested, id == kClasses ? Violation::kUnknown : kClassBytes[id]);
    }
    ReportViolation({
        .what = "double free",
        .detail = "two threads freed the block at the same time",
        .address = reinterpret_cast<uintptr_t>(slot),
        .slot_bytes = kClassBytes[id],
        .requested = requested,
        .advice = "look for a second owner of this pointer",
        .layer = "canaries",
    });
  }
  // What looks like damage may be another thread that frees the same block right now: waits a
  // little, so that it gets to where it shows.
  static bool IsRacing(const std::byte* slot, ClassId id, StateWord word) {
    constexpr int kOtherThreadMs = 2;
    const ClassRegion& region = g_address_map.region(id);
    const size_t offset = reinterpret_cast<uintptr_t>(slot) - region.base;
    const SlotState& state = region.states[offset >> GranuleShift(id)];
    if (state.Load() == word) platform::SleepMilliseconds(kOtherThreadMs);
    return state.Load() != word;
  }
  [[noreturn]] BARTIZAN_COLD static void Report(const std::byte* slot, size_t requested,
                                                size_t slot_bytes) {
    ReportViolation({
        .what = "heap overflow",
        .detail = "bytes right behind the block were overwritten",
        .address = reinterpret_cast<uintptr_t>(slot),
        .slot_bytes = slot_bytes,
        .requested = requested,
        .advice = "check every write to blocks of this size for its bound",
        .layer = "canaries",
    });
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_CANARIES_H_
