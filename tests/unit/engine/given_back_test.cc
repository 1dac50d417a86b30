// Memory that is not in use goes back to the system, and the statistics say so.
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/base/bits.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

// Allocates this much in blocks of many sizes, all of it touched.
std::vector<void*> AllocateAll(size_t total) {
  std::vector<void*> blocks;
  for (size_t bytes = 16, sum = 0; sum < total; sum += bytes) {
    bytes = bytes >= 40000 ? 16 : bytes + bytes / 4 + 1;
    void* block = bartizan_malloc(bytes);
    std::memset(block, 1, bytes);
    blocks.push_back(block);
  }
  return blocks;
}
void FreeAll(const std::vector<void*>& blocks) {
  for (void* block : blocks) bartizan_free(block);
}

// What a heap without a block in use may keep: its quarantine, which pins slabs of each class.
constexpr size_t kKept = 16 * kMiB;

TEST(GivenBack, LiveAndCommittedAreFlatOverCycles) {
  bartizan_purge();
  const bartizan_statistics start = Statistics();
  // The first cycle fills what waits in quarantine; in the next ones it comes to rest in slabs that
  // have been used to their ends.
  constexpr int kSettling = 6;
  size_t settled = 0;
  for (int cycle = 0; cycle < 2 * kSettling; ++cycle) {
    const std::vector<void*> blocks = AllocateAll(64 * kMiB);
    const bartizan_statistics full = Statistics();
    EXPECT_EQ(full.live_blocks, start.live_blocks + blocks.size());
    EXPECT_GE(full.live_bytes, start.live_bytes + 64 * kMiB);
    EXPECT_GE(full.committed_bytes, full.live_bytes);
    EXPECT_LE(full.committed_bytes, start.committed_bytes + 64 * kMiB * 3 / 2);
    FreeAll(blocks);
    bartizan_purge();
    const bartizan_statistics empty = Statistics();
    if (cycle < kSettling) settled = std::max<size_t>(settled, empty.committed_bytes);
    EXPECT_EQ(empty.live_blocks, start.live_blocks);
    EXPECT_EQ(empty.live_bytes, start.live_bytes);
    EXPECT_LE(empty.committed_bytes, start.committed_bytes + kKept);
    // Which slabs are left in use is chance; a drift would be at least as much in six cycles.
    EXPECT_LE(empty.committed_bytes, settled + 2 * kMiB);
    EXPECT_GT(empty.slabs_returned, full.slabs_returned);
    EXPECT_LT(empty.slabs, full.slabs / 2);
  }
}

// What the statistics call given back is: asked of the kernel, page by page.
TEST(GivenBack, PagesAreNotInMemoryAnyMore) {
  constexpr size_t kBytes = 2000;
  std::vector<void*> blocks;
  for (int i = 0; i < 10000; ++i) blocks.push_back(std::memset(bartizan_malloc(kBytes), 1, kBytes));
  const auto resident = [&] {
    size_t count = 0;
    for (void* block : blocks) {
      const auto page = AlignDown(reinterpret_cast<uintptr_t>(block), platform::kPageBytes);
      count += ResidentPageCount(page, platform::kPageBytes) == 1;
    }
    return count;
  };
  EXPECT_EQ(resident(), blocks.size());
  FreeAll(blocks);
  bartizan_purge();
  EXPECT_LT(resident(), blocks.size() / 10);
}

