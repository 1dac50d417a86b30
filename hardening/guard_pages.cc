#include "hardening/guard_pages.h"

#include <atomic>

#include "src/base/bits.h"
#include "src/base/violation.h"
#include "src/options/sealed_page.h"
#include "src/platform/memory.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

// Guards around a large block are between one page and this many.
constexpr uint32_t kMaxGuardPages = 16;
// With guard_gaps, one slab in so many has a gap before it.
constexpr uint32_t kSlabsPerGap = 4;
constexpr size_t kMaxGapGuardBytes = 16 * kPageBytes;

// Protected pages split a mapping in three: two more for each guard. A quarter of the limit for
// slabs, so that half of it stays the program's when large blocks take theirs.
constinit std::atomic<size_t> g_budget{0};
constinit std::atomic<bool> g_budget_known{false};

bool Protect(uintptr_t begin, size_t bytes) {
  if (!g_budget_known.exchange(true, std::memory_order_relaxed)) {
    g_budget.store(platform::MappingLimit() / 4, std::memory_order_relaxed);
  }
  const size_t left = g_budget.load(std::memory_order_relaxed);
  if (left < 2) return false;
  g_budget.store(left - 2, std::memory_order_relaxed);  // lost updates only make it a rough bound
  return platform::SetAccess(begin, bytes, platform::Access::kNone);
}

// Guards that are missing are counted and said once, and nothing else comes of it.
void Guard(uintptr_t begin, uintptr_t end) {
  if (begin == end || platform::InstallGuard(begin, end - begin)) return;
  if (Protect(begin, end - begin)) return;
  g_unguarded_slabs.fetch_add(1, std::memory_order_relaxed);
  SayDegraded(Degradation::kSlabGuards);
}

}  // namespace

constinit std::atomic<uint64_t> g_unguarded_slabs{0};

void GuardPages::OnPlanSlab(SlabPlan& plan) {
  plan.gap = OptionsInForce().guard_gaps && plan.random.Below(kSlabsPerGap) == 0 ? 1 : 0;
}

void GuardPages::OnPrepareSlab(const SlabSpan& slab) {
  // Of a long gap, its end is enough.
  const bool long_gap = slab.begin - slab.gap_begin > kMaxGapGuardBytes;
  Guard(long_gap ? slab.begin - kMaxGapGuardBytes : slab.gap_begin, slab.begin);
  Guard(AlignUp(slab.slots_end, kPageBytes), slab.end);
}

void GuardPages::OnPlaceLarge(LargePlan& plan) {
  plan.guard_before = (1 + plan.random.Below(kMaxGuardPages)) * kPageBytes;
  plan.guard_after = (1 + plan.random.Below(kMaxGuardPages)) * kPageBytes;
  plan.against_upper = true;
}

}  // namespace bartizan
