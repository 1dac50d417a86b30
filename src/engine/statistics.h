// Gauges of the engine. Reading them walks the slabs: exact where nothing runs meanwhile, close
// otherwise; the common path pays nothing.
#ifndef BARTIZAN_SRC_ENGINE_STATISTICS_H_
#define BARTIZAN_SRC_ENGINE_STATISTICS_H_

#include <cstddef>
#include <cstdint>

#include "src/engine/large_blocks.h"
#include "src/platform/topology.h"

namespace bartizan {

struct NodeStatistics {
  uint64_t slabs;
  uint64_t slab_bytes;
};

struct EngineStatistics {
  uint64_t small_live_blocks;
  uint64_t small_live_bytes;         // as requested
  uint64_t small_quarantined_bytes;  // whole slots
  uint64_t small_cached_bytes;       // in magazines
  uint64_t small_free_bytes;         // parked, or freed by others and not yet seen
  uint64_t slabs;                    // owned by heaps
  uint64_t slab_bytes;
  uint64_t pooled_slabs;     // without pages
  uint64_t committed_bytes;  // carved parts of slabs, large blocks, cached large blocks
  uint64_t heaps;
  uint64_t refills;
  uint64_t remote_frees_drained;
  uint64_t slabs_taken;
  uint64_t slabs_returned;
  uint64_t shortened_waits;
  uint64_t unguarded_slabs;
  uint64_t refused_node_bindings;
  LargeStatistics large;
  uint32_t nodes;
  NodeStatistics node[platform::kMaxNodes];
};

void ReadStatistics(EngineStatistics* out);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_STATISTICS_H_
