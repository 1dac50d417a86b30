#include "src/engine/samples.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "src/base/bits.h"
#include "src/base/violation.h"
#include "src/engine/heap.h"
#include "src/engine/large_blocks.h"
#include "src/engine/sample_counters.h"
#include "src/engine/stacks.h"
#include "src/hooks/secrets.h"
#include "src/options/sealed_page.h"
#include "src/platform/entropy.h"
#include "src/platform/memory.h"
#include "src/platform/process.h"

namespace bartizan {

constinit SampleCounters g_sample_counters = {};

namespace {

// Of the mappings that a process may have, so many at most are spent on live samples, where each
// spends one.
constexpr size_t kShareOfMappings = 4;

constinit std::atomic<uint64_t> g_events{0};

// -ln(r / 2^32), in units of 2^-16.
uint64_t NegativeLogarithm(uint32_t r) {
  constexpr unsigned kFractionBits = 16;
  constexpr uint64_t kLn2 = 45426;
  if (r == 0) r = 1;
  const auto top = static_cast<unsigned>(std::bit_width(r) - 1);
  uint64_t log2 = top;
  // The fraction bit by bit: a number from 1 to 2, squared, is 2 or more where the next bit is 1.
  uint64_t number = uint64_t{r} << (31 - top);
  for (unsigned i = 0; i < kFractionBits; ++i) {
    number = number * number >> 31;
    const uint64_t bit = number >> 32;
    number >>= bit;
    log2 = log2 << 1 | bit;
  }
  return ((uint64_t{32} << kFractionBits) - log2) * kLn2 >> kFractionBits;
}

// How many samples may be alive. A page is counted for each: what is larger would need the rest of
// its memory anyway.
size_t MostLive() {
  const size_t by_memory = OptionsInForce().sample_memory / platform::kPageBytes;
  if (!g_large_blocks.SamplesSpendMappings()) return by_memory;
  return std::min(by_memory, platform::MappingLimit() / kShareOfMappings);
}

void Record(SampleEvent& event) {
  event.stack = RecordStack();
  const BinSet* const bins = CurrentBins();
  // A thread that only frees has no heap.
  event.thread = HasHeap(bins) ? static_cast<const Heap*>(bins)->thread : platform::ThreadId();
  event.time_ns = platform::Nanoseconds();
  event.number = g_events.fetch_add(1, std::memory_order_relaxed) + 1;
}

void CountAllocation(const LargeBlock& block) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  SampleCounters& counters = g_sample_counters;
  Sample& sample = *block.sample;
  sample.operations = counters.operations.fetch_add(sample.weight, kRelaxed);
  counters.Add(Sampled::kSize, block.requested, sample.weight);
  const uint64_t bytes = sample.weight * block.requested;
  const uint64_t live = counters.live_bytes.fetch_add(bytes, kRelaxed) + bytes;
  uint64_t peak = counters.peak_bytes.load(kRelaxed);
  while (live > peak && !counters.peak_bytes.compare_exchange_weak(peak, live, kRelaxed)) {
  }
}

void CountFree(const LargeBlock& block) {
  constexpr uint64_t kNanosecondsPerMicrosecond = 1000;
  SampleCounters& counters = g_sample_counters;
  const Sample& sample = *block.sample;
  const uint64_t lived = sample.free.time_ns - sample.allocation.time_ns;
  // Rounded up: a bucket holds what is no more than its bound.
  const uint64_t microseconds =
      (lived + kNanosecondsPerMicrosecond - 1) / kNanosecondsPerMicrosecond;
  counters.Add(Sampled::kLifetime, microseconds, sample.weight);
  const uint64_t now = counters.operations.fetch_add(sample.weight, std::memory_order_relaxed);
  counters.Add(Sampled::kLifetimeOperations, now - sample.operations, sample.weight);
  counters.live_bytes.fetch_sub(sample.weight * block.requested, std::memory_order_relaxed);
}

constexpr size_t kWord = sizeof(uint64_t);

// What lies in an aligned word there while the block lives. The first byte, which an overflow meets
// first, hangs on all that changes in the address; none is zero, which is what an off-by-one string
// leaves.
uint64_t PatternAt(uintptr_t word) {
  constexpr uint64_t kLowBits = 0x0101010101010101;
  const uint64_t mixed =
      word * (SecretWord(Secret::kCanaryFactor) | 1) + SecretWord(Secret::kCanaryPlace);
  return (mixed ^ mixed >> 32) | kLowBits;
}
uint8_t PatternByteAt(uintptr_t byte) {
  return static_cast<uint8_t>(PatternAt(AlignDown(byte, kWord)) >> 8 * (byte % kWord));
}

// Most of it is whole words, which are looked at several at a time.
struct Slack {
  Slack(uintptr_t first, uintptr_t last)
      : begin(first),
        words_begin(std::min(AlignUp(begin, kWord), last)),
        words_end(std::max(AlignDown(last, kWord), words_begin)),
        end(last) {}

