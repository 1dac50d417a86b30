#include "src/profiles/fast.h"

#include "src/profiles/composition.h"

namespace bartizan {

constinit const Composition kComposition =
    CompositionOf<SelectedProfile>([] { LoadOptions(Variant::kFast); }, [] { return uint64_t{0}; });

}  // namespace bartizan
