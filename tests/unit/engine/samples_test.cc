// Samples in the engine: where they lie, how long their addresses wait, what limits them.
#include "src/engine/samples.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/base/bits.h"
#include "src/engine/large_blocks.h"
#include "src/options/sealed_page.h"
#include "src/platform/memory.h"
#include "tests/unit/engine/samples_under_test.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

SampleView ViewOf(uintptr_t address) {
  SampleView view = {};
  EXPECT_TRUE(FindSample(address, &view));
  return view;
}

// The build's environment may ask for a process with a limit: far more than it needs.
constexpr const char* kLimits = "SAMPLES_TEST_LIMITS_DATA";
const bool g_limited = [] {
  const char* const limits = std::getenv(kLimits);
  if (limits == nullptr || *limits == '\0') return false;
  const rlimit limit = {uint64_t{1} << 46, RLIM_INFINITY};
  return setrlimit(RLIMIT_DATA, &limit) == 0;
}();

TEST(Samples, LieBetweenGuards) {
  SKIP_UNLESS(EveryBlockIsOne());
  MemoryProbe probe;
  std::vector<void*> blocks;  // that live side by side
  for (size_t bytes : {1, 16, 24, 100, 1000, 4096, 4097, 50000, 131072, 300000}) {
    auto* const block = static_cast<char*>(bartizan_malloc(bytes));
    const SampleView view = ViewOf(AddressOf(block));
    EXPECT_TRUE(view.live);
    EXPECT_TRUE(view.has_sample);
    EXPECT_EQ(view.user, AddressOf(block));
    EXPECT_EQ(view.requested, bytes);
    EXPECT_EQ(view.sample.weight, 1u);
    EXPECT_NE(view.sample.allocation.time_ns, 0u);
    EXPECT_NE(view.sample.allocation.thread, 0);
    EXPECT_EQ(view.sample.free.time_ns, 0u);
    EXPECT_EQ(bartizan_usable_size(block), bytes);
    EXPECT_TRUE(IsAligned(AddressOf(block), 16));
    std::memset(block, 1, bytes);
    EXPECT_FALSE(probe.Readable(view.map_begin - 1));
    EXPECT_FALSE(probe.Readable(view.map_end));
    EXPECT_TRUE(probe.Readable(view.map_begin));
    EXPECT_TRUE(probe.Readable(view.map_end - 1));
    blocks.push_back(block);
  }
  for (void* block : blocks) bartizan_free(block);
}

// Each side by turns, as drawn: both within so many, but for one time in 2^100.
TEST(Samples, BeginOrEndAtAGuard) {
  SKIP_UNLESS(EveryBlockIsOne());
  size_t left = 0;
  size_t right = 0;
  for (int i = 0; i < 100; ++i) {
    void* const block = bartizan_malloc(48);
    const SampleView view = ViewOf(AddressOf(block));
    left += view.user == view.map_begin;
    right += view.user + 48 == view.map_end;
    bartizan_free(block);
  }
  EXPECT_EQ(left + right, 100u);
  EXPECT_NE(left, 0u);
  EXPECT_NE(right, 0u);
}

TEST(Samples, OfFreedOnesTheAddressesWait) {
  SKIP_UNLESS(EveryBlockIsOne());
  MemoryProbe probe;
  void* const first = bartizan_malloc(100);
  bartizan_free(first);
  const size_t others = OptionsInForce().sample_budget / (3 * kPageBytes) - 1;
  for (size_t i = 0; i < others; ++i) bartizan_free(bartizan_malloc(100));
  EXPECT_FALSE(probe.Readable(AddressOf(first)));
  const SampleView view = ViewOf(AddressOf(first));
  EXPECT_FALSE(view.live);
  EXPECT_EQ(view.user, AddressOf(first));
  EXPECT_EQ(view.requested, 100u);
  EXPECT_GE(view.sample.free.time_ns, view.sample.allocation.time_ns);
  EXPECT_GT(view.sample.free.number, view.sample.allocation.number);
  EXPECT_EQ(view.sample.free.thread, view.sample.allocation.thread);
}

TEST(Samples, TheAddressSpaceOfFreedOnesIsBounded) {
  SKIP_UNLESS(EveryBlockIsOne());
  const size_t many = 2 * OptionsInForce().sample_budget / (3 * kPageBytes);
  uintptr_t lowest = UINTPTR_MAX;
  uintptr_t highest = 0;
  for (size_t i = 0; i < many; ++i) {
    void* const block = bartizan_malloc(100);
    lowest = std::min(lowest, AddressOf(block));
    highest = std::max(highest, AddressOf(block));
    bartizan_free(block);
  }
  EXPECT_LE(highest - lowest, OptionsInForce().sample_budget + 4 * kMiB);
}

TEST(Samples, TellWhichThreadFreed) {
  SKIP_UNLESS(EveryBlockIsOne());
  void* const block = bartizan_malloc(100);
  std::thread([&] {
    bartizan_free(bartizan_malloc(1));  // a thread has a number once it has a heap
    bartizan_free(block);
  }).join();
  const SampleView view = ViewOf(AddressOf(block));
  EXPECT_FALSE(view.live);
  EXPECT_NE(view.sample.free.thread, view.sample.allocation.thread);
}

