// Streams that follow from a number, and streams that do not.
#include "src/metadata/seeding.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace bartizan {
namespace {

using Words = std::array<uint32_t, RandomStream::kKeyWords>;

Words WordsOf(uint64_t seed, uint64_t path, StreamUse use, uint32_t number) {
  const StreamKey key = DeriveKey(seed, path, use, number);
  Words words;
  for (size_t i = 0; i < words.size(); ++i) words[i] = key.words[i];
  return words;
}

// Old seeds replay what they did.
TEST(Seeding, KeysStay) {
  const Words expected = {0xa828bc0a, 0xd1f6c91b, 0x84dc7f1b, 0x809e81da,
                          0x45ebd041, 0x7b1238a5, 0xaf2a1898, 0xc94440a1};
  EXPECT_EQ(WordsOf(42, 0, StreamUse::kHeap, 1), expected);
}

TEST(Seeding, EveryArgumentCounts) {
  std::set<Words> keys;
  for (const uint64_t seed : {1, 2, 3}) {
    for (const uint64_t path : {0, 1, 2, 3}) {
      for (const StreamUse use : {StreamUse::kStart, StreamUse::kHeap, StreamUse::kStacks}) {
        for (const uint32_t number : {0, 1, 2, 3}) keys.insert(WordsOf(seed, path, use, number));
      }
    }
  }
  EXPECT_EQ(keys.size(), size_t{3} * 4 * 3 * 4);
}

uint64_t FirstOf(StreamUse use, uint32_t number) { return NewStream(use, number).Next64(); }

TEST(Seeding, WithoutASeedNoStreamComesTwice) {
  seeding::Start(0);
  std::set<uint64_t> firsts;
  for (int i = 0; i < 100; ++i) firsts.insert(FirstOf(StreamUse::kHeap, 1));
  EXPECT_EQ(firsts.size(), 100u);
}

TEST(Seeding, WithASeedTheSameStreamComesAgain) {
  seeding::Start(42);
  EXPECT_EQ(FirstOf(StreamUse::kHeap, 1), FirstOf(StreamUse::kHeap, 1));
  EXPECT_NE(FirstOf(StreamUse::kHeap, 1), FirstOf(StreamUse::kHeap, 2));
  EXPECT_NE(FirstOf(StreamUse::kHeap, 1), FirstOf(StreamUse::kLargeBlocks, 1));
  seeding::Start(0);
}

// A child, its younger sibling and its own first child.
TEST(Seeding, ForksHaveStreamsOfTheirOwn) {
  seeding::Start(42);
  std::set<uint64_t> firsts = {FirstOf(StreamUse::kHeap, 1)};
  seeding::BeginFork();
  EXPECT_EQ(FirstOf(StreamUse::kHeap, 1), *firsts.begin()) << "the parent goes on as it was";
  seeding::BeginFork();
  seeding::BeginChild();  // the second child
  firsts.insert(FirstOf(StreamUse::kHeap, 1));
  seeding::BeginFork();
  seeding::BeginChild();  // its first
  firsts.insert(FirstOf(StreamUse::kHeap, 1));
  EXPECT_EQ(firsts.size(), 3u);
  seeding::Start(0);
}

}  // namespace
}  // namespace bartizan
