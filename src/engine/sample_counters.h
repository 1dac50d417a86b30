// What samples tell of all blocks: how large they are, how long they live, and how many bytes of
// them there have been at most. A sample counts as many times as the allocations that it stands
// for, so these are estimates. Only ever written when a block is sampled; all accesses are relaxed.
#ifndef BARTIZAN_SRC_ENGINE_SAMPLE_COUNTERS_H_
#define BARTIZAN_SRC_ENGINE_SAMPLE_COUNTERS_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace bartizan {

enum class Sampled : uint8_t { kSize, kLifetime, kLifetimeOperations };

// A histogram's buckets are powers of two: the first one holds all up to 2^first, the last one what
// is more than 2^last.
struct HistogramSpec {
  std::string_view name;
  std::string_view unit;  // of JSON
  std::string_view help;
  unsigned first;
  unsigned last;
  constexpr size_t buckets() const { return last - first + 2; }
  // Of a bucket that is not the last one: the most that it holds.
  constexpr uint64_t BoundOf(size_t bucket) const { return uint64_t{1} << (first + bucket); }
  constexpr size_t BucketOf(uint64_t value) const {
    const auto log = value <= 1 ? 0 : static_cast<unsigned>(std::bit_width(value - 1));
    return log <= first ? 0 : log > last ? last + 1 - first : log - first;
  }
};
inline constexpr HistogramSpec kHistograms[] = {
    {"block_size", "bytes", "sizes of allocated blocks as requested, estimated from samples", 4,
     32},
    {"block_lifetime", "microseconds",
     "time from allocation to free of freed blocks, estimated from samples", 0, 34},
    {"block_lifetime_operations", "operations",
     "allocations and frees from that of a block to its free, estimated from samples", 0, 34},
};
inline constexpr size_t kHistogramCount = std::size(kHistograms);
inline constexpr size_t kMostBuckets = 36;
constexpr const HistogramSpec& SpecOf(Sampled what) {
  return kHistograms[static_cast<size_t>(what)];
}
static_assert(SpecOf(Sampled::kSize).unit == "bytes" &&
              SpecOf(Sampled::kLifetime).unit == "microseconds" &&
              SpecOf(Sampled::kLifetimeOperations).unit == "operations");
static_assert([] {
  for (const HistogramSpec& spec : kHistograms) {
    if (spec.buckets() > kMostBuckets) return false;
  }
  return true;
}());

struct SampleCounters {
  struct Histogram {
    std::atomic<uint64_t> blocks[kMostBuckets];
    std::atomic<uint64_t> sum;
  };
  Histogram histograms[kHistogramCount];
  std::atomic<uint64_t> operations;  // allocations and frees so far
  std::atomic<uint64_t> live_bytes;
  std::atomic<uint64_t> peak_bytes;  // the most of these

  void Add(Sampled what, uint64_t value, uint64_t weight) {
    Histogram& histogram = histograms[static_cast<size_t>(what)];
    auto& bucket = histogram.blocks[SpecOf(what).BucketOf(value)];
    bucket.fetch_add(weight, std::memory_order_relaxed);
    histogram.sum.fetch_add(weight * value, std::memory_order_relaxed);
  }
};

extern constinit SampleCounters g_sample_counters;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_SAMPLE_COUNTERS_H_
