#include "src/profiles/fast.h"

#include "src/profiles/composition.h"

namespace bartizan {

constinit const Composition kComposition =
    CompositionOf<SelectedProfile>([] { LoadOptions(Variant::kFast); }, nullptr);

}  // namespace bartizan
