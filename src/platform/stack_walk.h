// Who called whom: the stack of the calling thread.
#ifndef BARTIZAN_SRC_PLATFORM_STACK_WALK_H_
#define BARTIZAN_SRC_PLATFORM_STACK_WALK_H_

#include <cstddef>
#include <cstdint>

#include "src/platform/stack_point.h"

namespace bartizan::platform {

// Writes up to `max` places in the code, innermost first, and returns how many. Each lies within
// the instruction that was being executed there, which is a call, except in the innermost one and
// below a signal handler: what symbolizers ask for, and one less than a return address.
//
// Frames of this library come first and are left out, unless it is linked into the program. The
// stack may be damaged: nothing is read that cannot be read; the walk ends where the stack leads
// nowhere. Does not allocate, keeps errno, and may be called from signal handlers, inside the
// loader, and in fork children. Code that was not seen yet takes a lock, but nobody waits for it
// for long: frames are then missing.
size_t WalkStack(const StackPoint& from, StackWay way, uintptr_t* frames, size_t max);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_STACK_WALK_H_
