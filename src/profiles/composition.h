// What every composition tells the engine.
#ifndef BARTIZAN_SRC_PROFILES_COMPOSITION_H_
#define BARTIZAN_SRC_PROFILES_COMPOSITION_H_

#include <atomic>
#include <cstdint>

#include "src/engine/allocator.h"
#include "src/engine/refill.h"
#include "src/engine/runtime.h"
#include "src/platform/process_malloc.h"

namespace bartizan {

// Over the profile P; how options are read, where unguarded slabs are counted, and whether there
// are stacks differs.
template <class P>
constexpr Composition CompositionOf(void (*load_options)(),
                                    const std::atomic<uint64_t>* unguarded_slabs,
                                    const StackSource* stacks = nullptr) {
  return {
      .load_options = load_options,
      .trailer_bytes = P::TrailerBytes,
      .block_work = P::WorkOf,
      .plan_bin = [](BinPlan& plan) { P::template Run<kOnPlanBin>(CurrentToggles(), plan); },
      .examine = Refill<P>::Examine,
      .on_free = [](const SlotReturn& op) { P::template Run<kOnFree>(CurrentToggles(), op); },
      .release_large = Allocator<P>::ReleaseLarge,
      .unguarded_slabs = unguarded_slabs,
      .stacks = stacks,
      .another_malloc_serves = platform::AnotherMallocServes,
      .free_elsewhere = platform::FreeElsewhere,
  };
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_COMPOSITION_H_
