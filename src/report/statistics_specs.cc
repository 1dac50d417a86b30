// The gauges, each once.
#include "src/report/statistics_writer.h"

namespace bartizan {
namespace {

using S = EngineStatistics;
using C = ClassStatistics;

constexpr TotalSpec kTotals[] = {
    {"live_blocks", "blocks in use",
     [](const S& s) { return s.small_live_blocks + uint64_t{s.large.live_blocks}; }},
    {"live_bytes", "bytes in use, as requested",
     [](const S& s) { return s.small_live_bytes + uint64_t{s.large.live_bytes}; }},
    {"quarantined_bytes", "freed slots that wait",
     [](const S& s) { return s.small_quarantined_bytes; }},
    {"cached_bytes", "free slots in thread caches, and cached large blocks",
     [](const S& s) { return s.small_cached_bytes + uint64_t{s.large.cached_bytes}; }},
    {"free_bytes", "other free slots", [](const S& s) { return s.small_free_bytes; }},
    {"committed_bytes", "memory that may be resident: used slots and large blocks",
     [](const S& s) { return s.committed_bytes; }},
    {"idle_bytes", "committed bytes of slots that are free and not cached",
     [](const S& s) {
       uint64_t sum = 0;
       for (const C& c : s.classes) sum += c.idle_bytes;
       return sum;
     }},
    {"slab_bytes", "address space of the slabs of heaps", [](const S& s) { return s.slab_bytes; }},
    {"slabs", "slabs of heaps", [](const S& s) { return s.slabs; }},
    {"pooled_slabs", "slabs without a heap and without pages",
     [](const S& s) { return s.pooled_slabs; }},
    {"heaps", "heaps, each the cache of one thread", [](const S& s) { return s.heaps; }},
    {"attached_heaps", "heaps that a thread works with now",
     [](const S& s) { return s.attached_heaps; }},
    {"open_epochs", "epochs that take blocks", [](const S& s) { return s.open_epochs; }},
    {"closing_epochs", "epochs that are closed and still have blocks or scopes",
     [](const S& s) { return s.closing_epochs; }},
};

constexpr TotalSpec kLargeTotals[] = {
    {"live_blocks", "large blocks in use",
     [](const S& s) { return uint64_t{s.large.live_blocks}; }},
    {"live_bytes", "bytes of large blocks in use, as requested",
     [](const S& s) { return uint64_t{s.large.live_bytes}; }},
    {"mapped_bytes", "mappings of large blocks in use",
     [](const S& s) { return uint64_t{s.large.mapped_bytes}; }},
    {"sampled_blocks", "large blocks in use that are samples",
     [](const S& s) { return uint64_t{s.large.sampled_blocks}; }},
    {"cached_bytes", "mappings of freed large blocks that are kept for reuse",
     [](const S& s) { return uint64_t{s.large.cached_bytes}; }},
    {"waiting_bytes", "address space of freed large blocks that waits, inaccessible",
     [](const S& s) { return uint64_t{s.large.waiting_bytes}; }},
    {"stuck_bytes", "mappings without pages that the kernel would not unmap",
     [](const S& s) { return uint64_t{s.large.stuck_bytes}; }},
};

constexpr TotalSpec kHandleTotals[] = {
    {"live", "handles that resolve", [](const S& s) { return s.handles.live; }},
    {"pins", "pins of handles", [](const S& s) { return s.handles.pins; }},
    {"pinned_after_free", "freed handles whose blocks stay until the last unpin",
     [](const S& s) { return s.handles.pinned_after_free; }},
    {"retired", "entries of the table that are issued no more",
     [](const S& s) { return s.handles.retired; }},
    {"entries", "entries of the table that were ever used",
     [](const S& s) { return s.handles.entries; }},
    {"most_entries", "entries that the table may have",
     [](const S& s) { return s.handles.most_entries; }},
    {"table_bytes", "address space of the table that is mapped for use",
     [](const S& s) { return s.handles.table_bytes; }},
};

constexpr TotalSpec kSamplingTotals[] = {
    {"peak_bytes", "the most bytes that were in use at a time, estimated from samples",
     [](const S& s) { return s.peak_bytes; }},
};

constexpr TotalSpec kDegradations[] = {
    {"guards", "slabs and large blocks without the guard that guard_pages promises",
     [](const S& s) { return s.DegradedGuards(); }},
    {"waits", "slots given up by the quarantine when memory was refused",
     [](const S& s) { return s.Counter(&HeapCounters::shortened_waits); }},
    {"node_bindings", "ranges for which the system refused a memory node",
     [](const S& s) { return s.refused_node_bindings; }},
};

constexpr TotalSpec kContainerTotals[] = {
    {"limit_bytes", "memory that the container allows, when it was last looked at; 0: no limit",
     [](const S& s) { return s.container_limit; }},
    {"used_bytes", "memory of the container that the kernel cannot take back at once",
     [](const S& s) { return s.container_used; }},
};

constexpr ClassSpec kClassGauges[] = {
    {"live_blocks", "blocks in use", [](const C& c) { return c.live_blocks; }},
    {"live_bytes", "bytes in use, as requested", [](const C& c) { return c.live_bytes; }},
    {"quarantined_slots", "freed slots that wait", [](const C& c) { return c.quarantined_slots; }},
    {"cached_slots", "free slots in thread caches", [](const C& c) { return c.cached_slots; }},
    {"remote_slots", "slots that other threads freed and the owner has not seen",
     [](const C& c) { return c.remote_slots; }},
    {"parked_slots", "other free slots that were used before",
     [](const C& c) { return c.parked_slots; }},
    {"committed_bytes", "memory that may be resident",
     [](const C& c) { return c.committed_bytes; }},
    {"idle_bytes", "of that, slots that are free and not cached",
     [](const C& c) { return c.idle_bytes; }},
    {"full_slabs", "slabs with blocks in use and no free slot",
     [](const C& c) { return uint64_t{c.full_slabs}; }},
    {"partly_used_slabs", "slabs with blocks in use and free slots",
     [](const C& c) { return uint64_t{c.partly_used_slabs}; }},
    {"empty_slabs", "slabs of heaps without a block in use",
     [](const C& c) { return uint64_t{c.empty_slabs}; }},
    {"pooled_slabs", "slabs without a heap and without pages",
     [](const C& c) { return uint64_t{c.pooled_slabs}; }},
};

}  // namespace

TotalSpecs Totals() { return {std::begin(kTotals), std::end(kTotals)}; }
TotalSpecs LargeTotals() { return {std::begin(kLargeTotals), std::end(kLargeTotals)}; }
TotalSpecs HandleTotals() { return {std::begin(kHandleTotals), std::end(kHandleTotals)}; }
TotalSpecs SamplingTotals() { return {std::begin(kSamplingTotals), std::end(kSamplingTotals)}; }
TotalSpecs Degradations() { return {std::begin(kDegradations), std::end(kDegradations)}; }
TotalSpecs ContainerTotals() { return {std::begin(kContainerTotals), std::end(kContainerTotals)}; }
ClassSpecs ClassGauges() { return {std::begin(kClassGauges), std::end(kClassGauges)}; }

}  // namespace bartizan
