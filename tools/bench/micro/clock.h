// The time.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_CLOCK_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_CLOCK_H_

#include <stdint.h>
#include <time.h>

namespace bench {

inline double Nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The processor's time stamp, for what is shorter than a look at the clock. The fences keep what
// comes before and after from being counted on the wrong side.
inline uint64_t Ticks() {
  __builtin_ia32_lfence();
  const uint64_t ticks = __builtin_ia32_rdtsc();
  __builtin_ia32_lfence();
  return ticks;
}

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_CLOCK_H_
