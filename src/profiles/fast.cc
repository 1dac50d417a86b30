#include "src/profiles/fast.h"

namespace bartizan {

constinit const Composition kComposition = {
    .load_options = [] { LoadOptions(Variant::kFast); },
    .trailer_bytes = SelectedProfile::TrailerBytes,
    .plan_bin = [](BinPlan& plan) { SelectedProfile::Run<kOnPlanBin>(CurrentToggles(), plan); },
    .unguarded_slabs = [] { return uint64_t{0}; },
};

}  // namespace bartizan
