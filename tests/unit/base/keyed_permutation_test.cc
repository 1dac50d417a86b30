#include "src/base/keyed_permutation.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "tests/support/random.h"

namespace bartizan {
namespace {

constexpr uint64_t kNumbers = uint64_t{1} << KeyedPermutation::kBits;
constexpr HashKey kKey = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

// The authors' test vector for SipHash-2-4 of the eight bytes 00 to 07.
TEST(SipHash, IsWhatItsAuthorsSay) {
  EXPECT_EQ((SipHash<2, 4>(kKey, 0x0706050403020100)), 0x93f5f5799a932462u);
}

TEST(SipHash, DependsOnRoundsKeyAndMessage) {
  const uint64_t hash = SipHash<1, 3>(kKey, 5);
  EXPECT_NE(hash, (SipHash<2, 3>(kKey, 5)));
  EXPECT_NE(hash, (SipHash<1, 4>(kKey, 5)));
  EXPECT_NE(hash, (SipHash<1, 3>(kKey, 6)));
  EXPECT_NE(hash, (SipHash<1, 3>({{kKey.words[0] ^ 1, kKey.words[1]}}, 5)));
  EXPECT_NE(hash, (SipHash<1, 3>({{kKey.words[0], kKey.words[1] ^ 1}}, 5)));
}

// A function that is none, and not a permutation, would meet an image again among so many.
TEST(KeyedPermutation, MeetsNoImageTwice) {
  const KeyedPermutation permutation(kKey);
  std::unordered_set<uint64_t> images;
  constexpr uint64_t kEach = 1 << 16;
  // Beginning, end, and across the border between the halves.
  for (uint64_t first : {uint64_t{0}, kNumbers - kEach, kNumbers / 2 - kEach / 2}) {
    for (uint64_t number = first; number < first + kEach; ++number) {
      const uint64_t image = permutation.Map(7, number);
      ASSERT_LT(image, kNumbers);
      ASSERT_TRUE(images.insert(image).second) << number;
    }
  }
}

TEST(KeyedPermutation, IsAnotherForEachKeyAndTweak) {
  const KeyedPermutation permutation(kKey);
  const KeyedPermutation other(HashKey{{kKey.words[0], kKey.words[1] ^ (uint64_t{1} << 63)}});
  for (uint64_t number = 0; number < 1000; ++number) {
    const uint64_t image = permutation.Map(7, number);
    EXPECT_NE(image, other.Map(7, number));
    EXPECT_NE(image, permutation.Map(8, number));
    EXPECT_NE(image, permutation.Map(7 + (1u << 23), number));
  }
}

// Each bit of the image turns over in half of the cases when one bit of the number does.
TEST(KeyedPermutation, SpreadsEachBitOverAll) {
  constexpr int kCases = 2000;
  const KeyedPermutation permutation(kKey);
  test::Random random(1);
  for (unsigned turned = 0; turned < KeyedPermutation::kBits; ++turned) {
    std::vector<int> changes(KeyedPermutation::kBits);
    for (int i = 0; i < kCases; ++i) {
      const uint64_t number = random.Next() % kNumbers;
      const auto tweak = static_cast<uint32_t>(random.Below(1 << 24));
      uint64_t changed =
          permutation.Map(tweak, number) ^ permutation.Map(tweak, number ^ uint64_t{1} << turned);
      for (; changed != 0; changed &= changed - 1) changes[std::countr_zero(changed)]++;
    }
    constexpr int kHalf = kCases / 2;
    // Eight standard deviations.
    for (int count : changes) EXPECT_NEAR(count, kHalf, 180) << turned;
  }
}

}  // namespace
}  // namespace bartizan
