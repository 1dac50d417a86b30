// origin_check: a block must be freed by the counterpart of the function that made it.
//
// Stops: `new` freed with free(), malloc() freed with delete, new[] freed with delete.
// How: the family is in the slot's out-of-line state, or the large block's record.
// Does not stop: anything within a family; malloc beside new where a file that is loaded has an
// operator new of its own, whose blocks come from malloc and may be deleted elsewhere.
// Cost: one comparison per free.
#ifndef BARTIZAN_HARDENING_ORIGIN_CHECK_H_
#define BARTIZAN_HARDENING_ORIGIN_CHECK_H_

#include "src/base/compiler.h"
#include "src/hooks/profile.h"

namespace bartizan {

struct OriginCheck {
  static constexpr Toggle kToggle = Toggle::kOriginCheck;
  static constexpr uint32_t kHooks = kOnFree | kOnFreeLarge;
  static constexpr size_t kTrailerBytes = 0;

  BARTIZAN_INLINE static void OnFree(const SlotReturn& op) {
    if (FreedWith(op.came_from) != FreedWith(op.freed_by)) [[unlikely]]
      Judge(op.use.slot, op.use.requested, op.came_from, op.freed_by);
  }
  static void OnFreeLarge(const SlotReturn& op) { OnFree(op); }

 private:
  // aligned_alloc and its like are freed with free().
  static Family FreedWith(Family family) {
    return family == Family::kAligned ? Family::kMalloc : family;
  }
  BARTIZAN_COLD_RETURNING static void Judge(const std::byte* slot, size_t requested,
                                            Family came_from, Family freed_by);
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_ORIGIN_CHECK_H_
