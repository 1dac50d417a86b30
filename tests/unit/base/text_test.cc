// Text of bounded length.
#include "src/base/text.h"

#include <gtest/gtest.h>

#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/support/random.h"

namespace bartizan {
namespace {

template <class Value>
std::string Written(Value value) {
  Text<64> text;
  text << value;
  EXPECT_FALSE(text.truncated());
  return std::string(text.view());
}

TEST(Text, WritesNumbersAsPrintfDoes) {
  test::Random random(1);
  for (int i = 0; i < 10000; ++i) {
    const uint64_t n = random.Next() >> random.Below(64);
    ASSERT_EQ(Written(n), std::to_string(n));
    ASSERT_EQ(Written(static_cast<uint32_t>(n)), std::to_string(static_cast<uint32_t>(n)));
    ASSERT_EQ(Written(static_cast<int>(n)), std::to_string(static_cast<int>(n)));
    Text<64> hex;
    hex.Hex(n);
    char expected[32];
    std::snprintf(expected, sizeof expected, "0x%llx", static_cast<unsigned long long>(n));
    ASSERT_EQ(hex.view(), expected);
  }
}

TEST(Text, WritesTheExtremes) {
  EXPECT_EQ(Written(uint64_t{0}), "0");
  EXPECT_EQ(Written(UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(Written(INT_MIN), "-2147483648");
  EXPECT_EQ(Written(INT_MAX), "2147483647");
  EXPECT_EQ(Written(-1), "-1");
  EXPECT_EQ(Written('x'), "x");
  EXPECT_EQ(Written(std::string_view("a\0b", 3)), std::string("a\0b", 3));
  Text<64> hex;
  EXPECT_EQ(hex.Hex(0).view(), "0x0");
}

TEST(Text, WritesSizesInTheLargestUnitThatDivides) {
  const struct {
    uint64_t bytes;
    const char* text;
  } kSizes[] = {
      {0, "0"},
      {1, "1"},
      {1023, "1023"},
      {1024, "1k"},
      {1025, "1025"},
      {1536, "1536"},
      {262144, "256k"},
      {1 << 20, "1m"},
      {(1 << 20) + 1024, "1025k"},
      {1u << 30, "1g"},
      {3ull << 40, "3t"},
      {5ull << 50, "5120t"},
      {UINT64_MAX, "18446744073709551615"},
  };
  for (const auto& size : kSizes) {
    Text<64> text;
    EXPECT_EQ(text.Size(size.bytes).view(), size.text);
  }
}

// The cut is exact, keeps what fits, and is told; nothing is written behind the object.
TEST(Text, CutsWhatDoesNotFit) {
  const std::string words = "0123456789";
  for (size_t length = 0; length <= words.size(); ++length) {
    struct {
      Text<7> text;
      char behind[16];
    } place;
    std::memset(place.behind, '#', sizeof place.behind);
    place.text << std::string_view(words).substr(0, length);
    EXPECT_EQ(place.text.view(), words.substr(0, length < 7 ? length : 7));
    EXPECT_EQ(place.text.truncated(), length > 7);
    EXPECT_EQ(place.text.size(), place.text.view().size());
    EXPECT_STREQ(place.text.c_str(), words.substr(0, length < 7 ? length : 7).c_str());
    for (char c : place.behind) EXPECT_EQ(c, '#');
  }
  Text<4> number;
  number << uint64_t{123456};
  EXPECT_EQ(number.view(), "1234");
  EXPECT_TRUE(number.truncated());
}

TEST(Text, StaysCutUntilItIsCleared) {
  Text<3> text;
  text << "abcd";
  text << "";
  EXPECT_TRUE(text.truncated());
  EXPECT_EQ(text.view(), "abc");
  text.Clear();
  EXPECT_FALSE(text.truncated());
  EXPECT_TRUE(text.empty());
  EXPECT_STREQ(text.c_str(), "");
  text << "xyz";
  EXPECT_EQ(text.view(), "xyz");
  EXPECT_FALSE(text.truncated());
}

TEST(Text, ChainsInOrder) {
  Text<64> text;
  text << "address " << uint64_t{1} << ' ' << -2 << ", ";
  text.Hex(255) << ", ";
  text.Size(2048) << "\n";
  EXPECT_EQ(text.view(), "address 1 -2, 0xff, 2k\n");
}

}  // namespace
}  // namespace bartizan
