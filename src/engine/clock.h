// The time by which memory is given back.
#ifndef BARTIZAN_SRC_ENGINE_CLOCK_H_
#define BARTIZAN_SRC_ENGINE_CLOCK_H_

#include <cstdint>

#include "src/options/sealed_page.h"
#include "src/platform/entropy.h"

namespace bartizan {

// Monotonic milliseconds, a few milliseconds coarse. With the option `seed` the clock stands still:
// what depends on the time of day is no run to be made again.
inline uint64_t EngineMilliseconds() {
  constexpr uint64_t kStandsStill = 1;
  return OptionsInForce().seed != 0 ? kStandsStill : platform::CoarseMilliseconds();
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_CLOCK_H_
