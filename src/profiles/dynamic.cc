#include "src/profiles/dynamic.h"

namespace bartizan {

constinit const Composition kComposition = {
    .load_options = [] { LoadOptions(Variant::kDynamic); },
    .trailer_bytes = SelectedProfile::TrailerBytes,
    .plan_bin = [](BinPlan& plan) { SelectedProfile::Run<kOnPlanBin>(CurrentToggles(), plan); },
    .unguarded_slabs = UnguardedSlabs,
};

}  // namespace bartizan
