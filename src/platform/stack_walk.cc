#include "src/platform/stack_walk.h"

#include "src/platform/frame_rules.h"
#include "src/platform/readable_memory.h"

namespace bartizan::platform {
namespace {

// A walk is bounded even if its frames are not written anywhere because they are our own.
constexpr int kMostOwnFrames = 32;
// Where frame pointers only are followed, a frame larger than this is taken for a wrong one.
constexpr uintptr_t kMostFramePointerStep = 1 << 20;

class Walker {
 public:
  explicit Walker(const StackPoint& from) : at_(from) {}

  // The instruction that is being executed in the current frame.
  uintptr_t place() const { return exact_ ? at_.pc : at_.pc - 1; }

  // To the caller. False: there is none, or none that can be believed.
  bool Step(FrameRule rule) {
    switch (rule.kind) {
      case FrameKind::kUnknown:
      case FrameKind::kFramePointer:
        return StepByFramePointer();
      case FrameKind::kFromSp:
        return StepTo(at_.sp + static_cast<uintptr_t>(rule.frame), rule.fp);
      case FrameKind::kFromFp:
        return StepTo(at_.fp + static_cast<uintptr_t>(rule.frame), rule.fp);
      case FrameKind::kAtSp:
      case FrameKind::kAtFp: {
        const uintptr_t base = rule.kind == FrameKind::kAtSp ? at_.sp : at_.fp;
        uintptr_t end = 0;
        return memory_.Read(base + static_cast<uintptr_t>(rule.frame), &end) &&
               StepTo(end, rule.fp);
      }
      case FrameKind::kSignal:
        return StepToInterrupted(rule);
      case FrameKind::kNotCode:
      case FrameKind::kOutermost:
        return false;
    }
    return false;
  }

 private:
  // The frame ends at `end`, with the return address as its last word.
  bool StepTo(uintptr_t end, int32_t fp_distance) {
    StackPoint caller{.pc = 0, .sp = end, .fp = at_.fp};
    // Callers' frames lie above those of whom they call.
    if (end <= at_.sp || !memory_.Read(end - sizeof(uintptr_t), &caller.pc)) return false;
    if (fp_distance != 0 && !memory_.Read(end + static_cast<uintptr_t>(fp_distance), &caller.fp)) {
      return false;
    }
    at_ = caller;
    exact_ = false;
    return caller.pc > kPageBytes;
  }

  bool StepByFramePointer() {
    // No code has its frame pointer below its stack pointer.
    if (at_.fp < at_.sp || at_.fp - at_.sp > kMostFramePointerStep) return false;
    constexpr uintptr_t kLinkBytes = 2 * sizeof(uintptr_t);
    return StepTo(at_.fp + kLinkBytes, -static_cast<int32_t>(kLinkBytes));
  }

  // The handler may have had a stack of its own.
  bool StepToInterrupted(const FrameRule& rule) {
    const uintptr_t registers = at_.sp + static_cast<uintptr_t>(rule.frame);
    StackPoint interrupted{};
    if (!memory_.Read(registers, &interrupted.sp)) return false;
    if (!memory_.Read(registers + sizeof(uintptr_t), &interrupted.pc)) return false;
    if (!memory_.Read(at_.sp + static_cast<uintptr_t>(rule.fp), &interrupted.fp)) return false;
    at_ = interrupted;
    exact_ = true;
    return true;
  }

  StackPoint at_;
  bool exact_ = true;
  ReadableMemory memory_;
};

}  // namespace

size_t WalkStack(const StackPoint& from, StackWay way, uintptr_t* frames, size_t max) {
  Walker walker(from);
  size_t count = 0;
  int own_frames = 0;
  while (count < max) {
    const uintptr_t place = walker.place();
    FrameRule rule = RuleOf(place);
    if (rule.own && count == 0) {
      if (++own_frames > kMostOwnFrames) return 0;
    } else {
      // A place that is no code is where something went wrong: worth telling if it is the first.
      if (rule.kind == FrameKind::kNotCode && count != 0) break;
      frames[count++] = place;
      const bool by_tables = rule.kind == FrameKind::kSignal || rule.kind == FrameKind::kOutermost;
      if (way == StackWay::kFramePointer && !rule.own && !by_tables) {
        rule.kind = FrameKind::kFramePointer;
      }
    }
    if (!walker.Step(rule)) break;
  }
  return count;
}

}  // namespace bartizan::platform
