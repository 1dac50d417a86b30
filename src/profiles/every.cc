#include "src/profiles/every.h"

#include "src/profiles/composition.h"
#include "src/profiles/stack_source.h"

namespace bartizan {

// Start it with the options of `strict`: what else they say about layers is not heeded, but numbers
// are read, and are 0 where a profile has the layer off.
constinit const Composition kComposition = CompositionOf<SelectedProfile>(
    [] { LoadOptions(Variant::kDynamic); }, &g_unguarded_slabs, &kStackSource);

}  // namespace bartizan
