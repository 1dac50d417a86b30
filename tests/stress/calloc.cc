// calloc gives zeroed memory, above all where memory is used again: the heap is made dirty with
// blocks of the same sizes first. Sizes from 0 to 64 MiB: `calloc [--steps=N] [--largest=N]`.
#include <algorithm>

#include "tests/support/arguments.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

constexpr size_t kBlocks = 48;

void* CheckedCalloc(size_t count, size_t size) {
  void* block = test::Calloc(count, size);
  EXPECT(block != nullptr, "calloc(%zu, %zu) failed", count, size);
  size_t bytes = count * size;
  if (test::AllBytesAre(block, bytes, 0)) return block;
  const char* at = static_cast<const char*>(block);
  size_t i = 0;
  while (at[i] == 0) ++i;
  EXPECT(false, "byte %zu of calloc(%zu, %zu) is %d", i, count, size, at[i]);
}

// Blocks of about this size, all bytes set, freed again.
void MakeDirty(size_t size, int count) {
  void* blocks[kBlocks];
  for (int i = 0; i < count; ++i) {
    blocks[i] = test::Malloc(size + static_cast<size_t>(i));
    EXPECT(blocks[i] != nullptr, "malloc(%zu) failed", size);
    memset(blocks[i], 0xa5, size + static_cast<size_t>(i));
  }
  for (int i = 0; i < count; ++i) test::Free(blocks[i]);
}

void EachSize(size_t largest) {
  for (size_t size = 0; size <= largest; size += 1 + size / 4) {
    int count = size <= 65536 ? kBlocks : 3;
    MakeDirty(size, count);
    void* blocks[kBlocks];
    for (int i = 0; i < count; ++i) {
      blocks[i] = i % 2 == 0 ? CheckedCalloc(1, size) : CheckedCalloc(size, 1);
      memset(blocks[i], 0x5a, size);
    }
    for (int i = 0; i < count; ++i) {
      EXPECT(test::AllBytesAre(blocks[i], size, 0x5a), "block of %zu bytes overwritten", size);
      test::Free(blocks[i]);
    }
  }
}

size_t RandomSize(test::Random& random, size_t largest) {
  if (random.OneIn(2000)) return random.Logarithmic(1 << 20, largest);
  if (random.OneIn(50)) return random.Logarithmic(16 << 10, 1 << 20);
  return random.Logarithmic(1, 16 << 10);
}

// Dirty blocks, zeroed blocks, and blocks that realloc moved or shrank, all at random.
void Mix(uint64_t steps, size_t largest, test::Random& random) {
  test::Progress progress("calloc", steps);
  test::Block blocks[kBlocks];
  for (uint64_t i = 0; i < steps; ++i) {
    test::Block& block = blocks[random.Below(kBlocks)];
    if (block.at != nullptr) {
      block.CheckContents();
      if (random.OneIn(8)) {
        block.Resize(RandomSize(random, largest));
        continue;
      }
      block.Release();
    }
    block.size = RandomSize(random, largest);
    block.seed = random.Next();
    size_t factor = random.Between(1, 8);
    size_t count = (block.size + factor - 1) / factor;
    block.size = count * factor;
    block.at = CheckedCalloc(count, factor);
    test::Fill(block.at, block.size, block.seed);
    progress.At(i);
  }
  for (test::Block& block : blocks) {
    if (block.at != nullptr) block.Release();
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t steps = arguments.Amount("steps", 200000, 4000000);
  size_t largest = arguments.Number("largest", 64 << 20);
  arguments.RejectUnknown();
  EachSize(largest);
  Mix(steps, largest, random);
  return 0;
}
