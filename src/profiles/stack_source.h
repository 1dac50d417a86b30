// How the compositions that have stacks walk them.
#ifndef BARTIZAN_SRC_PROFILES_STACK_SOURCE_H_
#define BARTIZAN_SRC_PROFILES_STACK_SOURCE_H_

#include "src/engine/stacks.h"
#include "src/platform/frame_rules.h"
#include "src/platform/stack_walk.h"

namespace bartizan {

inline constexpr StackSource kStackSource = {.walk = platform::WalkStack,
                                             .prepare = platform::PrepareFrameRules,
                                             .lock = platform::FrameRulesLock};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_STACK_SOURCE_H_
