// What tells a tool that it was built from other records than the process it looks at.
#include <cstddef>

#include "src/engine/statistics.h"
#include "src/metadata/address_map.h"
#include "src/metadata/stack_table.h"

namespace bartizan {

uint64_t LayoutFingerprint() {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, by words
  const auto add = [&hash](uint64_t n) { hash = (hash ^ n) * 0x100000001b3; };
  for (const size_t bytes : {sizeof(EngineRoots),
                             sizeof(Heap),
                             sizeof(BinSet),
                             sizeof(Bin),
                             sizeof(BinReserve),
                             sizeof(HeapCounters),
                             sizeof(Slab),
                             sizeof(Epoch),
                             sizeof(ClassRegion),
                             sizeof(LargeStatistics),
                             sizeof(platform::ProcessCounters),
                             sizeof(StackTable),
                             sizeof(CatchCounters),
                             sizeof(SampleCounters),
                             sizeof(HandleTable),
                             sizeof(LargeBlock),
                             sizeof(Sample),
                             kRegionBytes,
                             kSlabGuardBytes,
                             kUnitBytes}) {
    add(bytes);
  }
  for (const size_t offset : {offsetof(Slab, uncarved),          offsetof(Slab, node),
                              offsetof(Slab, dropped),           offsetof(Slab, epoch),
                              offsetof(Epoch, opened_ms),        offsetof(Epoch, scopes),
                              offsetof(Epoch, closing),          offsetof(Epoch, label),
                              offsetof(Epoch, large_blocks),     offsetof(ClassRegion, states),
                              offsetof(ClassRegion, limit),      offsetof(ClassRegion, next_slab),
                              offsetof(ClassRegion, pool_slabs), offsetof(Bin, next),
                              offsetof(Bin, ring_next),          offsetof(Bin, bottom),
                              offsetof(BinReserve, ring),        offsetof(BinReserve, ring_end),
                              offsetof(BinReserve, ring_tail),   offsetof(BinReserve, held),
                              offsetof(BinReserve, slabs),       offsetof(RangeNode, left),
                              offsetof(Sample, allocation),      offsetof(SampleEvent, stack)}) {
    add(offset);
  }
  for (const uint32_t bytes : kClassBytes) add(bytes);
  return hash;
}

}  // namespace bartizan
