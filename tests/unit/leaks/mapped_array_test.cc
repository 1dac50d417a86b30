#include "src/leaks/mapped_array.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>

namespace bartizan::leaks {
namespace {

using Array = MappedArray<uint64_t>;

bool HoldsNumbers(const Array& array) {
  uint64_t expected = 0;
  for (const uint64_t number : array) {
    if (number != expected++) return false;
  }
  return expected == array.size();
}

TEST(MappedArray, KeepsWhatItHoldsWhenItGrows) {
  Array array;
  EXPECT_TRUE(array.empty());
  EXPECT_EQ(array.begin(), array.end());
  for (uint64_t i = 0; i < 300'000; ++i) ASSERT_TRUE(array.Push(i));
  EXPECT_EQ(array.size(), 300'000U);
  EXPECT_TRUE(HoldsNumbers(array));
  EXPECT_FALSE(array.failed());
}

// Some do not divide a mapping.
TEST(MappedArray, OfAnySize) {
  struct Odd {
    unsigned char bytes[4099];
  };
  MappedArray<Odd> array;
  for (int i = 0; i < 200; ++i) {
    Odd odd = {};
    odd.bytes[0] = odd.bytes[4098] = static_cast<unsigned char>(i);
    ASSERT_TRUE(array.Push(odd));
  }
  for (size_t i = 0; i < 200; ++i) {
    ASSERT_EQ(array[i].bytes[0], i);
    ASSERT_EQ(array[i].bytes[4098], i);
  }
}

TEST(MappedArray, GivesBackFromItsEnd) {
  Array array;
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(array.Push(i));
  EXPECT_EQ(array.Pop(), 9U);
  EXPECT_EQ(array.Pop(), 8U);
  array.CutTo(5);
  EXPECT_EQ(array.size(), 5U);
  array.CutTo(7);
  EXPECT_EQ(array.size(), 5U);
  EXPECT_TRUE(HoldsNumbers(array));
  array.Clear();
  EXPECT_TRUE(array.empty());
  ASSERT_TRUE(array.Push(0));
  EXPECT_TRUE(HoldsNumbers(array));
}

TEST(MappedArray, WithoutMemoryItStaysAsItIs) {
  Array array;
  Array without;
  ASSERT_TRUE(array.Push(0));
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &none), 0);
  uint64_t pushed = 1;
  while (pushed < 1'000'000 && array.Push(pushed)) ++pushed;
  const bool first = without.Push(0);
  setrlimit(RLIMIT_AS, &limit);
  EXPECT_FALSE(first);
  EXPECT_TRUE(without.failed());
  EXPECT_TRUE(without.empty());
  EXPECT_LT(pushed, 1'000'000U);
  EXPECT_TRUE(array.failed());
  EXPECT_EQ(array.size(), pushed);
  EXPECT_TRUE(HoldsNumbers(array));
  EXPECT_TRUE(array.Push(pushed)) << "there is memory again";
  EXPECT_TRUE(array.failed()) << "something is missing";
}

}  // namespace
}  // namespace bartizan::leaks
