// The random stream against a plain ChaCha with 8 rounds, and its statistics.
#include "src/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "tests/support/random.h"

namespace bartizan {
namespace {

using Key = std::array<uint32_t, RandomStream::kKeyWords>;

// The cipher written from its description: a matrix of four rows, mixed by columns (`lean` 0), then
// by diagonals (1).
void MixLine(std::array<uint32_t, 16>& matrix, size_t column, size_t lean) {
  uint32_t* line[4];
  for (size_t row = 0; row < 4; ++row) line[row] = &matrix[4 * row + (column + row * lean) % 4];
  for (int rotation : {16, 12, 8, 7}) {
    const bool upper = rotation % 8 == 0;  // rows 0, 1 into 3; else 2, 3 into 1
    uint32_t& sum = *line[upper ? 0 : 2];
    uint32_t& turned = *line[upper ? 3 : 1];
    sum += *line[upper ? 1 : 3];
    const uint32_t mixed = turned ^ sum;
    turned = mixed << rotation | mixed >> (32 - rotation);
  }
}

std::array<uint32_t, 16> PlainBlock(const Key& key, uint32_t counter, size_t rounds) {
  std::array<uint32_t, 16> start{};
  std::memcpy(start.data(), "expand 32-byte k", 16);
  for (size_t i = 0; i < key.size(); ++i) start[4 + i] = key[i];
  start[12] = counter;
  std::array<uint32_t, 16> mixed = start;
  for (size_t round = 0; round < rounds; ++round) {
    for (size_t column = 0; column < 4; ++column) MixLine(mixed, column, round % 2);
  }
  for (size_t i = 0; i < 16; ++i) mixed[i] += start[i];
  return mixed;
}

// What the stream promises: four blocks under one key; the first eight words are the next key and
// are never issued, the others are issued in order.
std::vector<uint32_t> PlainStream(Key key, size_t words) {
  std::vector<uint32_t> stream;
  while (stream.size() < words) {
    std::vector<uint32_t> buffer;
    for (uint32_t counter = 0; counter < 4; ++counter) {
      const auto block = PlainBlock(key, counter, 8);
      buffer.insert(buffer.end(), block.begin(), block.end());
    }
    for (size_t i = 0; i < key.size(); ++i) key[i] = buffer[i];
    stream.insert(stream.end(), buffer.begin() + RandomStream::kKeyWords, buffer.end());
  }
  stream.resize(words);
  return stream;
}

Key RandomKey(test::Random& random) {
  Key key;
  for (uint32_t& word : key) word = static_cast<uint32_t>(random.Next());
  return key;
}

RandomStream SeededWith(const Key& key) {
  RandomStream stream;
  stream.Seed(key.data());
  return stream;
}

// The published vector for 20 rounds (RFC 8439, appendix A.1, test vector 1) and the one for 8
// (draft-strombergson-chacha-test-vectors, TC1, 256-bit key): the model itself is right.
TEST(PlainChaCha, AgreesWithThePublishedVectors) {
  const auto twenty = PlainBlock(Key{}, 0, 20);
  EXPECT_EQ(twenty[0], 0xade0b876u);
  EXPECT_EQ(twenty[1], 0x903df1a0u);
  EXPECT_EQ(twenty[15], 0x8665eeb2u);
  const auto eight = PlainBlock(Key{}, 0, 8);
  EXPECT_EQ(eight[0], 0x2fef003eu);
  EXPECT_EQ(eight[1], 0xd6405f89u);
  EXPECT_EQ(eight[15], 0x42fe0c0eu);
}

// TC1 again, without the model: what follows the eight words that become the next key.
TEST(RandomStream, BeginsAsThePublishedVectorGoesOn) {
  constexpr uint8_t kFrom32[32] = {0x98, 0x4c, 0xe1, 0x72, 0xb9, 0x21, 0x6f, 0x41, 0x9f, 0x44, 0x53,
                                   0x67, 0x45, 0x6d, 0x56, 0x19, 0x31, 0x4a, 0x42, 0xa3, 0xda, 0x86,
                                   0xb0, 0x01, 0x38, 0x7b, 0xfd, 0xb8, 0x0e, 0x0c, 0xfe, 0x42};
  RandomStream stream = SeededWith(Key{});
  for (size_t i = 0; i < sizeof kFrom32; i += 4) {
    uint32_t expected;
    std::memcpy(&expected, kFrom32 + i, sizeof expected);
    EXPECT_EQ(stream.Next32(), expected);
  }
}

TEST(RandomStream, IsChaCha8WithFastKeyErasure) {
  test::Random random(1);
  for (int round = 0; round < 20; ++round) {
    const Key key = RandomKey(random);
    RandomStream stream = SeededWith(key);
    for (uint32_t expected : PlainStream(key, 1000)) ASSERT_EQ(stream.Next32(), expected);
  }
}

TEST(RandomStream, WordsOf64BitsAreTwoOf32) {
  RandomStream one = SeededWith(Key{1});
  RandomStream two = SeededWith(Key{1});
  for (int i = 0; i < 500; ++i) {
    const uint64_t high = two.Next32();
    ASSERT_EQ(one.Next64(), high << 32 | two.Next32());
  }
}

TEST(RandomStream, SeedingDiscardsWhatWasBuffered) {
  RandomStream stream = SeededWith(Key{1});
  for (int i = 0; i < 100; ++i) stream.Next32();
  const Key again = {2};
  stream.Seed(again.data());
  for (uint32_t expected : PlainStream(again, 100)) ASSERT_EQ(stream.Next32(), expected);
}

// Whoever reads the state later finds neither what was issued nor the key it was made from.
TEST(RandomStream, ForgetsWhatItIssued) {
  test::Random random(2);
  for (size_t drawn : {size_t{1}, size_t{55}, size_t{56}, size_t{57}, size_t{300}}) {
    const Key key = RandomKey(random);
    RandomStream stream = SeededWith(key);
    std::set<uint32_t> past(key.begin(), key.end());
    for (size_t i = 0; i < drawn; ++i) past.insert(stream.Next32());
    std::array<uint32_t, sizeof(RandomStream) / sizeof(uint32_t)> state;
    std::memcpy(state.data(), &stream, sizeof stream);
    for (uint32_t word : state) EXPECT_EQ(past.count(word), 0u) << "after " << drawn;
  }
}

TEST(RandomStream, DifferentSeedsGiveDifferentStreams) {
  std::set<uint64_t> firsts;
  for (uint32_t word = 0; word < RandomStream::kKeyWords; ++word) {
    for (uint32_t bit = 0; bit < 32; ++bit) {
      Key key{};
      key[word] = 1u << bit;
      firsts.insert(SeededWith(key).Next64());
    }
  }
  EXPECT_EQ(firsts.size(), 256u);
}

// Pearson's statistic of `counts` against a uniform distribution.
double ChiSquare(const std::vector<uint64_t>& counts) {
  double total = 0;
  for (uint64_t n : counts) total += static_cast<double>(n);
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (uint64_t n : counts) {
    const double off = static_cast<double>(n) - expected;
    sum += off * off / expected;
  }
  return sum;
}

// The seed is fixed, so the result is too. A statistic of k cells has mean k - 1 and variance
// 2 (k - 1): six standard deviations leave room for any seed and none for a skewed draw.
TEST(RandomStream, BelowIsUniform) {
  for (uint32_t bound : {2u, 3u, 7u, 32u, 100u, 1000u}) {
    RandomStream stream = SeededWith(Key{bound});
    std::vector<uint64_t> counts(bound);
    for (uint32_t i = 0; i < 1000 * bound; ++i) {
      const uint32_t drawn = stream.Below(bound);
      ASSERT_LT(drawn, bound);
      counts[drawn]++;
    }
    const double freedom = bound - 1;
    EXPECT_LT(ChiSquare(counts), freedom + 6 * __builtin_sqrt(2 * freedom)) << bound;
  }
}

// Both halves of every word, in their order, also where the buffer is filled anew in between; and
// nothing behind the place for one more is written.
TEST(RandomStream, Fill16GivesTheHalvesOfWords) {
  for (size_t count = 0; count <= 200; ++count) {
    RandomStream stream = SeededWith(Key{7});
    RandomStream words = SeededWith(Key{7});
    for (int again = 0; again < 3; ++again) {
      uint16_t drawn[202];
      std::fill(std::begin(drawn), std::end(drawn), uint16_t{9});
      stream.Fill16(drawn, count);
      for (size_t i = 0; i < count; i += 2) {
        const uint32_t word = words.Next32();
        ASSERT_EQ(drawn[i], static_cast<uint16_t>(word));
        if (i + 1 < count) ASSERT_EQ(drawn[i + 1], word >> 16);
      }
      for (size_t i = count + count % 2; i < 202; ++i) ASSERT_EQ(drawn[i], 9);
    }
  }
}

TEST(RandomStream, Fill16LeavesNothingBehind) {
  RandomStream stream = SeededWith(Key{7});
  uint16_t drawn[20];
  stream.Fill16(drawn, 20);
  EXPECT_EQ(memmem(&stream, sizeof stream, drawn, sizeof drawn), nullptr);
}

TEST(RandomStream, BelowHoldsAtTheExtremes) {
  RandomStream stream = SeededWith(Key{3});
  uint32_t largest = 0;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(stream.Below(1), 0u);
    const uint32_t drawn = stream.Below(UINT32_MAX);
    EXPECT_LT(drawn, UINT32_MAX);
    largest = drawn > largest ? drawn : largest;
  }
  EXPECT_GT(largest, UINT32_MAX / 10 * 9);
}

}  // namespace
}  // namespace bartizan
