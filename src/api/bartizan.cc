#include "bartizan/bartizan.h"

#include <cstring>

#include "src/base/compiler.h"
#include "src/engine/find_object.h"
#include "src/engine/statistics.h"
#include "src/options/option_table.h"
#include "src/options/sealed_page.h"
#include "src/options/version.h"

using bartizan::EngineStatistics;

namespace {

constexpr size_t kFirstVersionBytes = sizeof(bartizan_statistics);
constexpr size_t kNodesShown =
    sizeof(bartizan_statistics::node_slab_bytes) / sizeof(bartizan_statistics::node_slab_bytes[0]);

void Fill(const EngineStatistics& from, bartizan_statistics* to) {
  to->live_blocks = from.small_live_blocks + from.large.live_blocks;
  to->live_bytes = from.small_live_bytes + from.large.live_bytes;
  to->quarantined_bytes = from.small_quarantined_bytes;
  to->cached_bytes = from.small_cached_bytes + from.large.cached_bytes;
  to->free_bytes = from.small_free_bytes;
  to->committed_bytes = from.committed_bytes;
  to->large_live_blocks = from.large.live_blocks;
  to->large_live_bytes = from.large.live_bytes;
  to->large_waiting_bytes = from.large.waiting_bytes;
  to->heaps = from.heaps;
  to->slabs = from.slabs;
  to->refills = from.refills;
  to->remote_frees = from.remote_frees_drained;
  to->slabs_returned = from.slabs_returned;
  const bool guards = bartizan::OptionsInForce().Has(bartizan::Toggle::kGuardPages);
  to->degraded_guards = guards ? from.unguarded_slabs + from.large.unguarded_blocks : 0;
  to->shortened_waits = from.shortened_waits;
  to->nodes = from.nodes;
  for (uint32_t i = 0; i < from.nodes; ++i) {
    to->node_slab_bytes[i < kNodesShown ? i : kNodesShown - 1] += from.node[i].slab_bytes;
  }
}

}  // namespace

extern "C" {

BARTIZAN_EXPORT const char* bartizan_version(void) { return bartizan::kVersion.data(); }

BARTIZAN_EXPORT const char* bartizan_profile(void) {
  bartizan::EnsureStarted();
  return bartizan::bartizan_sealed_page.info.profile;
}

BARTIZAN_EXPORT int bartizan_layer_in_force(const char* layer) {
  bartizan::EnsureStarted();
  const bartizan::OptionSpec* spec = bartizan::FindOption(layer);
  if (spec == nullptr || !spec->is_layer()) return -1;
  return bartizan::OptionsInForce().Has(spec->toggle()) ? 1 : 0;
}

BARTIZAN_EXPORT int bartizan_find_object(const void* inside, bartizan_object* object) {
  bartizan::ObjectView view;
  if (!bartizan::FindObject(reinterpret_cast<uintptr_t>(inside), &view)) return 0;
  object->begin = reinterpret_cast<void*>(view.begin);
  object->size = view.bytes;
  return 1;
}

BARTIZAN_EXPORT int bartizan_purge(void) { return bartizan::SelectedAllocator::Trim() ? 1 : 0; }

BARTIZAN_EXPORT int bartizan_get_statistics(bartizan_statistics* statistics) {
  if (statistics->struct_bytes < kFirstVersionBytes) return -1;
  EngineStatistics gathered;
  bartizan::ReadStatistics(&gathered);
  const uint64_t bytes = statistics->struct_bytes;
  std::memset(statistics, 0, bytes);
  statistics->struct_bytes = bytes;
  Fill(gathered, statistics);
  return 0;
}

}  // extern "C"
