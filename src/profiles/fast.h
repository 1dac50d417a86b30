// The composition of libbartizan-fast.so: the engine and no layer.
#ifndef BARTIZAN_SRC_PROFILES_FAST_H_
#define BARTIZAN_SRC_PROFILES_FAST_H_

#include "src/engine/allocator.h"

namespace bartizan {

using SelectedProfile = Profile<>;
using SelectedAllocator = Allocator<SelectedProfile>;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_FAST_H_
