// What a heap keeps in empty slabs is not held besides what other sizes need.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/base/bits.h"

namespace bartizan {
namespace {

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

std::vector<void*> AllocateBlocksOf(size_t bytes, size_t total) {
  std::vector<void*> blocks(total / bytes);
  for (void*& block : blocks) std::memset(block = bartizan_malloc(bytes), 1, bytes);
  return blocks;
}
void FreeAll(const std::vector<void*>& blocks) {
  for (void* block : blocks) bartizan_free(block);
}

TEST(EmptySlabs, GoBackWhereAnotherClassGrows) {
  // A large heap keeps more of them.
  const std::vector<void*> others = AllocateBlocksOf(300, 32 * kMiB);
  FreeAll(AllocateBlocksOf(700, 8 * kMiB));
  const bartizan_statistics before = Statistics();
  const std::vector<void*> blocks = AllocateBlocksOf(5700, 8 * kMiB);
  const bartizan_statistics after = Statistics();
  EXPECT_GE(after.slabs_returned, before.slabs_returned + 16);
  FreeAll(blocks);
  FreeAll(others);
}

// Within the little that is always kept, sizes that take turns find their own again.
TEST(EmptySlabs, StayWhereThereAreFew) {
  bartizan_purge();
  constexpr size_t kLittle = kMiB / 4;
  for (int round = 0; round < 3; ++round) {
    FreeAll(AllocateBlocksOf(700, kLittle));
    FreeAll(AllocateBlocksOf(5700, kLittle));
  }
  const bartizan_statistics before = Statistics();
  for (int round = 0; round < 3; ++round) {
    FreeAll(AllocateBlocksOf(700, kLittle));
    FreeAll(AllocateBlocksOf(5700, kLittle));
  }
  EXPECT_EQ(Statistics().slabs_returned, before.slabs_returned);
}

}  // namespace
}  // namespace bartizan
