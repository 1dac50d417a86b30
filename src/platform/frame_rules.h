// How to get from a place in the code to its caller: what the unwind tables say, found out once for
// each place.
//
// The tables are read by an existing unwinder (LLVM's), which knows how to take one step: it reads
// registers and the stack, and tells the caller's registers. It gets to see invented ones. The
// invented stack holds values that tell where they lie, so what comes out tells what was read:
// "the caller's sp is sp + 48, its fp is at 16 below that". That is the rule, which is kept; the
// steps of real stacks are made from rules, and it is our code that reads them (stack_walk.cc).
#ifndef BARTIZAN_SRC_PLATFORM_FRAME_RULES_H_
#define BARTIZAN_SRC_PLATFORM_FRAME_RULES_H_

#include <cstddef>
#include <cstdint>

#include "src/platform/lock.h"

namespace bartizan::platform {

enum class FrameKind : uint8_t {
  kUnknown,       // could not be found out at the moment
  kNotCode,       // nothing executable is there
  kFramePointer,  // code without tables, or with tables that say what is no rule here
  kFromSp,        // the frame ends at sp + frame
  kFromFp,        // the frame ends at fp + frame
  kAtSp,          // where the frame ends is stored at sp + frame
  kAtFp,          // where the frame ends is stored at fp + frame
  kSignal,        // all of the caller's registers are stored, sp at sp + frame and pc behind it
  kOutermost,     // it has no caller
};

struct FrameRule {
  FrameKind kind = FrameKind::kUnknown;
  bool own = false;   // it is code of this library, and of nothing else
  int32_t frame = 0;  // bytes
  // Where the caller's fp is stored, from the frame's end, of kSignal from sp; 0: it is still
  // there.
  int32_t fp = 0;
};

// The rule for the instruction at `pc`. Does not allocate; waits for others, but not for long; may
// be called from signal handlers.
FrameRule RuleOf(uintptr_t pc);

// Learns which code there is now, so that nothing is opened later for code that is here already:
// the program may put itself into a sandbox.
void PrepareFrameRules();

// For fork: nothing is locked under it.
Lock* FrameRulesLock();

// The largest frames that tables are believed to describe, and callers' fp at most so far from
// them.
inline constexpr int32_t kMostFrameBytes = 24 << 20;
inline constexpr int32_t kMostSavedDistance = 4096;

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_FRAME_RULES_H_
