#include "src/profiles/every.h"

#include "src/platform/process_malloc.h"

namespace bartizan {

// Start it with the options of `strict`: what else they say about layers is not heeded, but numbers
// are read, and are 0 where a profile has the layer off.
constinit const Composition kComposition = {
    .load_options = [] { LoadOptions(Variant::kDynamic); },
    .trailer_bytes = SelectedProfile::TrailerBytes,
    .plan_bin = [](BinPlan& plan) { SelectedProfile::Run<kOnPlanBin>(CurrentToggles(), plan); },
    .unguarded_slabs = UnguardedSlabs,
    .another_malloc_serves = platform::AnotherMallocServes,
    .free_elsewhere = platform::FreeElsewhere,
};

}  // namespace bartizan