  uintptr_t begin;
  uintptr_t words_begin;
  uintptr_t words_end;
  uintptr_t end;
};
Slack SlackBefore(const LargeBlock& block) {
  const size_t bytes = std::min(block.user - block.map_begin, platform::kPageBytes);
  return {block.user - bytes, block.user};
}
Slack SlackAfter(const LargeBlock& block) {
  const uintptr_t end = block.user + block.requested;
  return {end, end + std::min(block.map_end - end, platform::kPageBytes)};
}

bool IsIntact(const Slack& slack) {
  uint64_t changed = 0;
  for (uintptr_t at = slack.begin; at < slack.words_begin; ++at) {
    changed |= *reinterpret_cast<const uint8_t*>(at) ^ PatternByteAt(at);
  }
  for (uintptr_t at = slack.words_begin; at < slack.words_end; at += kWord) {
    changed |= *reinterpret_cast<const uint64_t*>(at) ^ PatternAt(at);
  }
  for (uintptr_t at = slack.words_end; at < slack.end; ++at) {
    changed |= *reinterpret_cast<const uint8_t*>(at) ^ PatternByteAt(at);
  }
  return changed == 0;
}
// Without reading first, which would cost a fresh page a fault of its own.
void Paint(const Slack& slack) {
  for (uintptr_t at = slack.begin; at < slack.words_begin; ++at) {
    *reinterpret_cast<uint8_t*>(at) = PatternByteAt(at);
  }
  for (uintptr_t at = slack.words_begin; at < slack.words_end; at += kWord) {
    *reinterpret_cast<uint64_t*>(at) = PatternAt(at);
  }
  for (uintptr_t at = slack.words_end; at < slack.end; ++at) {
    *reinterpret_cast<uint8_t*>(at) = PatternByteAt(at);
  }
}

[[noreturn]] void ReportSlack(const LargeBlock& block, std::string_view what,
                              std::string_view detail) {
  ReportViolation({
      .what = what,
      .detail = detail,
      .address = block.user,
      .requested = block.requested,
      .advice = "check every write to blocks of this size for its bound",
      .layer = "sampling",
  });
}

}  // namespace

namespace samples {

uint32_t DrawDistance(RandomStream& random, uint32_t interval) {
  if (interval == 0) return UINT32_MAX;
  if (interval == 1) return 0;
  const uint64_t drawn = NegativeLogarithm(random.Next32());
  // ln(r) / ln(1 - 1/interval): the divisor is too short a number where the interval is long, and
  // then close to -1/(interval - 1/2).
  constexpr uint32_t kLong = 64;
  if (interval < kLong) {
    const uint64_t all = uint64_t{1} << 32;
    return static_cast<uint32_t>(drawn /
                                 NegativeLogarithm(static_cast<uint32_t>(all - all / interval)));
  }
  const uint64_t distance = drawn * (2 * uint64_t{interval} - 1) >> 17;
  return static_cast<uint32_t>(std::min<uint64_t>(distance, UINT32_MAX));
}

uint64_t Admit(RandomStream& random, uint32_t interval) {
  const size_t most = MostLive();
  const size_t freely = most / 2;
  const size_t live = g_large_blocks.sampled_count();
  if (live < freely) return interval;
  if (live >= most) return 0;
  const size_t room = most - live;
  if (random.Below(static_cast<uint32_t>(most - freely)) >= room) return 0;
  return interval * uint64_t{most - freely} / room;
}

void RecordAllocation(LargeBlock* block, uint64_t weight) {
  Record(block->sample->allocation);
  block->sample->free = {};
  block->sample->weight = weight;
  g_stack_table.CountAllocated(block->sample->allocation.stack, weight, weight * block->requested);
  CountAllocation(*block);
}
void RecordFree(LargeBlock* block) {
  Record(block->sample->free);
  const uint64_t weight = block->sample->weight;
  g_stack_table.CountFreed(block->sample->allocation.stack, weight, weight * block->requested);
  CountFree(*block);
}

void PaintSlack(const LargeBlock& block) {
  Paint(SlackBefore(block));
  Paint(SlackAfter(block));
}

void CheckSlack(const LargeBlock& block) {
  if (!IsIntact(SlackBefore(block))) {
    ReportSlack(block, "heap underflow", "bytes right before the block were overwritten");
  }
  if (!IsIntact(SlackAfter(block))) {
    ReportSlack(block, "heap overflow", "bytes right behind the block were overwritten");
  }
}

}  // namespace samples

bool FindSample(uintptr_t address, SampleView* view) {
  return g_large_blocks.FindSample(address, view);
}

}  // namespace bartizan
