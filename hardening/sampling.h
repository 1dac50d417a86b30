// sampling: one block in so many gets pages of its own between guards.
//
// Stops: for such a block, overflow and underflow at the access, use after free at the access, for
// as long as its addresses wait; what lies between block and guard is checked when it is freed. And
// it is remembered when, by which thread and from where the block was allocated and freed.
// How: which allocation is next is drawn at random for each bin; refills count down, so the common
// path does not. The block is placed as a large one is, whatever its size, and its pages end, or
// begin, at the block. It is never kept for reuse: its pages are given back when it is freed, and
// the addresses wait, inaccessible, until freed blocks take more than `sample_budget`.
// Does not stop: what happens to blocks that were not drawn; jumps over the guard.
// Cost: docs/layers/sampling.md.
#ifndef BARTIZAN_HARDENING_SAMPLING_H_
#define BARTIZAN_HARDENING_SAMPLING_H_

#include "src/hooks/profile.h"
#include "src/options/sealed_page.h"
#include "src/platform/memory.h"

namespace bartizan {

struct Sampling {
  static constexpr Toggle kToggle = Toggle::kSampling;
  static constexpr uint32_t kHooks = kOnPlanBin | kOnPlaceLarge;
  static constexpr size_t kTrailerBytes = 0;

  // Without a ring, what is freed would be issued again without a refill, which nobody counts.
  static void OnPlanBin(BinPlan& plan) {
    // A block of no bytes cannot be touched anyway.
    plan.sample_interval = plan.id == kZeroClass ? 0 : IntervalOf(kClassBytes[plan.id]);
    if (plan.quarantine_slots == 0) plan.quarantine_slots = 1;
  }

  // After guard_pages: one page on each side is enough, and leaves address space for others.
  static void OnPlaceLarge(LargePlan& plan) {
    if (plan.weight == 0) {
      const uint32_t interval = IntervalOf(plan.requested);
      if (interval == 0 || plan.random.Below(interval) != 0) return;
      plan.weight = interval;
    }
    plan.guard_before = plan.guard_after = platform::kPageBytes;
    plan.against_upper = EndsAtGuard(plan.random);
  }

 private:
  // Of how many blocks of a size one is a sample; 0: of none.
  static uint32_t IntervalOf(size_t bytes) {
    const Options& options = OptionsInForce();
    uint64_t interval = options.sample_interval;
    if (options.sample_bytes != 0) {
      const uint64_t by_bytes = bytes == 0 ? interval : options.sample_bytes / bytes;
      const uint64_t least = by_bytes == 0 ? 1 : by_bytes;
      if (least < interval) interval = least;
    }
    return static_cast<uint32_t>(interval);
  }
  static bool EndsAtGuard(RandomStream& random) {
    switch (static_cast<SampleSide>(OptionsInForce().sample_side)) {
      case SampleSide::kRight:
        return true;
      case SampleSide::kLeft:
        return false;
      case SampleSide::kAlternate:
        break;
    }
    return random.Below(2) != 0;
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_SAMPLING_H_
