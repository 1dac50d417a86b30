// What an address that the program passed to some function points at.
#ifndef BARTIZAN_SRC_ENGINE_MEMORY_VIEW_H_
#define BARTIZAN_SRC_ENGINE_MEMORY_VIEW_H_

#include <cstdint>

#include "src/base/compiler.h"
#include "src/hooks/events.h"
#include "src/platform/address_plan.h"

namespace bartizan {

// False for what is certainly not ours: one comparison settles it for stacks, libraries and what
// the kernel places, the other for executables and the heap behind them.
BARTIZAN_INLINE bool MayBeOurs(uintptr_t address) {
  using platform::kHighSpan;
  using platform::kLowSpan;
  if constexpr (!platform::kChoosesAddresses) return true;
  if (address - kLowSpan.begin >= kHighSpan.end - kLowSpan.begin) return false;
  return address - kLowSpan.end >= kHighSpan.begin - kLowSpan.end;
}

// Neither waits nor allocates, leaves errno alone, and may be called from signal handlers. Where a
// large block cannot be told at once, because its record is being changed, the answer is kForeign.
MemoryView ViewMemory(uintptr_t address);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_MEMORY_VIEW_H_
