// What the engine holds and has done: gauges and counters, read by a walk over its records.
//
// The walk takes no lock and stops nobody: exact where nothing runs meanwhile, close otherwise; the
// common path pays nothing. It is written once, over a reader that copies memory of this process or
// of another one (tools/cli).
#ifndef BARTIZAN_SRC_ENGINE_STATISTICS_H_
#define BARTIZAN_SRC_ENGINE_STATISTICS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "src/engine/catches.h"
#include "src/engine/engine_roots.h"
#include "src/engine/epoch_table.h"
#include "src/engine/handle_table.h"
#include "src/engine/heap.h"
#include "src/engine/large_blocks.h"
#include "src/engine/sample_counters.h"
#include "src/platform/process_counters.h"
#include "src/platform/topology.h"

namespace bartizan {

// Every counter of a heap, once: what statistics add up and writers print.
struct HeapCounterSpec {
  std::string_view name;
  std::atomic<uint64_t> HeapCounters::* member;
  std::string_view help;
};
inline constexpr HeapCounterSpec kHeapCounters[] = {
    {"refills", &HeapCounters::refills, "magazines that were refilled: slow paths of allocation"},
    {"refills_from_ring", &HeapCounters::refills_from_ring,
     "refills by slots that had waited long enough"},
    {"refills_from_remote", &HeapCounters::refills_from_remote,
     "refills by slots that other threads had freed"},
    {"refills_from_parked", &HeapCounters::refills_from_parked,
     "refills by free slots of slabs in use"},
    {"refills_from_uncarved", &HeapCounters::refills_from_uncarved,
     "refills by slots that were never used"},
    {"refused_refills", &HeapCounters::refused_refills,
     "refills for which the system gave no memory, or the class had no address left"},
    {"slabs_taken", &HeapCounters::slabs_taken, "slabs that heaps took"},
    {"slabs_from_pool", &HeapCounters::slabs_from_pool,
     "of these, slabs that were returned before"},
    {"slabs_from_fresh", &HeapCounters::slabs_from_fresh, "of these, slabs of new address space"},
    {"slabs_returned", &HeapCounters::slabs_returned, "slabs whose pages were given back"},
    {"remote_drained", &HeapCounters::remote_drained,
     "frees by other threads that the owner has taken in"},
    {"remote_notices", &HeapCounters::remote_notices,
     "slabs in which a thread freed for others and told the owner"},
    {"ring_spills", &HeapCounters::ring_spills, "full rings that were emptied into their slabs"},
    {"magazine_spills", &HeapCounters::magazine_spills,
     "full magazines that were emptied into their slabs"},
    {"ticks", &HeapCounters::ticks, "looks at the clock"},
    {"purges", &HeapCounters::purges, "looks for memory to give back"},
    {"large_allocations", &HeapCounters::large_allocations, "large blocks allocated"},
    {"large_frees", &HeapCounters::large_frees, "large blocks freed"},
    {"samples", &HeapCounters::samples, "blocks that sampling gave pages of their own"},
    {"shortened_waits", &HeapCounters::shortened_waits,
     "slots given up by the quarantine when memory was refused"},
};
inline constexpr size_t kHeapCounterCount = std::size(kHeapCounters);
static_assert(sizeof(HeapCounters) == kHeapCounterCount * sizeof(uint64_t),
              "every counter has a row");

struct NodeStatistics {
  int number;  // the kernel's
  uint64_t slabs;
  uint64_t slab_bytes;
  uint64_t live_bytes;
  uint64_t committed_bytes;
};

// Of one size class. Every carved slot is counted once: live, quarantined, cached, remote or
// parked.
struct ClassStatistics {
  uint64_t live_blocks;
  uint64_t live_bytes;  // as requested
  uint64_t quarantined_slots;
  uint64_t cached_slots;  // ready in magazines, or held back for others to be drawn from
  uint64_t remote_slots;  // freed by other threads, not yet seen by the owner
  uint64_t parked_slots;  // free, in their slabs only
  uint64_t committed_bytes;
  uint64_t idle_bytes;   // of these, in slots that are neither live, nor wait, nor are cached
  uint32_t empty_slabs;  // no slot is live
  uint32_t full_slabs;   // some are, and none is free
  uint32_t partly_used_slabs;
  uint32_t pooled_slabs;  // without owner and pages

