#include "src/leaks/block_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace bartizan::leaks {
namespace {

// The address of the block that a word refers to, or 0.
struct Found {
  uintptr_t begin = 0;
  bool is_empty_array = false;
  bool operator==(const Found&) const = default;
};

class BlockTableTest : public testing::Test {
 protected:
  void Fill(const std::vector<Block>& blocks) {
    table_.Clear();
    for (const Block& block : blocks) ASSERT_TRUE(table_.Add(block));
    table_.Sort();
  }
  static Block Of(uintptr_t begin, size_t bytes) {
    return {begin, bytes, 0, kNoBlock, Reach::kNone, false};
  }
  Found Find(uintptr_t word) const {
    Found found;
    const BlockIndex index = table_.Find(word, &found.is_empty_array);
    if (index == kNoBlock) return {};
    found.begin = table_[index].begin;
    return found;
  }

  BlockTable table_;
};

TEST_F(BlockTableTest, AnEmptyOneFindsNothing) {
  Fill({});
  for (const uintptr_t word : {uintptr_t{0}, uintptr_t{1}, ~uintptr_t{0}}) {
    EXPECT_EQ(Find(word), Found{});
  }
}

TEST_F(BlockTableTest, EveryByteOfABlockIsItsOwn) {
  Fill({Of(0x5000, 100), Of(0x1000, 16), Of(0x3000, 3)});
  EXPECT_EQ(Find(0x0fff), Found{});
  EXPECT_EQ(Find(0x1000), (Found{0x1000}));
  EXPECT_EQ(Find(0x100f), (Found{0x1000}));
  EXPECT_EQ(Find(0x1010), Found{});
  EXPECT_EQ(Find(0x2fff), Found{});
  EXPECT_EQ(Find(0x3002), (Found{0x3000}));
  EXPECT_EQ(Find(0x3003), Found{});
  EXPECT_EQ(Find(0x5000 + 50), (Found{0x5000}));
  EXPECT_EQ(Find(0x5000 + 99), (Found{0x5000}));
  EXPECT_EQ(Find(0x5000 + 100), Found{});
  EXPECT_EQ(Find(0), Found{});
  EXPECT_EQ(Find(~uintptr_t{0}), Found{});
}

TEST_F(BlockTableTest, OneWithoutBytesHasItsAddress) {
  Fill({Of(0x1000, 0), Of(0x2000, 0)});
  EXPECT_EQ(Find(0x1000), (Found{0x1000}));
  EXPECT_EQ(Find(0x1001), Found{});
  EXPECT_EQ(Find(0x2000), (Found{0x2000}));
}

TEST_F(BlockTableTest, TheEndOfEightBytesMayBeAnEmptyArray) {
  Fill({Of(0x1000, 8), Of(0x2000, 9), Of(0x3000, 7), Of(0x4000, 8)});
  EXPECT_EQ(Find(0x1007), (Found{0x1000, false}));
  EXPECT_EQ(Find(0x1008), (Found{0x1000, true}));
  EXPECT_EQ(Find(0x1009), Found{});
  EXPECT_EQ(Find(0x2008), (Found{0x2000, false}));
  EXPECT_EQ(Find(0x2009), Found{});
  EXPECT_EQ(Find(0x3008), Found{});
  EXPECT_EQ(Find(0x4008), (Found{0x4000, true})) << "of the last one, too";
}

TEST_F(BlockTableTest, WhatBeginsWhereAnotherEndsIsMeant) {
  Fill({Of(0x1000, 8), Of(0x1008, 8), Of(0x1010, 32)});
  EXPECT_EQ(Find(0x1008), (Found{0x1008, false}));
  EXPECT_EQ(Find(0x1010), (Found{0x1010, false}));
}

TEST_F(BlockTableTest, ManyInAnyOrder) {
  constexpr uintptr_t kFirst = uintptr_t{1} << 40;
  constexpr size_t kCount = 20'011;  // a prime
  std::vector<Block> blocks;
  for (size_t i = 0; i < kCount; ++i) blocks.push_back(Of(kFirst + i * 7919 % kCount * 64, 48));
  Fill(blocks);
  ASSERT_EQ(table_.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    const uintptr_t begin = kFirst + i * 64;
    ASSERT_EQ(Find(begin + 47), (Found{begin}));
    ASSERT_EQ(Find(begin + 48), Found{});
  }
}

TEST_F(BlockTableTest, ClearedItForgetsAll) {
  Fill({Of(0x1000, 16)});
  Fill({Of(0x9000, 16)});
  EXPECT_EQ(Find(0x1000), Found{});
  EXPECT_EQ(Find(0x9000), (Found{0x9000}));
  Fill({});
  EXPECT_EQ(Find(0x9000), Found{});
}

}  // namespace
}  // namespace bartizan::leaks
