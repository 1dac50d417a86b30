// Blocks that grow and shrink at random, from a byte to 64 MiB, with the common part checked at
// every step: `realloc [--steps=N] [--largest=N]`.
#include <algorithm>

#include "tests/support/arguments.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

constexpr size_t kBlocks = 64;

// One in 16 is large; most of those below 4 MiB.
size_t NextSize(test::Random& random, size_t old, size_t largest) {
  switch (random.Below(16)) {
    case 0:
      return random.Logarithmic(64 << 10, random.OneIn(8) ? largest : largest / 16);
    case 1:
      return old + 1;
    case 2:
      return old > 1 ? old - 1 : 1;
    case 3:
      return std::min(old * 2, largest);
    case 4:
      return old / 2 + 1;
    case 5:
      return old;
    case 6:
      return std::min(old + old / 8 + 16, largest);
    default:
      return random.Logarithmic(1, 32 << 10);
  }
}

// A buffer that grows by small steps to `size`, then shrinks, with other allocations in its way.
void GrowBySteps(size_t size, size_t by, uint64_t seed) {
  test::Block block;
  test::Block in_the_way[16];
  test::WorkingSet set(in_the_way, test::BurstySize, seed);
  block.Allocate(1, seed);
  while (block.size < size) {
    block.Resize(block.size + by + block.size / 8);
    set.Step();
  }
  while (block.size > by) {
    block.Resize(block.size - block.size / 4 - 1);
    set.Step();
  }
  set.ReleaseAll();
  block.Release();
}

// From null, and through the sizes at which the kind of block changes.
void CrossBoundaries(size_t largest) {
  for (size_t small = 8; small <= largest; small *= 2) {
    for (size_t large = small; large <= largest; large *= 4) {
      test::Block block;
      block.at = test::Realloc(nullptr, small);
      EXPECT(block.at != nullptr, "realloc(null, %zu) failed", small);
      block.size = small;
      block.seed = large;
      test::FillSparse(block.at, block.size, block.seed);
      block.Resize(large);
      block.Resize(large + 1);
      block.Resize(small - 1);
      block.Resize(small);
      block.Release();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t steps = arguments.Amount("steps", 100000, 5000000);
  size_t largest = arguments.Number("largest", 64 << 20);
  arguments.RejectUnknown();
  CrossBoundaries(largest);
  for (size_t by : {16, 4096, 100000}) GrowBySteps(std::min<size_t>(largest, 16 << 20), by, by);
  test::Progress progress("realloc", steps);
  test::Block blocks[kBlocks];
  for (uint64_t i = 0; i < steps; ++i) {
    test::Block& block = blocks[random.Below(kBlocks)];
    if (block.at == nullptr) {
      block.Allocate(test::MixedSize(random), random.Next());
    } else if (random.OneIn(20)) {
      block.CheckContents();
      block.Release();
    } else {
      block.Resize(NextSize(random, block.size, largest));
    }
    progress.At(i);
  }
  for (test::Block& block : blocks) {
    if (block.at == nullptr) continue;
    block.CheckContents();
    block.Release();
  }
  return 0;
}
