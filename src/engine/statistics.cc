#include "src/engine/statistics.h"

#include <algorithm>

#include "src/engine/heap_registry.h"
#include "src/engine/runtime.h"
#include "src/metadata/address_map.h"
#include "src/metadata/stack_table.h"
#include "src/platform/memory.h"
#include "src/platform/racing_copy.h"

namespace bartizan {
namespace {

bool CopyHere(void*, uintptr_t from, void* to, size_t bytes) {
  if (from == 0) return false;
  platform::CopyRacing(to, reinterpret_cast<const void*>(from), bytes);
  return true;
}

constexpr MemoryReader kThisProcess = {CopyHere, nullptr};

}  // namespace

uint64_t ResidentBytes(uintptr_t begin, size_t bytes) {
  constexpr size_t kPagesAtATime = 1024;
  unsigned char pages[kPagesAtATime];
  uint64_t resident = 0;
  while (bytes != 0) {
    const size_t part = std::min(bytes, kPagesAtATime * platform::kPageBytes);
    if (platform::ResidentPages(begin, part, pages)) {
      const size_t count = part / platform::kPageBytes;
      for (size_t i = 0; i < count; ++i) resident += (pages[i] & 1) * platform::kPageBytes;
    }
    begin += part;
    bytes -= part;
  }
  return resident;
}

namespace {

template <class T>
platform::AddressRange RangeOf(const T& variable) {
  const auto begin = reinterpret_cast<uintptr_t>(&variable);
  return {begin, begin + sizeof variable};
}

}  // namespace

EngineRoots MakeRoots() {
  const registry::Places heaps = registry::HeapPlaces();
  const LargeBlocks::Places large = g_large_blocks.places();
  const EpochTable::Places epochs = g_epochs.places();
  const platform::NodeTable nodes = platform::Nodes();
  return {.magic = kEngineRootsMagic,
          .layout = kEngineLayout,
          .bytes = sizeof(EngineRoots),
          .fingerprint = LayoutFingerprint(),
          .regions = g_address_map.regions(),
          .slabs = g_address_map.records(),
          .heaps = heaps.heaps,
          .heap_limit = heaps.limit,
          .large = large.statistics,
          .large_waiting_bytes = large.waiting_bytes,
          .large_lowest = large.lowest,
          .large_highest = large.highest,
          .process = &platform::g_process_counters,
          .unguarded_slabs = kComposition.unguarded_slabs,
          .epochs = epochs.records,
          .epoch_limit = epochs.limit,
          .node_count = nodes.count,
          .node_numbers = nodes.numbers,
          .layout_range = g_address_map.layout(),
          .trailer_bytes = g_runtime.trailer_bytes,
          .toggles = TogglesInForce(),
          .stacks = &g_stack_table,
          .catches = &g_catches,
          .samples = &g_sample_counters,
          .handles = &g_handle_table,
          .large_live = large.live,
          .large_cached = large.cached,
          .large_cached_count = large.cached_count,
          .large_lock = large.lock,
          .samples_begin = large.samples_begin,
          .samples_bytes = large.samples_bytes,
          .variables = {RangeOf(g_large_blocks), RangeOf(g_address_map), RangeOf(g_runtime)}};
}

void ReadStatistics(EngineStatistics* out) {
  if (!EnsureStarted()) {
    *out = {};
    return;
  }
  WalkStatistics(kThisProcess, g_runtime.roots, out);
}

bool ReadHeapStatistics(HeapId id, HeapStatistics* out) {
  if (!EnsureStarted() || id >= registry::HeapLimit()) return false;
  return WalkHeap(kThisProcess, g_runtime.roots, id, out);
}

uint64_t ReadResidentBytes() {
  if (!EnsureStarted()) return 0;
  uint64_t resident = 0;
  for (ClassId id = kZeroClass + 1; id < kClasses; ++id) {
    ClassRegion& region = g_address_map.region(id);
    const size_t limit = region.limit.load(std::memory_order_acquire);
    for (size_t offset = 0; offset < limit; offset += SlabBytes(id)) {
      if (g_address_map.OwnerAt(id, offset) == kNoHeap) continue;
      resident += ResidentBytes(region.base + offset, SlabBytes(id));
    }
  }
  return resident + g_large_blocks.ResidentBytes(ResidentBytes);
}

}  // namespace bartizan
