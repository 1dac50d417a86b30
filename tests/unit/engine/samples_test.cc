// Samples in the engine: where they lie, how often they come, how long their addresses wait. The
// options are in the build: sampling=1, by which every block is one, or sampling=10.
#include "src/engine/samples.h"

#include <gtest/gtest.h>
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
#include "src/engine/statistics.h"
#include "src/options/sealed_page.h"
#include "src/platform/memory.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

uintptr_t AddressOf(const void* block) { return reinterpret_cast<uintptr_t>(block); }

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

bool EveryBlockIsOne() {
  bartizan_free(bartizan_malloc(1));  // the options are read at the start
  return OptionsInForce().sample_interval == 1;
}
#define SKIP_UNLESS(condition) \
  if (!(condition)) GTEST_SKIP() << "this build of the test has other options"

HistogramStatistics Difference(const HistogramStatistics& now, const HistogramStatistics& before) {
  HistogramStatistics difference = {};
  for (size_t i = 0; i < kMostBuckets; ++i) difference.blocks[i] = now.blocks[i] - before.blocks[i];
  difference.sum = now.sum - before.sum;
  return difference;
}
EngineStatistics EngineNow() {
  EngineStatistics statistics;
  ReadStatistics(&statistics);
  return statistics;
}

TEST(Samples, ABucketHoldsAllUpToAPowerOfTwo) {
  for (const HistogramSpec& spec : kHistograms) {
    size_t last = 0;
    for (unsigned shift = 1; shift < 64; ++shift) {
      for (const uint64_t value :
           {(uint64_t{1} << shift) - 1, uint64_t{1} << shift, (uint64_t{1} << shift) + 1}) {
        const size_t bucket = spec.BucketOf(value);
        ASSERT_LT(bucket, spec.buckets());
        EXPECT_GE(bucket, last);
        last = bucket;
        if (bucket + 1 < spec.buckets()) EXPECT_LE(value, spec.BoundOf(bucket));
        if (bucket != 0) EXPECT_GT(value, spec.BoundOf(bucket - 1));
      }
    }
    EXPECT_EQ(spec.BucketOf(0), 0u);
    EXPECT_EQ(last + 1, spec.buckets());
  }
}