// A few blocks that stay do not keep all of their slabs in memory, and are as they were.
TEST(GivenBack, PagesBetweenBlocksThatStay) {
  constexpr size_t kOneStaysIn = 500;
  // Where huge pages are made of whatever is there, the kernel fills such gaps again by itself.
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  for (const size_t bytes : {size_t{100}, size_t{256}, size_t{700}, size_t{7000}}) {
    bartizan_purge();
    const uint64_t slabs = Statistics().slabs;
    const size_t count = 16 * kMiB / bytes;
    std::vector<char*> blocks(count);
    for (size_t i = 0; i < count; ++i) {
      blocks[i] = static_cast<char*>(bartizan_malloc(bytes));
      std::memset(blocks[i], static_cast<int>(i % 100 + 1), bytes);
    }
    for (size_t i = 0; i < count; ++i) {
      if (i % kOneStaysIn != 0) bartizan_free(blocks[i]);
    }
    bartizan_purge();
    size_t resident = 0;
    for (char* block : blocks) {
      const auto page = AlignDown(reinterpret_cast<uintptr_t>(block), platform::kPageBytes);
      resident += ResidentPageCount(page, platform::kPageBytes) == 1;
    }
    // Each that stays lies on three pages at most, and so does each that waits.
    EXPECT_LT(resident, count / 4) << bytes;
    for (size_t i = 0; i < count; i += kOneStaysIn) {
      const std::vector<char> wanted(bytes, static_cast<char>(i % 100 + 1));
      EXPECT_EQ(std::memcmp(blocks[i], wanted.data(), bytes), 0) << bytes;
    }
    // What is free there is found again.
    const bartizan_statistics before = Statistics();
    for (size_t i = 1; i < count; ++i) {
      if (i % kOneStaysIn == 0) continue;
      blocks[i] = static_cast<char*>(bartizan_malloc(bytes));
      std::memset(blocks[i], 1, bytes);
    }
    EXPECT_EQ(Statistics().live_blocks, before.live_blocks + count - (count - 1) / kOneStaysIn - 1);
    for (char* block : blocks) bartizan_free(block);
    bartizan_purge();
    // Where nothing waits, nothing keeps them, but for what the class has at hand.
    if (bartizan_layer_in_force("quarantine") != 1) EXPECT_LE(Statistics().slabs, slabs + 2);
  }
  prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

TEST(GivenBack, ByThreadsThatEnded) {
  std::vector<void*> blocks;
  std::thread([&] { blocks = AllocateAll(32 * kMiB); }).join();
  EXPECT_GE(Statistics().live_bytes, 32 * kMiB);
  // Freed by another thread, into slabs of a heap that nobody has.
  FreeAll(blocks);
  EXPECT_EQ(bartizan_purge(), 1);
  EXPECT_LE(Statistics().committed_bytes, 2 * kKept);
  EXPECT_EQ(Statistics().live_blocks, 0u);
}

TEST(GivenBack, LargeBlocksToo) {
  const bartizan_statistics before = Statistics();
  for (int cycle = 0; cycle < 5; ++cycle) {
    std::vector<void*> blocks;
    for (size_t bytes = 200 * kKiB; bytes < 8 * kMiB; bytes += bytes / 3) {
      blocks.push_back(std::memset(bartizan_malloc(bytes), 1, bytes));
    }
    const bartizan_statistics full = Statistics();
    EXPECT_EQ(full.large_live_blocks, before.large_live_blocks + blocks.size());
    EXPECT_GE(full.committed_bytes, full.large_live_bytes);
    FreeAll(blocks);
    bartizan_purge();
    const bartizan_statistics empty = Statistics();
    EXPECT_EQ(empty.large_live_blocks, before.large_live_blocks);
    EXPECT_EQ(empty.large_live_bytes, before.large_live_bytes);
    EXPECT_LE(empty.committed_bytes, before.committed_bytes + kKept);
  }
}

// The same block over and over takes what one block takes.
TEST(GivenBack, ALoopTakesNothing) {
  for (size_t bytes : {size_t{24}, size_t{1000}, size_t{60000}, 400 * kKiB}) {
    for (int i = 0; i < 100; ++i) bartizan_free(bartizan_malloc(bytes));
    const bartizan_statistics before = Statistics();
    for (int i = 0; i < 20000; ++i) {
      auto* block = static_cast<char*>(bartizan_malloc(bytes));
      block[0] = block[bytes - 1] = 1;
      bartizan_free(block);
    }
    const bartizan_statistics after = Statistics();
    EXPECT_EQ(after.live_blocks, before.live_blocks);
    EXPECT_LE(after.committed_bytes, before.committed_bytes + 2 * kMiB) << bytes;
  }
}

}  // namespace
}  // namespace bartizan
