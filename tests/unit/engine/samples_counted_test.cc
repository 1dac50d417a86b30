// How many samples there are, and what they tell of all blocks.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/base/random.h"
#include "src/engine/samples.h"
#include "src/engine/statistics.h"
#include "tests/unit/engine/samples_under_test.h"

namespace bartizan {
namespace {

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
