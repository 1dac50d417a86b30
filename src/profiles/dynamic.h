// The composition of libbartizan.so: every layer, each behind its toggle.
#ifndef BARTIZAN_SRC_PROFILES_DYNAMIC_H_
#define BARTIZAN_SRC_PROFILES_DYNAMIC_H_

#include "hardening/registry.h"
#include "src/engine/allocator.h"

namespace bartizan {

using SelectedProfile = EveryLayer<Gated>;
using SelectedAllocator = Allocator<SelectedProfile>;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_DYNAMIC_H_
