// What the container (a control group of version 2) allows, and whether that is nearly used up.
#ifndef BARTIZAN_SRC_ENGINE_CONTAINER_LIMITS_H_
#define BARTIZAN_SRC_ENGINE_CONTAINER_LIMITS_H_

#include <cstdint>

#include "src/platform/container.h"

namespace bartizan::container_limits {

// At the start of the process. Where there is no limit then, nobody looks again: a program that
// has sandboxed itself may not open files later.
void Start(uint64_t now_ms);

// At ticks of the clock. True: the limit is found to be near, now and by this thread; all that can
// be given back should be. No more often than every kNearMs.
bool IsFoundNear(uint64_t now_ms);

// Whether it was near when somebody looked last, and how often it was found so.
bool IsNear();
uint32_t Shrinks();

// What counts as near. And how often is looked.
constexpr uint64_t kNearShare = 16;                   // of the limit is left, or less
constexpr uint64_t kNearBytes = uint64_t{256} << 20;  // but no more than this
constexpr uint64_t kLookMs = 1'000;
constexpr uint64_t kNearMs = 250;

constexpr bool IsNearly(const platform::ContainerMemory& memory) {
  const uint64_t share = memory.limit / kNearShare;
  const uint64_t left = share < kNearBytes ? share : kNearBytes;
  return memory.limit != 0 && memory.used >= memory.limit - left;
}

// For tests: other files than the system's, or these again (nullptr).
void UseFiles(const platform::ContainerFiles* files);

}  // namespace bartizan::container_limits

#endif  // BARTIZAN_SRC_ENGINE_CONTAINER_LIMITS_H_
