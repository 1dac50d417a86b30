// origin_check: a block must be freed by the counterpart of the function that made it.
//
// Stops: `new` freed with free(), malloc() freed with delete, new[] freed with delete.
// How: the family is in the slot's out-of-line state, or the large block's record.
// Does not stop: anything within a family.
// Cost: one comparison per free.
#ifndef BARTIZAN_HARDENING_ORIGIN_CHECK_H_
#define BARTIZAN_HARDENING_ORIGIN_CHECK_H_

#include "src/base/violation.h"
#include "src/hooks/profile.h"

namespace bartizan {

struct OriginCheck {
  static constexpr Toggle kToggle = Toggle::kOriginCheck;
  static constexpr uint32_t kHooks = kOnFree | kOnFreeLarge;
  static constexpr size_t kTrailerBytes = 0;

  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    if (FreedWith(op.came_from) != FreedWith(op.freed_by)) [[unlikely]]
      Report(op.use.slot, op.use.requested, op.came_from);
  }
  static void OnFreeLarge(const SlotReturn& op) { OnFree(op); }

 private:
  // aligned_alloc and its like are freed with free().
  static Family FreedWith(Family family) {
    return family == Family::kAligned ? Family::kMalloc : family;
  }
  static std::string_view Detail(Family came_from) {
    switch (FreedWith(came_from)) {
      case Family::kNew:
        return "the block was made by operator new and must be freed by operator delete";
      case Family::kNewArray:
        return "the block was made by operator new[] and must be freed by operator delete[]";
      default:
        return "the block was made by malloc or its like and must be freed by free";
    }
  }
  BARTIZAN_COLD_RETURNING static void Report(const std::byte* slot, size_t requested,
                                             Family came_from) {
    ReportMistake({
        .what = "origin mismatch",
        .detail = Detail(came_from),
        .address = reinterpret_cast<uintptr_t>(slot),
        .requested = requested,
        .advice = "free the block with the counterpart of the function that made it",
        .layer = "origin_check",
    });
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_ORIGIN_CHECK_H_
