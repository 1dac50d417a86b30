#include "src/profiles/dynamic.h"

#include "src/profiles/composition.h"

namespace bartizan {

constinit const Composition kComposition =
    CompositionOf<SelectedProfile>([] { LoadOptions(Variant::kDynamic); }, UnguardedSlabs);

}  // namespace bartizan
