// Which calls led here: for records of allocations and frees, and for reports.
#ifndef BARTIZAN_SRC_ENGINE_STACKS_H_
#define BARTIZAN_SRC_ENGINE_STACKS_H_

#include <cstddef>
#include <cstdint>

#include "src/metadata/stack_table.h"
#include "src/platform/lock.h"
#include "src/platform/stack_point.h"

namespace bartizan {

// How stacks are walked; a composition without has no stacks, and no unwinder linked in.
struct StackSource {
  size_t (*walk)(const platform::StackPoint& from, platform::StackWay way, uintptr_t* frames,
                 size_t max);
  void (*prepare)();          // when the process starts
  platform::Lock* (*lock)();  // held while code is looked at that was not seen before; for fork
};

// When the engine has started: what walks will need that a sandbox may refuse later.
void PrepareStacks();

// The frames above `from`, innermost first, as the options `stacks` and `stack_depth` say: how many
// were written, at most kMostFrames. What a frame is, and what it may be called from:
// src/platform/stack_walk.h.
size_t StackFrom(const platform::StackPoint& from, uintptr_t (&frames)[StackTable::kMostFrames]);

// The same, kept in the table of stacks. 0: none.
StackId RecordStackFrom(const platform::StackPoint& from);

// Of the caller; frames of this library are left out.
[[gnu::always_inline]] inline StackId RecordStack() {
  return RecordStackFrom(platform::HereOnStack());
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_STACKS_H_
