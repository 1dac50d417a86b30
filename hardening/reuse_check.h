// reuse_check: a slot must still be zero when it leaves quarantine, and when it is issued. With
// `fill_freed`, words of that pattern are as good as zeros, which pages have that were given back.
//
// Stops: a write after free, before the damaged memory reaches its next owner; also a write into
// the slack behind a block that was live, for only what the block held is zeroed at free.
// How: when it leaves quarantine a slot of up to 8 KiB is read whole, with reuse_check_whole every
// slot; otherwise the first and the last 256 bytes and one line of 64 bytes at random. When it is
// issued, a slot of up to 1 KiB is read whole, of a larger one both ends. What was never issued is
// not read: that would fault.
// Does not stop: a write that is undone before reuse; in larger slots, most single writes to the
// middle. Needs zero_on_free.
// Cost: docs/layers/reuse_check.md.
#ifndef BARTIZAN_HARDENING_REUSE_CHECK_H_
#define BARTIZAN_HARDENING_REUSE_CHECK_H_

#include "src/base/bits.h"
#include "src/base/violation.h"
#include "src/hooks/profile.h"
#include "src/options/sealed_page.h"
#include "src/platform/bytes.h"
#include "src/platform/fill.h"

namespace bartizan {

struct ReuseCheck {
  static constexpr Toggle kToggle = Toggle::kReuseCheck;
  static constexpr uint32_t kHooks = kOnPlanBin | kOnReuse | kOnAllocate;
  static constexpr size_t kTrailerBytes = 0;

  static constexpr size_t kWholeAtIssue = 8 * kKiB;
  static constexpr size_t kEnds = 256;
  static constexpr size_t kLine = 64;

  // What is read whole when it is issued need not be read before, unless its pages may go
  // meanwhile.
  static void OnPlanBin(BinPlan& plan) {
    if (HasOwnPages(plan.id)) plan.examined = true;
  }
  static void OnReuse(const FreeSlot& slot) {
    if (!IsUntouched(slot.slot, slot.bytes, slot.random)) Report(slot.slot, slot.bytes);
  }
  BARTIZAN_INLINE static void OnAllocate(const SlotUse& use) {
    const size_t bytes = AlignUp(use.capacity, kMinSlotBytes);  // with the trailer
    const bool untouched = use.is_short ? platform::IsZeroShort(use.slot, bytes, UsesWideVectors())
                                        : use.fresh || IsUntouchedLong(use.slot, bytes);
    if (!untouched) [[unlikely]]
      Report(use.slot, bytes);
  }

  [[noreturn]] BARTIZAN_COLD static void Report(const std::byte* slot, size_t bytes) {
    ReportViolation({
        .what = "write after free",
        .detail = "a free slot was written to after its block was freed, or beyond its end before",
        .address = reinterpret_cast<uintptr_t>(slot),
        .slot_bytes = bytes,
        .advice = "look for pointers kept after free to blocks of this size class",
        .layer = "reuse_check",
    });
  }

 private:
  BARTIZAN_INLINE static bool UsesWideVectors() { return OptionsInForce().wide_vectors; }
  static bool IsUntouched(const std::byte* slot, size_t bytes, RandomStream& random) {
    if (bytes <= kWholeAtIssue || OptionsInForce().reuse_check_whole) return IsZero(slot, bytes);
    const auto lines = static_cast<uint32_t>(bytes / kLine);
    return AreEndsZero(slot, bytes) && IsZero(slot + random.Below(lines) * kLine, kLine);
  }
  BARTIZAN_COLD_RETURNING static bool IsFilled(const std::byte* begin, size_t bytes) {
    return platform::IsZeroOr(OptionsInForce().fill_freed, begin, bytes);
  }
  static bool IsZero(const std::byte* begin, size_t bytes) {
    if (!OptionsInForce().issues_zeros) [[unlikely]]
      return IsFilled(begin, bytes);
    return platform::IsZero(begin, bytes, UsesWideVectors());
  }
  static bool IsUntouchedLong(const std::byte* slot, size_t bytes) {
    return bytes <= kWholeAtIssue ? IsZero(slot, bytes) : AreEndsZero(slot, bytes);
  }
  static bool AreEndsZero(const std::byte* slot, size_t bytes) {
    return IsZero(slot, kEnds) && IsZero(slot + bytes - kEnds, kEnds);
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_REUSE_CHECK_H_
