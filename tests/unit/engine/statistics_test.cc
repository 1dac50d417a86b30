// The walk over the engine's records: it counts every slot once, and survives whatever it reads.
#include "src/engine/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "src/api/embedded.h"
#include "src/engine/heap_registry.h"
#include "src/engine/runtime.h"
#include "tests/support/random.h"

namespace bartizan {
namespace {

EngineStatistics Now() {
  EngineStatistics statistics;
  ReadStatistics(&statistics);
  EXPECT_FALSE(statistics.incomplete);
  return statistics;
}

const ClassStatistics& OfSize(const EngineStatistics& statistics, size_t bytes) {
  return statistics.classes[ClassOf(bytes + g_runtime.trailer_bytes)];
}

TEST(Statistics, CountBlocksInTheirClass) {
  const EngineStatistics before = Now();
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(bartizan_malloc(300));
  const EngineStatistics now = Now();
  EXPECT_EQ(OfSize(now, 300).live_blocks - OfSize(before, 300).live_blocks, 1000u);
  EXPECT_EQ(OfSize(now, 300).live_bytes - OfSize(before, 300).live_bytes, 300'000u);
  EXPECT_GE(OfSize(now, 300).full_slabs, 1u);
  for (void* block : blocks) bartizan_free(block);
  const EngineStatistics after = Now();
  EXPECT_EQ(OfSize(after, 300).live_blocks, OfSize(before, 300).live_blocks);
  EXPECT_EQ(after.small_live_bytes, before.small_live_bytes);
}

TEST(Statistics, CountEverySlotOnce) {
  test::Random random(7);
  std::vector<void*> blocks;
  for (int i = 0; i < 20000; ++i) {
    if (blocks.empty() || random.Below(5) < 3) {
      blocks.push_back(bartizan_malloc(random.Logarithmic(1, 40000)));
    } else {
      std::swap(blocks[random.Below(blocks.size())], blocks.back());
      bartizan_free(blocks.back());
      blocks.pop_back();
    }
  }
  const EngineStatistics now = Now();
  uint64_t committed = 0;
  uint64_t slabs = 0;
  for (ClassId id = 1; id < kClasses; ++id) {
    const ClassStatistics& of = now.classes[id];
    const uint64_t carved =
        of.live_blocks + of.quarantined_slots + of.cached_slots + of.remote_slots + of.parked_slots;
    EXPECT_GE(carved * kClassBytes[id], of.committed_bytes);
    if (!HasOwnPages(id)) EXPECT_EQ(carved * kClassBytes[id], of.committed_bytes);
    EXPECT_LE(of.idle_bytes, of.committed_bytes);
    EXPECT_LE(of.idle_bytes, (of.remote_slots + of.parked_slots) * kClassBytes[id]);
    EXPECT_LE(carved, uint64_t{of.slabs()} * SlotsPerSlab(id));
    committed += of.committed_bytes;
    slabs += of.slabs();
  }
  EXPECT_EQ(now.committed_bytes, committed + now.large.mapped_bytes + now.large.cached_bytes);
  EXPECT_EQ(now.slabs, slabs + now.classes[kZeroClass].slabs());
  uint64_t node_bytes = 0;
  for (uint32_t i = 0; i < now.nodes; ++i) node_bytes += now.node[i].slab_bytes;
  EXPECT_EQ(node_bytes, now.slab_bytes);
  for (void* block : blocks) bartizan_free(block);
}

TEST(Statistics, HeapsHoldWhatClassesCount) {
  for (size_t bytes : {20u, 500u, 5000u, 30000u}) {
    std::vector<void*> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(bartizan_malloc(bytes));
    for (void* block : blocks) bartizan_free(block);
  }
  const EngineStatistics now = Now();
  uint64_t cached = 0;
  uint64_t quarantined = 0;
  uint64_t slabs = 0;
  uint64_t counters[kHeapCounterCount] = {};
  for (uint32_t id = 1; id < registry::HeapLimit(); ++id) {
    HeapStatistics heap;
    ASSERT_TRUE(ReadHeapStatistics(static_cast<HeapId>(id), &heap));
    cached += heap.cached_bytes;
    quarantined += heap.quarantined_bytes;
    slabs += heap.slabs;
    for (size_t i = 0; i < kHeapCounterCount; ++i) counters[i] += heap.counters[i];
  }
  EXPECT_EQ(cached, now.small_cached_bytes);
  EXPECT_EQ(quarantined, now.small_quarantined_bytes);
  EXPECT_EQ(slabs, now.slabs);
  for (size_t i = 0; i < kHeapCounterCount; ++i) {
    EXPECT_EQ(counters[i], now.counters[i]) << kHeapCounters[i].name;
  }
  HeapStatistics none;
  EXPECT_FALSE(ReadHeapStatistics(0, &none));
  EXPECT_FALSE(ReadHeapStatistics(registry::HeapLimit(), &none));
}

TEST(Statistics, EveryRefillHasItsReason) {
  std::thread([] {
    std::vector<void*> mine;
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < 3000; ++i) mine.push_back(bartizan_malloc(100));
      for (void* block : mine) bartizan_free(block);
      mine.clear();
    }
  }).join();
  std::vector<void*> theirs;
  for (int i = 0; i < 3000; ++i) theirs.push_back(bartizan_malloc(100));
  std::thread([&] {
    for (void* block : theirs) bartizan_free(block);
  }).join();
  for (void*& block : theirs) block = bartizan_malloc(100);
  const EngineStatistics now = Now();
  EXPECT_EQ(now.Counter(&HeapCounters::refills),
            now.Counter(&HeapCounters::refills_from_ring) +
                now.Counter(&HeapCounters::refills_from_remote) +
                now.Counter(&HeapCounters::refills_from_parked) +
                now.Counter(&HeapCounters::refills_from_uncarved) +
                now.Counter(&HeapCounters::refused_refills));
  EXPECT_GT(now.Counter(&HeapCounters::refills_from_uncarved), 0u);
  EXPECT_GT(now.Counter(&HeapCounters::refills_from_remote), 0u);
  EXPECT_GT(now.Counter(&HeapCounters::remote_drained), 0u);
  EXPECT_EQ(
      now.Counter(&HeapCounters::slabs_taken),
      now.Counter(&HeapCounters::slabs_from_pool) + now.Counter(&HeapCounters::slabs_from_fresh));
  EXPECT_EQ(now.slabs,
            now.Counter(&HeapCounters::slabs_taken) - now.Counter(&HeapCounters::slabs_returned));
  for (void* block : theirs) bartizan_free(block);
}

TEST(Statistics, LargeBlocksAndCallsAreCounted) {
  const EngineStatistics before = Now();
  void* block = bartizan_malloc(3 << 20);
  const EngineStatistics with = Now();
  EXPECT_EQ(with.large.live_bytes - before.large.live_bytes, size_t{3} << 20);
  EXPECT_EQ(with.Counter(&HeapCounters::large_allocations),
            before.Counter(&HeapCounters::large_allocations) + 1);
  const auto map = static_cast<size_t>(platform::SystemCall::kMap);
  EXPECT_GT(with.calls[map].made, before.calls[map].made);
  bartizan_free(block);
  EXPECT_EQ(Now().Counter(&HeapCounters::large_frees),
            before.Counter(&HeapCounters::large_frees) + 1);
}

TEST(Statistics, CatchesAreCountedByLayer) {
  const EngineStatistics before = Now();
  CountCatch("canaries");
  CountCatch("");
  CountCatch("");
  const EngineStatistics now = Now();
  EXPECT_EQ(now.AllCatches(), before.AllCatches() + 3);
  const auto canaries = static_cast<size_t>(Toggle::kCanaries);
  EXPECT_EQ(now.catches[canaries], before.catches[canaries] + 1);
  EXPECT_EQ(now.catches[kToggleCount], before.catches[kToggleCount] + 2);
  EXPECT_EQ(CatcherName(canaries), "canaries");
  EXPECT_EQ(CatcherName(kToggleCount), "always_on");
}

TEST(Statistics, HandlesAreCounted) {
  EXPECT_EQ(Now().handles.live, 0u);
  EXPECT_EQ(Now().handles.entries, 0u);
  EXPECT_EQ(Now().handles.most_entries, HandleTable::kMostEntries);
  constexpr uint64_t kHandles = 1000;
  std::vector<uint64_t> handles;
  int block = 0;
  for (uint64_t i = 0; i < kHandles; ++i) {
    uint32_t index = 0;
    ASSERT_EQ(g_handle_table.Take(&index), HandleTable::Taken::kDone);
    handles.push_back(g_handle_table.Publish(index, {.block = &block, .distance_log = 4}));
  }
  void* pinned = nullptr;
  for (const uint64_t i : {0, 0, 0, 1}) {
    ASSERT_EQ(g_handle_table.Pin(handles[i], &pinned), HandleTable::Pinned::kDone);
  }
  ASSERT_EQ(g_handle_table.Free(handles[1]), HandleTable::Freed::kLater);
  const HandleCounts with = Now().handles;
  EXPECT_EQ(with.live, kHandles - 1);
  EXPECT_EQ(with.pins, 4u);
  EXPECT_EQ(with.pinned_after_free, 1u);
  EXPECT_EQ(with.retired, 0u);
  EXPECT_GE(with.entries, kHandles);
  EXPECT_GE(with.table_bytes, kHandles * 24);
  for (const uint64_t i : {0, 0, 0, 1}) g_handle_table.Unpin(handles[i]);
  for (const uint64_t handle : handles) {
    g_handle_table.Free(handle);
    g_handle_table.GiveBack(handle);
  }
  const HandleCounts without = Now().handles;
  EXPECT_EQ(without.live, 0u);
  EXPECT_EQ(without.pins, 0u);
  EXPECT_EQ(without.pinned_after_free, 0u);
  EXPECT_EQ(without.entries, with.entries);
}

// A table whose entries have one generation.
TEST(Statistics, RetiredEntriesAreCounted) {
  static constinit HandleTable table(512, 1);
  uint32_t index = 0;
  ASSERT_EQ(table.Take(&index), HandleTable::Taken::kDone);
  const uint64_t handle = table.Publish(index, {.block = &index, .distance_log = 4});
  table.Free(handle);
  table.GiveBack(handle);
  HandleCounts counts;
  const MemoryReader here = {[](void*, uintptr_t from, void* to, size_t bytes) {
                               std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
                               return true;
                             },
                             nullptr};
  ASSERT_TRUE(HandleTable::CountElsewhere(here, reinterpret_cast<uintptr_t>(&table), &counts));
  EXPECT_EQ(counts.retired, 1u);
  EXPECT_EQ(counts.live, 0u);
  EXPECT_EQ(counts.most_entries, 512u);
}

TEST(Statistics, ResidentBytesFollowTheUse) {
  constexpr size_t kBytes = size_t{64} << 20;
  const uint64_t before = ReadResidentBytes();
  auto* block = static_cast<char*>(bartizan_malloc(kBytes));
  std::memset(block, 1, kBytes);
  EXPECT_GE(ReadResidentBytes(), before + kBytes);
  std::vector<char*> small;
  for (int i = 0; i < 4096; ++i) {
    small.push_back(static_cast<char*>(bartizan_malloc(4000)));
    std::memset(small.back(), 1, 4000);
  }
  EXPECT_GE(ReadResidentBytes(), kBytes + 4096 * 4000);
  for (char* other : small) bartizan_free(other);
  bartizan_free(block);
}

// Threads work while statistics are read.
TEST(Statistics, MayBeReadAtAnyTime) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&stop, t] {
      test::Random random(t);
      std::vector<void*> blocks(500);
      while (!stop.load(std::memory_order_relaxed)) {
        void*& block = blocks[random.Below(blocks.size())];
        bartizan_free(block);
        block = bartizan_malloc(random.Logarithmic(1, 200'000));
      }
      for (void* block : blocks) bartizan_free(block);
    });
  }
  for (int i = 0; i < 200; ++i) {
    const EngineStatistics now = Now();
    EXPECT_LE(now.attached_heaps, now.heaps);
    uint64_t live = 0;
    for (const ClassStatistics& of : now.classes) live += of.live_blocks;
    EXPECT_EQ(live, now.small_live_blocks);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// --- Readers that lie ---------------------------------------------------------------------------

struct Liar {
  test::Random random{1};
  uint32_t truth = 0;       // of a hundred copies, how many are right
  uint64_t budget = 20000;  // copies; then nothing can be read

  static bool Read(void* self, uintptr_t from, void* to, size_t bytes) {
    auto& liar = *static_cast<Liar*>(self);
    if (liar.budget == 0) return false;
    --liar.budget;
    const auto* here = reinterpret_cast<const unsigned char*>(&liar);
    // Only what was given by the truth may be followed: anything else is no address here.
    if (liar.random.Below(100) < liar.truth && liar.Knows(from, bytes)) {
      std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
      return true;
    }
    auto* out = static_cast<unsigned char*>(to);
    const uint64_t kind = liar.random.Below(4);
    for (size_t i = 0; i < bytes; ++i) {
      out[i] = kind == 0   ? 0xff
               : kind == 1 ? 0
               : kind == 2 ? static_cast<unsigned char>(liar.random.Below(256))
                           : here[i % sizeof liar];
    }
    return kind != 1 || liar.random.Below(10) != 0;
  }
  // The tables of this process that do not hang on anything read.
  bool Knows(uintptr_t from, size_t bytes) const {
    const auto within = [&](const void* begin, size_t length) {
      return bytes <= length && from - reinterpret_cast<uintptr_t>(begin) <= length - bytes;
    };
    return within(&g_address_map, sizeof g_address_map) ||
           within(&g_large_blocks, sizeof g_large_blocks) || within(&g_catches, sizeof g_catches) ||
           within(&g_sample_counters, sizeof g_sample_counters) ||
           within(&platform::g_process_counters, sizeof platform::g_process_counters);
  }
};

TEST(Statistics, NothingThatIsReadLeadsAstray) {
  void* block = bartizan_malloc(1);
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Liar liar;
    liar.random = test::Random(seed);
    liar.truth = seed % 4 * 30;
    EngineStatistics statistics;
    WalkStatistics({Liar::Read, &liar}, g_runtime.roots, &statistics);
    EXPECT_LE(statistics.nodes, platform::kMaxNodes);
    EXPECT_LE(statistics.heaps, kMaxHeaps);
    HeapStatistics heap;
    WalkHeap({Liar::Read, &liar}, g_runtime.roots, 1, &heap);
  }
  bartizan_free(block);
}

TEST(Statistics, WhatCannotBeReadIsSaid) {
  void* block = bartizan_malloc(1);
  const MemoryReader nothing = {[](void*, uintptr_t, void*, size_t) { return false; }, nullptr};
  EngineStatistics statistics;
  WalkStatistics(nothing, g_runtime.roots, &statistics);
  EXPECT_TRUE(statistics.incomplete);
  EXPECT_EQ(statistics.small_live_blocks, 0u);
  HeapStatistics heap;
  EXPECT_FALSE(WalkHeap(nothing, g_runtime.roots, 1, &heap));
  bartizan_free(block);
}

}  // namespace
}  // namespace bartizan
