// Randomness from the kernel, and time.
#ifndef BARTIZAN_SRC_PLATFORM_ENTROPY_H_
#define BARTIZAN_SRC_PLATFORM_ENTROPY_H_

#include <cstddef>
#include <cstdint>

namespace bartizan::platform {

// Fills the buffer from getrandom(2), without blocking. Where that is refused (old kernel,
// sandbox, early boot) falls back on /dev/urandom, then on the 16 bytes the kernel gave the process
// at start (AT_RANDOM) mixed with addresses and time, and returns false.
bool FillRandom(void* buffer, size_t bytes);

// Monotonic milliseconds, a few milliseconds coarse: cheap, no system call.
uint64_t CoarseMilliseconds();
// The same clock, as fine as it goes. No system call.
uint64_t Nanoseconds();

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_ENTROPY_H_
