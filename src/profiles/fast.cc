#include "src/profiles/fast.h"

#include "src/platform/process_malloc.h"

namespace bartizan {

constinit const Composition kComposition = {
    .load_options = [] { LoadOptions(Variant::kFast); },
    .trailer_bytes = SelectedProfile::TrailerBytes,
    .plan_bin = [](BinPlan& plan) { SelectedProfile::Run<kOnPlanBin>(CurrentToggles(), plan); },
    .unguarded_slabs = [] { return uint64_t{0}; },
    .another_malloc_serves = platform::AnotherMallocServes,
    .free_elsewhere = platform::FreeElsewhere,
};

}  // namespace bartizan
