#include "src/profiles/dynamic.h"

#include "src/profiles/composition.h"
#include "src/profiles/stack_source.h"

namespace bartizan {

constinit const Composition kComposition = CompositionOf<SelectedProfile>(
    [] { LoadOptions(Variant::kDynamic); }, &g_unguarded_slabs, &kStackSource);

}  // namespace bartizan
