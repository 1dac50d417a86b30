// Bit arithmetic against division, loops and 128-bit integers.
#include "src/base/bits.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/random.h"

namespace bartizan {
namespace {

// Numbers of every length, and those around powers of two.
template <class Function>
void ForManyNumbers(Function function) {
  test::Random random(1);
  for (unsigned bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    for (uint64_t n : {power - 1, power, power + 1}) function(n);
    for (int i = 0; i < 200; ++i) function(random.Next() >> bit);
  }
}

TEST(Bits, PowersOfTwoHaveOneBit) {
  ForManyNumbers([](uint64_t n) {
    int bits = 0;
    for (uint64_t rest = n; rest != 0; rest >>= 1) bits += static_cast<int>(rest & 1);
    EXPECT_EQ(IsPowerOfTwo(n), bits == 1) << n;
  });
}

TEST(Bits, AlignmentIsRoundingToAMultiple) {
  ForManyNumbers([](uint64_t n) {
    for (uint64_t alignment = 1; alignment <= uint64_t{1} << 40; alignment *= 2) {
      if (n > kMaxRequest) continue;
      const uint64_t quotient = n / alignment;
      const uint64_t rest = n % alignment;
      ASSERT_EQ(AlignDown(n, alignment), quotient * alignment);
      ASSERT_EQ(AlignUp(n, alignment), (quotient + (rest != 0)) * alignment);
      ASSERT_EQ(IsAligned(n, alignment), rest == 0);
    }
  });
}

TEST(Bits, LogarithmsAreTheBestExponents) {
  ForManyNumbers([](uint64_t n) {
    if (n == 0) return;
    unsigned floor = 0;
    while (floor < 63 && uint64_t{1} << (floor + 1) <= n) ++floor;
    const unsigned ceil = uint64_t{1} << floor == n ? floor : floor + 1;
    EXPECT_EQ(Log2Floor(n), floor) << n;
    EXPECT_EQ(Log2Ceil(n), ceil) << n;
  });
  EXPECT_EQ(Log2Ceil(0), 0u);
}

TEST(Bits, ProductsThatDoNotFitAreRefused) {
  test::Random random(2);
  int refused = 0;
  for (int i = 0; i < 100000; ++i) {
    const uint64_t a = random.Next() >> random.Below(64);
    const uint64_t b = random.Next() >> random.Below(64);
    const auto exact = static_cast<unsigned __int128>(a) * b;
    size_t product = 0;
    const bool fits = MultiplyFits(a, b, &product);
    ASSERT_EQ(fits, exact <= UINT64_MAX) << a << " * " << b;
    if (fits) {
      ASSERT_EQ(product, static_cast<uint64_t>(exact));
    }
    refused += !fits;
  }
  EXPECT_GT(refused, 10000);
  EXPECT_LT(refused, 90000);
}

TEST(Bits, UnitsAreBinary) {
  EXPECT_EQ(kKiB, 1024u);
  EXPECT_EQ(kMiB, 1024 * kKiB);
  EXPECT_EQ(kGiB, 1024 * kMiB);
  EXPECT_EQ(kTiB, 1024 * kGiB);
  EXPECT_EQ(kMaxRequest, SIZE_MAX / 2);
}

}  // namespace
}  // namespace bartizan
