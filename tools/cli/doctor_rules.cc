#include "tools/cli/doctor_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/cli/top_table.h"

namespace bartizan::cli {
namespace {

using Found = std::vector<Diagnosis>;

// Less is not worth anybody's time.
constexpr uint64_t kWorthMentioning = 4 * kMiB;
constexpr uint64_t kWorthCounting = 10'000;

uint64_t Percent(uint64_t part, uint64_t whole) {
  return whole < 100 ? 0 : std::min<uint64_t>(part / (whole / 100), 100);
}
bool IsShare(uint64_t part, uint64_t whole, uint64_t percent) {
  return part >= kWorthMentioning && Percent(part, whole) >= percent;
}

void Incomplete(const Patient& patient, Found* found) {
  if (!patient.statistics.incomplete) return;
  found->push_back(
      {"incomplete", "not everything could be read: numbers may be too small",
       "look again; if it stays, the process may have damaged the allocator's records"});
}

// Whatever else there is: who goes on with a damaged heap may be under attack.
void Catches(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  const uint64_t all = statistics.AllCatches();
  if (all == 0) return;
  std::string what =
      absl::StrCat(all, all == 1 ? " heap error was" : " heap errors were",
                   " caught, and the process GOES ON all the same; what its heap holds cannot be "
                   "trusted. Caught by:");
  for (size_t i = 0; i < kCatchers; ++i) {
    if (statistics.catches[i] == 0) continue;
    absl::StrAppend(&what, " ", std::string(CatcherName(i)), " (", statistics.catches[i], ")");
  }
  found->push_back({"catches", std::move(what),
                    "read its reports (where report_file and report_to say), mend the program, and "
                    "restart it; on_error=continue is for programs that are being mended"});
}

void Handles(const Patient& patient, Found* found) {
  constexpr uint64_t kShare = 75;
  const HandleCounts& handles = patient.statistics.handles;
  const uint64_t taken = handles.live + handles.pinned_after_free + handles.retired;
  if (taken < kWorthCounting || Percent(taken, handles.most_entries) < kShare) return;
  found->push_back({"handles",
                    absl::StrCat(taken, " of ", handles.most_entries,
                                 " entries of the handle table are live or retired (",
                                 handles.retired, "): soon there will be no handle left"),
                    "look for handles that are never freed; entries are retired in children of "
                    "fork: allocate handles after the fork, not before"});
}

void Guards(const Patient& patient, Found* found) {
  const uint64_t missing = patient.statistics.DegradedGuards();
  if (missing == 0) return;
  found->push_back(
      {"guards",
       absl::StrCat(missing,
                    " slabs and large blocks have no guard: overflows out of "
                    "them are not stopped at once"),
       "raise vm.max_map_count (sysctl), or run Linux 6.13 or later, whose guards need "
       "no mappings"});
}

void RefusedMemory(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  const uint64_t refused = statistics.Counter(&HeapCounters::refused_refills);
  const uint64_t shortened = statistics.Counter(&HeapCounters::shortened_waits);
  if (refused == 0 && shortened == 0) return;
  found->push_back({"refused_memory",
                    absl::StrCat("the system refused memory ", refused, " times; ", shortened,
                                 " freed slots left the quarantine before their time"),
                    "raise the process's limit (ulimit -v, memory.max), or lower what it holds: "
                    "quarantine, large_quarantine, large_cache"});
}

void Container(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  if (statistics.container_shrinks == 0) return;
  found->push_back({"container",
                    absl::StrCat("caches and quarantine shrank ", statistics.container_shrinks,
                                 " times because the container was near its limit; it uses ",
                                 ShortBytes(statistics.container_used), " of ",
                                 ShortBytes(statistics.container_limit)),
                    "raise the container's memory.max or memory.high, or run less in it"});
}

void Mappings(const Patient& patient, Found* found) {
  const uint64_t stuck = patient.statistics.large.stuck_bytes;
  if (stuck == 0) return;
  found->push_back({"mappings",
                    absl::StrCat(ShortBytes(stuck),
                                 " of address space could not be unmapped: the "
                                 "process has no mappings left"),
                    "raise vm.max_map_count (sysctl)"});
}

void Nodes(const Patient& patient, Found* found) {
  const uint64_t refused = patient.statistics.refused_node_bindings;
  if (refused == 0) return;
  found->push_back({"nodes",
                    absl::StrCat("the system refused a memory node ", refused,
                                 " times: memory may be far from its threads"),
                    "allow mbind in the sandbox, or set numa=off"});
}

void Fragmentation(const Patient& patient, Found* found) {
  constexpr uint64_t kShareOfClass = 25;
  for (ClassId id = 1; id < kClasses; ++id) {
    const ClassStatistics& of = patient.statistics.classes[id];
    if (!IsShare(of.idle_bytes, of.committed_bytes, kShareOfClass)) continue;
    found->push_back(
        {"fragmentation",
         absl::StrCat("blocks of up to ", kClassBytes[id], " bytes: ", ShortBytes(of.idle_bytes),
                      " of ", ShortBytes(of.committed_bytes),
                      " are free and cannot be given back: ", of.live_blocks,
                      " blocks lie scattered over ", of.partly_used_slabs, " partly used slabs"),
         "keep long-lived blocks of this size apart from short-lived ones: allocate them together, "
         "early, or free them together"});
  }
}

void Quarantine(const Patient& patient, Found* found) {
  constexpr uint64_t kShare = 25;
  const EngineStatistics& statistics = patient.statistics;
  if (!IsShare(statistics.small_quarantined_bytes, statistics.committed_bytes, kShare)) return;
  found->push_back({"quarantine",
                    absl::StrCat(ShortBytes(statistics.small_quarantined_bytes), " of ",
                                 ShortBytes(statistics.committed_bytes), " wait in quarantine, in ",
                                 statistics.heaps, " thread caches"),
                    absl::StrCat("set quarantine lower (now ", patient.info.quarantine_bytes,
                                 " bytes for each thread and size class), or use fewer threads")});
}

void CachesTooLarge(const Patient& patient, Found* found) {
  constexpr uint64_t kShare = 25;
  const EngineStatistics& statistics = patient.statistics;
  if (!IsShare(statistics.small_cached_bytes, statistics.committed_bytes, kShare)) return;
  found->push_back({"caches_too_large",
                    absl::StrCat(ShortBytes(statistics.small_cached_bytes), " of ",
                                 ShortBytes(statistics.committed_bytes),
                                 " rest in thread caches, of which there are ", statistics.heaps),
                    "use fewer threads, or call malloc_trim(0) when a burst of work is over"});
}

void CachesOfEndedThreads(const Patient& patient, Found* found) {
  constexpr uint64_t kShare = 10;
  uint64_t held = 0;
  uint64_t idle = 0;
  for (const HeapStatistics& heap : patient.heaps) {
    if (heap.attached) continue;
    ++idle;
    held += heap.cached_bytes + heap.quarantined_bytes;
  }
  if (!IsShare(held, patient.statistics.committed_bytes, kShare)) return;
  found->push_back(
      {"caches_of_ended_threads",
       absl::StrCat(idle, " thread caches without a thread hold ", ShortBytes(held)),
       "keep threads for longer (a pool), or call malloc_trim(0) after many have ended"});
}

// Slots that go from full caches to slabs and come back from there at the next refill.
void CachesTooSmall(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  const uint64_t spills = statistics.Counter(&HeapCounters::ring_spills) +
                          statistics.Counter(&HeapCounters::magazine_spills);
  const uint64_t refills = statistics.Counter(&HeapCounters::refills);
  const uint64_t back = statistics.Counter(&HeapCounters::refills_from_parked);
  if (spills < kWorthCounting || back < kWorthCounting || back < refills / 4) return;
  found->push_back({"caches_too_small",
                    absl::StrCat("thread caches overflowed ", spills, " times, and ", back, " of ",
                                 refills, " refills brought the same slots back"),
                    absl::StrCat("set quarantine higher (now ", patient.info.quarantine_bytes,
                                 " bytes): bursts of frees then stay in the cache")});
}

void LargeCacheTooSmall(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  const uint64_t allocated = statistics.Counter(&HeapCounters::large_allocations);
  const auto unmap = static_cast<size_t>(platform::SystemCall::kUnmap);
  const uint64_t unmapped = statistics.calls[unmap].made;
  if (allocated < kWorthCounting || unmapped < allocated / 2) return;
  found->push_back(
      {"large_cache_too_small",
       absl::StrCat(allocated, " large blocks were allocated and ", unmapped,
                    " mappings given back: large blocks come and go by system calls"),
       absl::StrCat("set large_cache higher (now ", ShortBytes(patient.info.large_cache_bytes),
                    "), or keep such blocks for reuse")});
}

void LargeCacheTooLarge(const Patient& patient, Found* found) {
  constexpr uint64_t kShare = 25;
  const EngineStatistics& statistics = patient.statistics;
  if (!IsShare(statistics.large.cached_bytes, statistics.committed_bytes, kShare)) return;
  found->push_back(
      {"large_cache_too_large",
       absl::StrCat(ShortBytes(statistics.large.cached_bytes), " of ",
                    ShortBytes(statistics.committed_bytes),
                    " are freed large blocks that are kept for reuse"),
       absl::StrCat("set large_cache (now ", ShortBytes(patient.info.large_cache_bytes),
                    ") or decay (now ", patient.info.decay_ms, " ms) lower")});
}

// Slabs whose pages are given back and faulted in again.
void DecayTooShort(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  const uint64_t returned = statistics.Counter(&HeapCounters::slabs_returned);
  const uint64_t again = statistics.Counter(&HeapCounters::slabs_from_pool);
  const uint64_t refills = statistics.Counter(&HeapCounters::refills);
  if (again < kWorthCounting || again < returned / 2 || again < refills / 20) return;
  found->push_back({"decay_too_short",
                    absl::StrCat(returned, " slabs were given back, and ", again, " taken again"),
                    absl::StrCat("set decay longer (now ", patient.info.decay_ms, " ms)")});
}

void Contention(const Patient& patient, Found* found) {
  const EngineStatistics& statistics = patient.statistics;
  const uint64_t slow = SlowPathsOf(statistics);
  if (statistics.slept_locks < kWorthCounting || statistics.slept_locks < slow / 20) return;
  found->push_back({"contention",
                    absl::StrCat("threads slept ", statistics.slept_locks, " times for a lock in ",
                                 slow, " slow paths"),
                    "large blocks have one lock: let fewer threads allocate and free blocks above "
                    "128 KiB at the same time, or keep such blocks for reuse"});
}

// Whoever knows the number knows where blocks will lie, and forges canaries.
void Seeded(const Patient& patient, Found* found) {
  if (patient.info.seed == 0) return;
  found->push_back({"seed",
                    absl::StrCat("every random choice and secret follows from the number ",
                                 patient.info.seed, ": an attacker can foretell them"),
                    "leave out seed= except to replay a failure"});
}

// A phase of a program's life that has no end is a leak with a name.
void OldEpochs(const Patient& patient, Found* found) {
  constexpr uint64_t kOldMs = 600'000;
  for (uint32_t i = 0; i < patient.statistics.epochs_shown; ++i) {
    const EpochStatistics& epoch = patient.statistics.epochs[i];
    if (epoch.age_ms < kOldMs || epoch.live_bytes < kWorthMentioning) continue;
    found->push_back(
        {"old_epochs",
         absl::StrCat("epoch '", epoch.label, "' (", epoch.id, ", era ", epoch.era, ") was opened ",
                      epoch.age_ms / 60'000, " minutes ago and ",
                      epoch.closing ? "still holds " : "is open with ", epoch.live_blocks,
                      " blocks of ", ShortBytes(epoch.live_bytes)),
         epoch.closing ? "look for the blocks that outlive it, or release it with all of them"
                       : "close it when its phase ends (bartizan_epoch_close), or open a new one "
                         "for each request or batch"});
  }
}

constexpr DoctorRule kRules[] = {
    {"incomplete", Incomplete},
    {"catches", Catches},
    {"guards", Guards},
    {"refused_memory", RefusedMemory},
    {"container", Container},
    {"mappings", Mappings},
    {"fragmentation", Fragmentation},
    {"old_epochs", OldEpochs},
    {"quarantine", Quarantine},
    {"caches_too_large", CachesTooLarge},
    {"caches_of_ended_threads", CachesOfEndedThreads},
    {"caches_too_small", CachesTooSmall},
    {"large_cache_too_small", LargeCacheTooSmall},
    {"large_cache_too_large", LargeCacheTooLarge},
    {"decay_too_short", DecayTooShort},
    {"contention", Contention},
    {"handles", Handles},
    {"nodes", Nodes},
    {"seed", Seeded},
};

}  // namespace

absl::Span<const DoctorRule> DoctorRules() { return kRules; }

std::vector<Diagnosis> Examine(const Patient& patient) {
  Found found;
  for (const DoctorRule& rule : kRules) rule.examine(patient, &found);
  return found;
}

}  // namespace bartizan::cli
