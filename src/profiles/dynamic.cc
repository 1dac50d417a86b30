#include "src/profiles/dynamic.h"

#include "src/platform/process_malloc.h"

namespace bartizan {

constinit const Composition kComposition = {
    .load_options = [] { LoadOptions(Variant::kDynamic); },
    .trailer_bytes = SelectedProfile::TrailerBytes,
    .plan_bin = [](BinPlan& plan) { SelectedProfile::Run<kOnPlanBin>(CurrentToggles(), plan); },
    .unguarded_slabs = UnguardedSlabs,
    .another_malloc_serves = platform::AnotherMallocServes,
    .free_elsewhere = platform::FreeElsewhere,
};

}  // namespace bartizan
