// The composition with every layer compiled in for good. No library that people use is made of it:
// tests compare it with the dynamic one, whose layers must act in the same way.
#ifndef BARTIZAN_SRC_PROFILES_EVERY_H_
#define BARTIZAN_SRC_PROFILES_EVERY_H_

#include "hardening/registry.h"
#include "src/engine/allocator.h"

namespace bartizan {

using SelectedProfile = EveryLayer<Always>;
using SelectedAllocator = Allocator<SelectedProfile>;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_EVERY_H_