TEST(Samples, TellTheThreadOfAForkChild) {
  SKIP_UNLESS(EveryBlockIsOne());
  const pid_t child = fork();
  if (child == 0) {
    SampleView view;
    const bool found = FindSample(AddressOf(bartizan_malloc(100)), &view);
    _exit(found && view.sample.allocation.thread == getpid() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Samples, MoveWhenTheyAreReallocated) {
  SKIP_UNLESS(EveryBlockIsOne());
  auto* block = static_cast<char*>(bartizan_malloc(100));
  std::memset(block, 7, 100);
  for (size_t bytes : {100, 101, 4096, 200000, 400000, 50}) {
    const uintptr_t before = AddressOf(block);
    block = static_cast<char*>(bartizan_realloc(block, bytes));
    EXPECT_NE(AddressOf(block), before);
    EXPECT_FALSE(ViewOf(before).live);
    EXPECT_EQ(block[49], 7);
  }
  bartizan_free(block);
}

TEST(Samples, AreZeroWhereThatIsAskedFor) {
  SKIP_UNLESS(EveryBlockIsOne());
  auto* const block = static_cast<char*>(bartizan_calloc(10, 1000));
  for (size_t i = 0; i < 10000; ++i) ASSERT_EQ(block[i], 0);
  bartizan_free(block);
}

TEST(Samples, AreAlignedAsAskedFor) {
  SKIP_UNLESS(EveryBlockIsOne());
  for (size_t alignment = 16; alignment <= 64 * kKiB; alignment *= 2) {
    for (size_t bytes : {size_t{1}, alignment - 1, 3 * alignment + 8}) {
      void* const block = bartizan_aligned_alloc(alignment, bytes);
      EXPECT_TRUE(IsAligned(AddressOf(block), alignment));
      EXPECT_TRUE(ViewOf(AddressOf(block)).has_sample);
      bartizan_free(block);
    }
  }
}

// They spend no more memory than is stated and, where each has a mapping of its own, no more than a
// quarter of those that a process may have; and as long as more are asked for, some of those are
// samples.
TEST(Samples, LeaveMemoryMappingsAndRoomForLaterOnes) {
  SKIP_UNLESS(EveryBlockIsOne());
  size_t most = OptionsInForce().sample_memory / kPageBytes;
  if (g_large_blocks.SamplesSpendMappings()) most = std::min(most, platform::MappingLimit() / 4);
  std::vector<void*> blocks(2 * most);
  uint64_t late = 0;  // samples when three quarters are allocated
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i == blocks.size() / 4 * 3) late = Statistics().samples;
    blocks[i] = bartizan_malloc(16);
    ASSERT_NE(blocks[i], nullptr);
    ASSERT_LE(g_large_blocks.sampled_count(), most);
  }
  EXPECT_GT(Statistics().samples, late);
  EXPECT_GT(g_large_blocks.sampled_count(), most / 2);
  EXPECT_FALSE(g_large_blocks.GuardsSpent()) << "other blocks have no guards any more";
  for (size_t i = 0; i < blocks.size(); i += 2) bartizan_free(blocks[i]);
  const uint64_t before = Statistics().samples;
  for (size_t i = 0; i < blocks.size(); i += 2) blocks[i] = bartizan_malloc(16);
  EXPECT_GT(Statistics().samples, before + most / 8);
  for (void* block : blocks) bartizan_free(block);
  EXPECT_EQ(g_large_blocks.sampled_count(), 0u);
}

size_t Mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

// Many lie in one mapping, unless the process has a limit that this counts against.
TEST(Samples, SpendMappingsOnlyWhereTheProcessIsLimited) {
  SKIP_UNLESS(EveryBlockIsOne());
  if (!g_limited && g_large_blocks.SamplesSpendMappings()) {
    GTEST_SKIP() << "this kernel has no guard markers";
  }
  constexpr size_t kBlocks = 1000;
  std::vector<void*> blocks(kBlocks);
  const size_t before = Mappings();
  for (void*& block : blocks) block = bartizan_malloc(16);
  const size_t spent = Mappings() - before;
  if (g_limited) {
    EXPECT_GE(spent, kBlocks);
  } else {
    EXPECT_LT(spent, kBlocks / 10);
  }
  for (void* block : blocks) {
    EXPECT_TRUE(ViewOf(AddressOf(block)).has_sample);
    bartizan_free(block);
  }
}

// Guards cannot be installed in locked memory.
TEST(Samples, ThatTheProgramLockedAreClosed) {
  SKIP_UNLESS(EveryBlockIsOne());
  MemoryProbe probe;
  const bool spends = g_large_blocks.SamplesSpendMappings();
  void* const block = bartizan_malloc(100);
  if (mlock(block, 100) != 0) GTEST_SKIP() << "nothing may be locked";
  bartizan_free(block);
  EXPECT_FALSE(probe.Readable(AddressOf(block)));
  EXPECT_EQ(g_large_blocks.SamplesSpendMappings(), spends);
}

// A freed one is not taken for memory of somebody else, which its address cannot be.
TEST(Samples, AreKnownToBeFreed) {
  SKIP_UNLESS(EveryBlockIsOne());
  void* const block = bartizan_malloc(100);
  LargeView view;
  EXPECT_EQ(g_large_blocks.Look(AddressOf(block), &view), MemoryKind::kLive);
  bartizan_free(block);
  EXPECT_EQ(g_large_blocks.Look(AddressOf(block), &view), MemoryKind::kFree);
}

}  // namespace
}  // namespace bartizan
