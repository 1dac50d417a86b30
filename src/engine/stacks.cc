#include "src/engine/stacks.h"

#include "src/engine/runtime.h"

namespace bartizan {

void PrepareStacks() {
  const Options& options = OptionsInForce();
  const StackSource* const source = kComposition.stacks;
  if (source == nullptr || options.stacks == kStacksOff || !options.Has(Toggle::kSampling)) return;
  source->prepare();
}

size_t StackFrom(const platform::StackPoint& from, uintptr_t (&frames)[StackTable::kMostFrames]) {
  const Options& options = OptionsInForce();
  const StackSource* const source = kComposition.stacks;
  if (source == nullptr || options.stacks == kStacksOff) return 0;
  const bool by_frame_pointer = options.stacks == kStacksByFramePointer;
  using platform::StackWay;
  return source->walk(from, by_frame_pointer ? StackWay::kFramePointer : StackWay::kTables, frames,
                      options.stack_depth);
}

StackId RecordStackFrom(const platform::StackPoint& from) {
  uintptr_t frames[StackTable::kMostFrames];
  return g_stack_table.Insert(frames, StackFrom(from, frames));
}

}  // namespace bartizan
