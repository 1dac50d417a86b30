// guard_pages: inaccessible memory after every slab and around every large block.
//
// Stops: linear overflows out of a slab or large block, at the access.
// How: the end of a slab's stride, which never holds a slot, is made inaccessible: with the
// kernel's guard markers, which spend no mapping, or else by protection within a budget of
// mappings; so every slab lies between two guards. With guard_gaps, slabs are left out at random
// places of a class region and guard what follows. Large blocks lie in unmapped address space of
// random length and end against it.
// Does not stop: overflows within a slab (canaries); strides that jump over the guard.
// Cost: docs/layers/guard_pages.md.
#ifndef BARTIZAN_HARDENING_GUARD_PAGES_H_
#define BARTIZAN_HARDENING_GUARD_PAGES_H_

#include <atomic>
#include <cstdint>

#include "src/hooks/profile.h"

namespace bartizan {

struct GuardPages {
  static constexpr Toggle kToggle = Toggle::kGuardPages;
  static constexpr uint32_t kHooks = kOnPlanSlab | kOnPrepareSlab | kOnPlaceLarge;
  static constexpr size_t kTrailerBytes = 0;

  static void OnPlanSlab(SlabPlan& plan);
  static void OnPrepareSlab(const SlabSpan& slab);
  static void OnPlaceLarge(LargePlan& plan);
};

// Slabs that have no guard because the budget of mappings is spent or the system refused.
extern constinit std::atomic<uint64_t> g_unguarded_slabs;
inline uint64_t UnguardedSlabs() { return g_unguarded_slabs.load(std::memory_order_relaxed); }

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_GUARD_PAGES_H_