TEST(Samples, AreCountedBySizeAndLifetime) {
  SKIP_UNLESS(EveryBlockIsOne());
  const EngineStatistics before = EngineNow();
  void* const small[] = {bartizan_malloc(16), bartizan_malloc(17), bartizan_malloc(32)};
  void* const large = bartizan_malloc(200'000);
  const EngineStatistics with = EngineNow();
  const HistogramSpec& spec = SpecOf(Sampled::kSize);
  const HistogramStatistics sizes = Difference(with.Of(Sampled::kSize), before.Of(Sampled::kSize));
  EXPECT_EQ(sizes.count(), 4u);
  EXPECT_EQ(sizes.sum, 16u + 17 + 32 + 200'000);
  EXPECT_EQ(sizes.blocks[spec.BucketOf(16)], 1u);
  EXPECT_EQ(sizes.blocks[spec.BucketOf(32)], 2u);
  EXPECT_EQ(sizes.blocks[spec.BucketOf(262'144)], 1u);
  EXPECT_EQ(with.Of(Sampled::kLifetime).count(), before.Of(Sampled::kLifetime).count())
      << "they live";
  bartizan_free(large);  // the next operation after its allocation
  for (void* block : small) bartizan_free(block);
  const EngineStatistics after = EngineNow();
  const HistogramStatistics times =
      Difference(after.Of(Sampled::kLifetime), before.Of(Sampled::kLifetime));
  EXPECT_EQ(times.count(), 4u);
  EXPECT_GE(times.sum, 4u) << "whole microseconds, rounded up";
  const HistogramStatistics operations =
      Difference(after.Of(Sampled::kLifetimeOperations), before.Of(Sampled::kLifetimeOperations));
  EXPECT_EQ(operations.count(), 4u);
  // Each block's free comes as many operations later: 1 of the large one, then 5 of each other.
  EXPECT_EQ(operations.sum, 1u + 3 * 5);
  EXPECT_EQ(operations.blocks[0], 1u);
  EXPECT_EQ(operations.blocks[3], 3u);
}

TEST(Samples, ThePeakIsTheMostThatWasAlive) {
  SKIP_UNLESS(EveryBlockIsOne());
  const uint64_t live = EngineNow().small_live_bytes + EngineNow().large.live_bytes;
  constexpr size_t kBytes = size_t{64} << 20;
  for (int i = 0; i < 3; ++i) bartizan_free(bartizan_malloc(kBytes));
  const uint64_t peak = EngineNow().peak_bytes;
  EXPECT_GE(peak, kBytes);
  EXPECT_LE(peak, kBytes + live) << "one after the other";
  EXPECT_EQ(Statistics().peak_live_bytes, peak);
}

// Each sample counts for as many blocks as it stands for.
TEST(Samples, TellHowManyBlocksThereWere) {
  SKIP_UNLESS(!EveryBlockIsOne());
  const bartizan_statistics before = Statistics();
  constexpr uint64_t kBlocks = 100'000;
  constexpr size_t kBytes = 100;
  for (uint64_t i = 0; i < kBlocks; ++i) bartizan_free(bartizan_malloc(kBytes));
  const bartizan_statistics after = Statistics();
  const uint64_t blocks = after.allocated_blocks - before.allocated_blocks;
  // One in ten: the standard deviation is about a hundredth.
  EXPECT_GT(blocks, kBlocks * 9 / 10);
  EXPECT_LT(blocks, kBlocks * 11 / 10);
  EXPECT_EQ(after.allocated_bytes - before.allocated_bytes, blocks * kBytes);
  EXPECT_EQ(blocks, 10 * (after.samples - before.samples));
}

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

// A freed one is not taken for memory of somebody else, which its address cannot be.
TEST(Samples, AreKnownToBeFreed) {
  SKIP_UNLESS(EveryBlockIsOne());
  void* const block = bartizan_malloc(100);
  LargeView view;
  EXPECT_EQ(g_large_blocks.Look(AddressOf(block), &view), MemoryKind::kLive);
  bartizan_free(block);
  EXPECT_EQ(g_large_blocks.Look(AddressOf(block), &view), MemoryKind::kFree);
}

// However the program allocates and frees, in these options one in ten is a sample. The tolerance
// is beyond six standard deviations.
void ExpectOneInTen(uint64_t allocations, uint64_t samples) {
  EXPECT_NEAR(static_cast<double>(samples), static_cast<double>(allocations) / 10,
              static_cast<double>(allocations) / 100);
}

TEST(Samples, ComeAsOftenInATightLoop) {
  SKIP_UNLESS(!EveryBlockIsOne());
  constexpr uint64_t kAllocations = 50000;
  for (size_t bytes : {16, 1000, 20000, 100000, 140000}) {
    const uint64_t before = Statistics().samples;
    for (uint64_t i = 0; i < kAllocations; ++i) bartizan_free(bartizan_malloc(bytes));
    SCOPED_TRACE(bytes);
    ExpectOneInTen(kAllocations, Statistics().samples - before);
  }
}

TEST(Samples, ComeAsOftenWhereBlocksStay) {
  SKIP_UNLESS(!EveryBlockIsOne());
  const uint64_t before = Statistics().samples;
  std::vector<void*> blocks(50000);
  for (void*& block : blocks) block = bartizan_malloc(64);
  ExpectOneInTen(blocks.size(), Statistics().samples - before);
  for (void* block : blocks) bartizan_free(block);
}

// Nothing in the order of allocations tells which is the next: after a sample, the following one is
// a sample as often as any.
TEST(Samples, DoNotComeByTurns) {
  SKIP_UNLESS(!EveryBlockIsOne());
  constexpr uint64_t kAllocations = 50000;
  uint64_t samples = 0;
  uint64_t pairs = 0;
  bool was = false;
  for (uint64_t i = 0; i < kAllocations; ++i) {
    void* const block = bartizan_malloc(64);
    SampleView view;
    const bool is = FindSample(AddressOf(block), &view) && view.user == AddressOf(block);
    samples += is;
    pairs += was && is;
    was = is;
    bartizan_free(block);
  }
  EXPECT_GT(samples, 0u);
  // A standard deviation is 22.
  EXPECT_NEAR(static_cast<double>(pairs), static_cast<double>(samples) / 10, 140);
}

TEST(SampleDistance, IsGeometric) {
  RandomStream random;
  constexpr uint32_t kKey[RandomStream::kKeyWords] = {1, 2, 3, 4, 5, 6, 7, 8};
  random.Seed(kKey);
  EXPECT_EQ(samples::DrawDistance(random, 0), UINT32_MAX);
  EXPECT_EQ(samples::DrawDistance(random, 1), 0u);
  for (const uint32_t interval : {2u, 10u, 1000u, 1000000u}) {
    constexpr int kDraws = 200000;
    double sum = 0;
    int below_mean = 0;
    for (int i = 0; i < kDraws; ++i) {
      const uint32_t distance = samples::DrawDistance(random, interval);
      sum += distance;
      below_mean += distance < interval - 1;
    }
    SCOPED_TRACE(interval);
    EXPECT_NEAR(sum / kDraws, interval - 1, 0.02 * interval);
    if (interval >= 1000) EXPECT_NEAR(below_mean, 0.632 * kDraws, 0.01 * kDraws);
  }
}

}  // namespace
}  // namespace bartizan
