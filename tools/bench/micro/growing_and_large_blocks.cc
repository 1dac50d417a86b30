// Blocks that grow by realloc, and blocks of megabytes.
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"

namespace bench {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

// A block that is written to its end whenever it has grown.
class GrowingBlock {
 public:
  GrowingBlock() = default;
  ~GrowingBlock() { free(block_); }
  GrowingBlock(const GrowingBlock&) = delete;
  GrowingBlock& operator=(const GrowingBlock&) = delete;

  void Grow(size_t size) {
    block_ = static_cast<char*>(realloc(block_, size));
    if (block_ == nullptr) abort();
    memset(block_ + size_, 1, size - size_);
    size_ = size;
    Publish(block_);
  }

  size_t Size() const { return size_; }

 private:
  char* block_ = nullptr;
  size_t size_ = 0;
};

constexpr size_t kStep = 4 * kKiB;

// How many of the steps are done within half a second. Where each step copies the block, all of
// them take minutes; then the mean is of the first ones, which are the cheaper ones.
uint64_t StepsInTime(uint64_t wanted) {
  constexpr double kNanoseconds = 5e8;
  const double begin = Nanoseconds();
  GrowingBlock block;
  uint64_t steps = 0;
  while (steps < wanted && Nanoseconds() - begin < kNanoseconds) block.Grow(++steps * kStep);
  return steps;
}

void ReallocStep(Run& run, uint64_t mebibytes) {
  const uint64_t steps = StepsInTime(run.Amount(mebibytes * kMiB / kStep));
  run.Repeat(steps, [=] {
    GrowingBlock block;
    for (uint64_t i = 1; i <= steps; ++i) block.Grow(i * kStep);
  });
}

constexpr size_t kSmallest = 64;

uint64_t GrowTo(GrowingBlock* blocks, size_t count, size_t most, size_t numerator) {
  uint64_t steps = 0;
  for (size_t size = kSmallest; size <= most; size = size * numerator / 2) {
    for (size_t i = 0; i < count; ++i, ++steps) blocks[i].Grow(size);
  }
  return steps;
}

// Several blocks by turns, as in a program with several arrays: nothing is free right behind them.
template <size_t kCount, size_t kNumerator>
void ReallocFactor(Run& run, uint64_t mebibytes) {
  const size_t most = run.Amount(mebibytes * kMiB);
  uint64_t steps = 0;
  {
    GrowingBlock blocks[kCount];
    steps = GrowTo(blocks, kCount, most, kNumerator);
  }
  run.Repeat(steps, [=] {
    GrowingBlock blocks[kCount];
    GrowTo(blocks, kCount, most, kNumerator);
  });
}

// 1 to 32 MiB, the same in each chunk.
constexpr size_t kLargeSizes = 12;

size_t LargeSize(Random& random) { return random.Doublings(20, 25); }

void* AllocateAndWrite(size_t size) {
  void* const block = malloc(size);
  if (block == nullptr) abort();
  memset(block, 1, size);
  Publish(block);
  return block;
}

void LargePair(Run& run, uint64_t /*argument*/) {
  const uint64_t blocks = run.Amount(kLargeSizes);
  run.Repeat(blocks, [=] {
    Random random(0);
    for (uint64_t i = 0; i < blocks; ++i) free(AllocateAndWrite(LargeSize(random)));
  });
}

void LargeLive(Run& run, uint64_t live) {
  Table<void*> blocks(live);
  const uint64_t operations = run.Amount(kLargeSizes);
  run.Repeat(operations, [&] {
    Random random(1);
    for (uint64_t i = 0; i < operations; ++i) {
      void*& block = blocks[random.Below(live)];
      free(block);
      block = AllocateAndWrite(LargeSize(random));
    }
  });
  for (void* block : blocks) free(block);
}

// One size each, from below to above where allocators begin to map memory for the block alone.
void LargeSame(Run& run, uint64_t kibibytes) {
  const uint64_t blocks = run.Amount(std::max<uint64_t>(1, 16 * kKiB / kibibytes));
  run.Repeat(blocks, [=] {
    for (uint64_t i = 0; i < blocks; ++i) free(AllocateAndWrite(kibibytes * kKiB));
  });
}

constexpr uint64_t kMostMebibytes[] = {16};
constexpr uint64_t kLive[] = {8};
constexpr uint64_t kSameKibibytes[] = {256, 1024, 8192};

constexpr Benchmark kList[] = {
    {"realloc-step", "a block grows by 4 KiB to so many MiB, kept written", kMostMebibytes,
     ReallocStep},
    {"realloc-double", "a block doubles to so many MiB, kept written", kMostMebibytes,
     ReallocFactor<1, 4>},
    {"realloc-grow", "four blocks by turns grow by half to so many MiB, kept written",
     kMostMebibytes, ReallocFactor<4, 3>},
    {"large-pair", "blocks of 1 to 32 MiB: allocated, written, freed", {}, LargePair},
    {"large-live", "so many live blocks of 1 to 32 MiB, replaced at random and written", kLive,
     LargeLive},
    {"large-same", "blocks of so many KiB: allocated, written, freed", kSameKibibytes, LargeSame},
};

}  // namespace

constinit const BenchmarkList kGrowingAndLargeBlocks = kList;

}  // namespace bench
