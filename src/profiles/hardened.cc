#include "src/profiles/hardened.h"

#include "src/profiles/composition.h"
#include "src/profiles/stack_source.h"

namespace bartizan {

static_assert(SelectedProfile::kLayers == LayersOf(ProfileId::kHardened));

// Start it with the options of `hardened`: what else they say about layers is not heeded.
constinit const Composition kComposition = CompositionOf<SelectedProfile>(
    [] { LoadOptions(Variant::kDynamic); }, &g_unguarded_slabs, &kStackSource);

}  // namespace bartizan
