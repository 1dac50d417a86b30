#include "src/engine/catches.h"

namespace bartizan {

constinit CatchCounters g_catches = {};

void CountCatch(std::string_view layer) {
  const OptionSpec* const spec = layer.empty() ? nullptr : FindOption(layer);
  const bool is_layer = spec != nullptr && spec->is_layer();
  const size_t catcher = is_layer ? static_cast<size_t>(spec->toggle()) : kToggleCount;
  g_catches.by_catcher[catcher].fetch_add(1, std::memory_order_relaxed);
}

uint64_t CountedCatches() {
  uint64_t sum = 0;
  for (const auto& counter : g_catches.by_catcher) sum += counter.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace bartizan
