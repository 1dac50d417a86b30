// How long single calls take: not their mean but the longest ones.
#include <stdlib.h>

#include <algorithm>
#include <bit>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"

namespace bench {
namespace {

// Counts of times, in buckets whose width is an eighth of their doubling.
class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  void Add(uint64_t ticks) {
    ++counts_[Bucket(ticks)];
    ++total_;
    most_ = std::max(most_, ticks);
  }

  // The least time that so many of a thousand calls do not exceed (its bucket's upper end).
  uint64_t Quantile(double per_thousand) {
    const auto wanted = static_cast<uint64_t>(static_cast<double>(total_) * per_thousand / 1000);
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += counts_[i];
      if (seen > wanted) return std::min(UpperEnd(i), most_);
    }
    return most_;
  }

  uint64_t Most() const { return most_; }

 private:
  static constexpr unsigned kStepBits = 3;
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr size_t kBuckets = 64 * kSteps;

  // Times below kSteps have a bucket each; above, the leading bit and the three behind it count.
  static size_t Bucket(uint64_t ticks) {
    if (ticks < kSteps) return ticks;
    const unsigned shift = static_cast<unsigned>(std::bit_width(ticks)) - kStepBits - 1;
    return (shift + 1) * kSteps + ((ticks >> shift) & (kSteps - 1));
  }

  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const uint64_t shift = bucket / kSteps - 1;
    return ((kSteps + bucket % kSteps + 1) << shift) - 1;
  }

  Table<uint64_t> counts_;
  uint64_t total_ = 0;
  uint64_t most_ = 0;
};

// What two looks at the time stamp cost with nothing between them.
uint64_t TicksOfNothing() {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t begin = Ticks();
    least = std::min(least, Ticks() - begin);
  }
  return least;
}

class Calls {
 public:
  explicit Calls(size_t live) : live_(live), blocks_(live), nothing_(TicksOfNothing()) {
    for (void*& block : blocks_) block = Allocate(random_.Doublings(4, 12));
  }
  ~Calls() {
    for (void* block : blocks_) free(block);
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  void Churn(uint64_t operations) {
    for (uint64_t i = 0; i < operations; ++i) {
      void*& block = blocks_[random_.Below(live_)];
      const size_t size = random_.Doublings(4, 12);
      const uint64_t before = Ticks();
      free(block);
      const uint64_t between = Ticks();
      block = malloc(size);
      const uint64_t after = Ticks();
      Touch(block, size);
      free_.Add(Net(between - before));
      malloc_.Add(Net(after - between));
    }
  }

  Histogram& Mallocs() { return malloc_; }
  Histogram& Frees() { return free_; }

 private:
  uint64_t Net(uint64_t ticks) const { return ticks > nothing_ ? ticks - nothing_ : 0; }

  size_t live_;
  Table<void*> blocks_;
  uint64_t nothing_;
  Random random_{0};
  Histogram malloc_;
  Histogram free_;
};

void SingleCalls(Run& run, uint64_t live) {
  Calls calls(run.Amount(live));
  const uint64_t operations = run.Amount(10'000);
  const double begin = Nanoseconds();
  const uint64_t begin_ticks = Ticks();
  do {
    calls.Churn(operations);
  } while (Nanoseconds() - begin < run.Seconds() * 1e9);
  const uint64_t ticks = Ticks() - begin_ticks;
  const double nanoseconds_per_tick = (Nanoseconds() - begin) / static_cast<double>(ticks);

  const auto print = [&](const char* figure, uint64_t value) {
    run.Print(figure, static_cast<double>(value) * nanoseconds_per_tick, "ns");
  };
  print("malloc p50", calls.Mallocs().Quantile(500));
  print("malloc p99", calls.Mallocs().Quantile(990));
  print("malloc p99.9", calls.Mallocs().Quantile(999));
  print("malloc max", calls.Mallocs().Most());
  print("free p50", calls.Frees().Quantile(500));
  print("free p99", calls.Frees().Quantile(990));
  print("free p99.9", calls.Frees().Quantile(999));
  print("free max", calls.Frees().Most());
}

constexpr uint64_t kLive[] = {100'000};

constexpr Benchmark kList[] = {
    {"single-calls", "times of single calls, 16 to 4096 bytes, so many live, replaced at random",
     kLive, SingleCalls},
};

}  // namespace

constinit const BenchmarkList kSingleCalls = kList;

}  // namespace bench
