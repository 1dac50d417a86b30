#include "bartizan/bartizan.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "src/base/compiler.h"
#include "src/engine/find_object.h"
#include "src/engine/statistics.h"
#include "src/options/option_table.h"
#include "src/options/sealed_page.h"
#include "src/options/version.h"
#include "src/report/own_statistics.h"

using bartizan::EngineStatistics;
using bartizan::HeapCounters;

namespace {

constexpr size_t kFirstVersionBytes = offsetof(bartizan_statistics, slab_bytes);
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
  to->refills = from.Counter(&HeapCounters::refills);
  to->remote_frees = from.Counter(&HeapCounters::remote_drained);
  to->slabs_returned = from.Counter(&HeapCounters::slabs_returned);
  to->degraded_guards = from.DegradedGuards();
  to->shortened_waits = from.Counter(&HeapCounters::shortened_waits);
  to->nodes = from.nodes;
  for (uint32_t i = 0; i < from.nodes; ++i) {
    to->node_slab_bytes[i < kNodesShown ? i : kNodesShown - 1] += from.node[i].slab_bytes;
  }
}

// The members that the second version added.
void FillFurther(const EngineStatistics& from, bartizan_statistics* to) {
  to->slab_bytes = from.slab_bytes;
  for (const bartizan::ClassStatistics& of : from.classes) {
    to->idle_bytes += of.idle_bytes;
    to->full_slabs += of.full_slabs;
    to->partly_used_slabs += of.partly_used_slabs;
    to->empty_slabs += of.empty_slabs;
  }
  to->pooled_slabs = from.pooled_slabs;
  to->attached_heaps = from.attached_heaps;
  to->large_mapped_bytes = from.large.mapped_bytes;
  to->large_cached_bytes = from.large.cached_bytes;
  to->large_stuck_bytes = from.large.stuck_bytes;
  to->sampled_blocks = from.large.sampled_blocks;
  constexpr struct {
    uint64_t bartizan_statistics::* to;
    std::atomic<uint64_t> HeapCounters::* from;
  } kCounters[] = {
      {&bartizan_statistics::refills_from_ring, &HeapCounters::refills_from_ring},
      {&bartizan_statistics::refills_from_remote, &HeapCounters::refills_from_remote},
      {&bartizan_statistics::refills_from_parked, &HeapCounters::refills_from_parked},
      {&bartizan_statistics::refills_from_uncarved, &HeapCounters::refills_from_uncarved},
      {&bartizan_statistics::refused_refills, &HeapCounters::refused_refills},
      {&bartizan_statistics::slabs_taken, &HeapCounters::slabs_taken},
      {&bartizan_statistics::slabs_from_pool, &HeapCounters::slabs_from_pool},
      {&bartizan_statistics::remote_notices, &HeapCounters::remote_notices},
      {&bartizan_statistics::ring_spills, &HeapCounters::ring_spills},
      {&bartizan_statistics::magazine_spills, &HeapCounters::magazine_spills},
      {&bartizan_statistics::ticks, &HeapCounters::ticks},
      {&bartizan_statistics::purges, &HeapCounters::purges},
      {&bartizan_statistics::large_allocations, &HeapCounters::large_allocations},
      {&bartizan_statistics::large_frees, &HeapCounters::large_frees},
      {&bartizan_statistics::samples, &HeapCounters::samples},
  };
  for (const auto& counter : kCounters) to->*counter.to = from.Counter(counter.from);
  for (const auto& call : from.calls) {
    to->system_calls += call.made;
    to->failed_system_calls += call.failed;
  }
  to->contended_locks = from.contended_locks;
  to->slept_locks = from.slept_locks;
  to->container_limit_bytes = from.container_limit;
  to->container_used_bytes = from.container_used;
  to->container_shrinks = from.container_shrinks;
  to->catches = from.AllCatches();
  to->live_handles = from.handles.live;
  to->handle_pins = from.handles.pins;
  to->retired_handles = from.handles.retired;
  to->handle_table_bytes = from.handles.table_bytes;
  const bartizan::HistogramStatistics& sizes = from.Of(bartizan::Sampled::kSize);
  to->allocated_blocks = sizes.count();
  to->allocated_bytes = sizes.sum;
  to->peak_live_bytes = from.peak_bytes;
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
  bartizan_statistics filled = {};
  Fill(gathered, &filled);
  FillFurther(gathered, &filled);
  filled.struct_bytes = statistics->struct_bytes;
  // The caller knows fewer members, or more.
  const size_t known = std::min<size_t>(filled.struct_bytes, sizeof filled);
  std::memset(statistics, 0, filled.struct_bytes);
  std::memcpy(statistics, &filled, known);
  return 0;
}

BARTIZAN_EXPORT size_t bartizan_statistics_json(char* buffer, size_t size) {
  return bartizan::WriteOwnStatistics(bartizan::WriteStatisticsJson, buffer, size);
}

BARTIZAN_EXPORT size_t bartizan_statistics_prometheus(char* buffer, size_t size) {
  return bartizan::WriteOwnStatistics(bartizan::WriteOnePrometheus, buffer, size);
}

BARTIZAN_EXPORT uint64_t bartizan_resident_bytes(void) { return bartizan::ReadResidentBytes(); }

}  // extern "C"
