// What every composition tells the engine.
#ifndef BARTIZAN_SRC_PROFILES_COMPOSITION_H_
#define BARTIZAN_SRC_PROFILES_COMPOSITION_H_

#include <cstdint>

#include "src/engine/refill.h"
#include "src/engine/runtime.h"
#include "src/platform/process_malloc.h"

namespace bartizan {

// Over the profile P; how options are read and how unguarded slabs are counted differs.
template <class P>
constexpr Composition CompositionOf(void (*load_options)(), uint64_t (*unguarded_slabs)()) {
  return {
      .load_options = load_options,
      .trailer_bytes = P::TrailerBytes,
      .block_work = P::WorkOf,
      .plan_bin = [](BinPlan& plan) { P::template Run<kOnPlanBin>(CurrentToggles(), plan); },
      .examine = Refill<P>::Examine,
      .unguarded_slabs = unguarded_slabs,
      .another_malloc_serves = platform::AnotherMallocServes,
      .free_elsewhere = platform::FreeElsewhere,
  };
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_COMPOSITION_H_
