#include "src/options/values.h"

#include <gtest/gtest.h>

#include <string_view>

namespace bartizan {
namespace {

constexpr uint64_t kUnset = 4711;

uint64_t Bytes(std::string_view text) {
  uint64_t value = kUnset;
  return ParseBytes(text, &value) ? value : kUnset;
}

uint64_t Milliseconds(std::string_view text) {
  uint64_t value = kUnset;
  return ParseMilliseconds(text, &value) ? value : kUnset;
}

TEST(Values, SizesHaveBinaryUnits) {
  EXPECT_EQ(Bytes("0"), 0u);
  EXPECT_EQ(Bytes("4096"), 4096u);
  EXPECT_EQ(Bytes("16k"), 16384u);
  EXPECT_EQ(Bytes("16K"), 16384u);
  EXPECT_EQ(Bytes("3m"), 3u << 20);
  EXPECT_EQ(Bytes("1g"), 1u << 30);
  EXPECT_EQ(Bytes("1T"), uint64_t{1} << 40);
  EXPECT_EQ(Bytes("18446744073709551615"), UINT64_MAX);
}

TEST(Values, WrongSizesAreRefused) {
  for (std::string_view text :
       {"", "k", "12x", "12kb", "-1", "+1", " 1", "1 k", "0x10", "1.5m", "18446744073709551616",
        "99999999999999999999", "16777216t", "18014398509481984k"}) {
    EXPECT_EQ(Bytes(text), kUnset) << text;
  }
}

TEST(Values, PatternsAreRepeated) {
  const auto pattern = [](std::string_view text) {
    uint64_t value = kUnset;
    return ParsePattern(text, &value) ? value : kUnset;
  };
  EXPECT_EQ(pattern("off"), 0u);
  EXPECT_EQ(pattern("0x0"), 0u);
  EXPECT_EQ(pattern("0xA5"), 0xa5a5a5a5a5a5a5a5u);
  EXPECT_EQ(pattern("0Xa"), 0x0a0a0a0a0a0a0a0au);
  EXPECT_EQ(pattern("0xbad"), 0x0bad0bad0bad0badu);
  EXPECT_EQ(pattern("0xdeadbeef"), 0xdeadbeefdeadbeefu);
  EXPECT_EQ(pattern("0x123456789"), 0x0000000123456789u);
  EXPECT_EQ(pattern("0x0123456789ABCDEF"), 0x0123456789abcdefu);
  for (std::string_view text :
       {"", "a5", "165", "0x", "0xg", "0x1 ", "on", "0x00123456789abcdef"}) {
    EXPECT_EQ(pattern(text), kUnset) << text;
  }
}

TEST(Values, DurationsAreMillisecondsOrSeconds) {
  EXPECT_EQ(Milliseconds("0"), 0u);
  EXPECT_EQ(Milliseconds("250"), 250u);
  EXPECT_EQ(Milliseconds("250ms"), 250u);
  EXPECT_EQ(Milliseconds("2s"), 2000u);
  for (std::string_view text : {"", "s", "ms", "2m", "2 s", "-1", "18446744073709551615s"}) {
    EXPECT_EQ(Milliseconds(text), kUnset) << text;
  }
}

TEST(Values, SwitchesHaveFourNamesEachWay) {
  for (std::string_view text : {"on", "yes", "true", "1"}) {
    bool value = false;
    EXPECT_TRUE(ParseSwitch(text, &value)) << text;
    EXPECT_TRUE(value) << text;
  }
  for (std::string_view text : {"off", "no", "false", "0"}) {
    bool value = true;
    EXPECT_TRUE(ParseSwitch(text, &value)) << text;
    EXPECT_FALSE(value) << text;
  }
  for (std::string_view text : {"", "On", "ON", "2", "maybe", "onn"}) {
    bool value = true;
    EXPECT_FALSE(ParseSwitch(text, &value)) << text;
    EXPECT_TRUE(value) << text;
  }
}

TEST(Values, TrimTakesBlanksOffBothEnds) {
  EXPECT_EQ(Trim(" \ta b\r "), "a b");
  EXPECT_EQ(Trim(" \t\r"), "");
  EXPECT_EQ(Trim(""), "");
}

TEST(Values, StatisticsTargets) {
  StatisticsTarget target;
  for (const char* text : {"", "off"}) {
    EXPECT_TRUE(ParseStatisticsTarget(text, &target)) << text;
    EXPECT_EQ(target.form, StatisticsTarget::kNone);
  }
  EXPECT_TRUE(ParseStatisticsTarget("text", &target));
  EXPECT_EQ(target.form, StatisticsTarget::kText);
  EXPECT_EQ(target.path, "");
  EXPECT_TRUE(ParseStatisticsTarget("json:/a:b%p", &target));
  EXPECT_EQ(target.form, StatisticsTarget::kJson);
  EXPECT_EQ(target.path, "/a:b%p");
  for (const char* text : {"on", "xml", "json:", "json:file", "off:/x", ":/x", "jso", "/x"}) {
    EXPECT_FALSE(ParseStatisticsTarget(text, &target)) << text;
  }
}

}  // namespace
}  // namespace bartizan
