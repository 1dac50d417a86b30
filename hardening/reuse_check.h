// reuse_check: a slot must still be zero when it is about to be issued again.
//
// Stops: a write after free, before the damaged memory reaches its next owner; also a write into
// the slack behind a block that was live, for only what the block held is zeroed at free.
// How: slots of up to 1 KiB are read whole; of larger ones the first and the last 256 bytes and one
// line of 64 bytes at random.
// Does not stop: a write that is undone before reuse; in larger slots, most single writes to the
// middle. Needs zero_on_free.
// Cost: docs/layers.md.
#ifndef BARTIZAN_HARDENING_REUSE_CHECK_H_
#define BARTIZAN_HARDENING_REUSE_CHECK_H_

#include "src/base/violation.h"
#include "src/hooks/profile.h"
#include "src/platform/bytes.h"

namespace bartizan {

struct ReuseCheck {
  static constexpr Toggle kToggle = Toggle::kReuseCheck;
  static constexpr uint32_t kHooks = kOnReuse;
  static constexpr size_t kTrailerBytes = 0;

  static constexpr size_t kWhole = 1024;
  static constexpr size_t kEnds = 256;
  static constexpr size_t kLine = 64;

  static void OnReuse(const FreeSlot& slot) {
    if (!IsUntouched(slot)) [[unlikely]]
      Report(slot);
  }

 private:
  static bool IsUntouched(const FreeSlot& slot) {
    if (slot.bytes <= kWhole) return platform::IsZero(slot.slot, slot.bytes);
    const size_t lines = slot.bytes / kLine;
    const size_t line = slot.random.Below(static_cast<uint32_t>(lines)) * kLine;
    return platform::IsZero(slot.slot, kEnds) &&
           platform::IsZero(slot.slot + slot.bytes - kEnds, kEnds) &&
           platform::IsZero(slot.slot + line, kLine);
  }
  [[noreturn]] BARTIZAN_COLD static void Report(const FreeSlot& slot) {
    ReportViolation({
        .what = "write after free",
        .detail = "a free slot was written to after its block was freed, or beyond its end before",
        .address = reinterpret_cast<uintptr_t>(slot.slot),
        .slot_bytes = slot.bytes,
        .advice = "look for pointers kept after free to blocks of this size class",
    });
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_REUSE_CHECK_H_
