// size_check: sized deallocation must name the size that was allocated.
//
// Stops: type confusion between objects of different sizes, at the delete.
// How: the exact size is in the slot's out-of-line state, or the large block's record.
// Does not stop: confusion between types of one size.
// Cost: one comparison per sized deallocation.
#ifndef BARTIZAN_HARDENING_SIZE_CHECK_H_
#define BARTIZAN_HARDENING_SIZE_CHECK_H_

#include "src/base/violation.h"
#include "src/hooks/profile.h"

namespace bartizan {

struct SizeCheck {
  static constexpr Toggle kToggle = Toggle::kSizeCheck;
  static constexpr uint32_t kHooks = kOnFree | kOnFreeLarge;
  static constexpr size_t kTrailerBytes = 0;

  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    if (op.stated_size != SlotReturn::kNotStated && op.stated_size != op.use.requested)
        [[unlikely]] {
      Report(op.use.slot, op.use.requested, op.stated_size);
    }
  }
  static void OnFreeLarge(const SlotReturn& op) { OnFree(op); }

 private:
  BARTIZAN_COLD_RETURNING static void Report(const std::byte* slot, size_t requested,
                                             size_t stated) {
    ReportMistake({
        .what = "size mismatch",
        .detail = "sized deallocation names another size than was allocated",
        .address = reinterpret_cast<uintptr_t>(slot),
        .requested = requested,
        .stated = stated,
        .advice =
            "compare the types of the new and the delete expression; a polymorphic type needs "
            "a virtual destructor",
        .layer = "size_check",
    });
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_SIZE_CHECK_H_
