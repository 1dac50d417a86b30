// What the layers and options in force want of large blocks.
#ifndef BARTIZAN_SRC_ENGINE_LARGE_POLICY_H_
#define BARTIZAN_SRC_ENGINE_LARGE_POLICY_H_

#include "src/engine/large_blocks.h"
#include "src/hooks/profile.h"
#include "src/options/sealed_page.h"

namespace bartizan {

// Where large blocks are asked for at a lower rate than this, faulting their pages in anew takes
// less than a tenth of the time, whatever is done with them.
constexpr size_t kForgottenPerMs = kMiB;

template <class P>
LargePolicy LargePolicyFor(Toggles toggles) {
  const Options& options = OptionsInForce();
  return {.zero = P::Has(toggles, Toggle::kZeroOnFree),
          .waits = P::Has(toggles, Toggle::kQuarantine),
          .huge_pages = options.huge_pages,
          .quarantine_bytes = options.large_quarantine_bytes,
          .cache_bytes = options.large_cache_bytes,
          .decay_ms = options.decay_ms,
          .sample_budget = options.sample_budget,
          .forgotten_per_ms = kForgottenPerMs};
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_LARGE_POLICY_H_
