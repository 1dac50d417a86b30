// How often each layer has caught something in this process: once for each report, also for those
// that come too often to be written. Incremented by src/report; all accesses are relaxed.
#ifndef BARTIZAN_SRC_ENGINE_CATCHES_H_
#define BARTIZAN_SRC_ENGINE_CATCHES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/options/option_table.h"

namespace bartizan {

// By toggle; behind these, the checks that are always on.
inline constexpr size_t kCatchers = kToggleCount + 1;
constexpr std::string_view CatcherName(size_t catcher) {
  return catcher < kToggleCount ? NameOf(static_cast<Toggle>(catcher)) : "always_on";
}

struct CatchCounters {
  std::atomic<uint64_t> by_catcher[kCatchers];
};

extern constinit CatchCounters g_catches;

// `layer` as in Violation: a layer's name, or nothing for the checks that are always on.
void CountCatch(std::string_view layer);
uint64_t CountedCatches();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_CATCHES_H_