  uint32_t slabs() const { return full_slabs + partly_used_slabs + empty_slabs; }
};

// Of one epoch (epochs.h).
struct EpochStatistics {
  uint32_t id;
  uint64_t era;
  char label[kEpochLabelBytes];
  bool closing;
  uint32_t scopes;
  uint64_t age_ms;  // since it was opened
  uint64_t slabs;
  uint64_t live_blocks;
  uint64_t live_bytes;
  uint64_t committed_bytes;
};
inline constexpr uint32_t kEpochsShown = 32;

// Of kHistograms, as estimated: how many blocks there were by bucket, and the sum of what they had.
struct HistogramStatistics {
  uint64_t blocks[kMostBuckets];
  uint64_t sum;

  uint64_t count() const {
    uint64_t all = 0;
    for (const uint64_t in_bucket : blocks) all += in_bucket;
    return all;
  }
};

struct EngineStatistics {
  bool incomplete;  // something could not be read
  uint64_t small_live_blocks;
  uint64_t small_live_bytes;         // as requested
  uint64_t small_quarantined_bytes;  // whole slots
  uint64_t small_cached_bytes;
  uint64_t small_free_bytes;  // parked, or freed by others and not yet seen
  uint64_t slabs;             // owned by heaps
  uint64_t slab_bytes;
  uint64_t pooled_slabs;     // without pages
  uint64_t committed_bytes;  // carved parts of slabs, large blocks, cached large blocks
  uint64_t heaps;
  uint64_t attached_heaps;               // of these, the ones that a thread works with
  uint64_t counters[kHeapCounterCount];  // of all heaps, in the order of kHeapCounters
  LargeStatistics large;
  uint64_t guarded;  // whether guard_pages is on
  uint64_t unguarded_slabs;
  uint64_t refused_node_bindings;
  uint64_t contended_locks;
  uint64_t slept_locks;
  uint64_t container_limit;  // 0: none
  uint64_t container_used;
  uint64_t container_shrinks;
  struct {
    uint64_t made;
    uint64_t failed;
  } calls[platform::kSystemCalls];
  uint32_t nodes;
  NodeStatistics node[platform::kMaxNodes];
  ClassStatistics classes[kClasses];
  uint64_t open_epochs;
  uint64_t closing_epochs;
  uint32_t epochs_shown;
  EpochStatistics epochs[kEpochsShown];  // the oldest ones, that one first
  uint64_t catches[kCatchers];           // what was caught, by CatcherName
  HandleCounts handles;
  HistogramStatistics histograms[kHistogramCount];  // in the order of kHistograms
  uint64_t peak_bytes;  // the most that was live, estimated from samples; 0: there were none

  uint64_t AllCatches() const {
    uint64_t sum = 0;
    for (const uint64_t of_one : catches) sum += of_one;
    return sum;
  }
  const HistogramStatistics& Of(Sampled what) const {
    return histograms[static_cast<size_t>(what)];
  }

  uint64_t Counter(std::atomic<uint64_t> HeapCounters::* member) const {
    for (size_t i = 0; i < kHeapCounterCount; ++i) {
      if (kHeapCounters[i].member == member) return counters[i];
    }
    return 0;
  }
  // Slabs and large blocks without the guard that the layer promises.
  uint64_t DegradedGuards() const {
    return guarded != 0 ? unguarded_slabs + large.unguarded_blocks : 0;
  }
};

// Of one heap, which is a thread's cache. Slots are counted as its bins say.
struct HeapStatistics {
  HeapId id;
  bool attached;
  uint32_t node;
  uint64_t cached_bytes;
  uint64_t quarantined_bytes;
  uint64_t slabs;
  uint64_t slab_bytes;
  uint64_t empty_bytes;  // of that, in slabs without a slot in use
  uint64_t counters[kHeapCounterCount];
};

// Copies memory. False: it cannot be read. May be called with any address.
struct MemoryReader {
  bool (*read)(void* context, uintptr_t from, void* to, size_t bytes);
  void* context;

  bool operator()(uintptr_t from, void* to, size_t bytes) const {
    return read(context, from, to, bytes);
  }
};

// Of the sizes and places that this build's walk takes for granted.
uint64_t LayoutFingerprint();

// The walk. `roots` were checked against LayoutFingerprint(); whatever else is read may be
// anything.
void WalkStatistics(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out);
// False: there is no such heap (any more), or it cannot be read.
bool WalkHeap(const MemoryReader& memory, const EngineRoots& roots, HeapId id, HeapStatistics* out);

// Of this process. Takes no lock and allocates nothing; all zero where the engine cannot start.
void ReadStatistics(EngineStatistics* out);
bool ReadHeapStatistics(HeapId id, HeapStatistics* out);

// Bytes of slabs and large blocks that are in memory now, from the kernel: a system call for each.
uint64_t ReadResidentBytes();
// Of a range that may have holes: what cannot be told counts as not in memory.
uint64_t ResidentBytes(uintptr_t begin, size_t bytes);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_STATISTICS_H_
