// Against the C++ library's algorithms, on every small range and overlap.
#include "src/platform/plain_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace bartizan::platform {
namespace {

template <class C>
class PlainMemory : public testing::Test {
 protected:
  static constexpr size_t kCount = 40;
  using Text = std::basic_string<C>;

  static Text Counted() {
    Text text(kCount, C{});
    std::iota(text.begin(), text.end(), C{1});
    return text;
  }
};
using Elements = testing::Types<char, wchar_t>;
TYPED_TEST_SUITE(PlainMemory, Elements);

TYPED_TEST(PlainMemory, MovesWhateverOverlaps) {
  for (size_t to = 0; to < 20; ++to) {
    for (size_t from = 0; from < 20; ++from) {
      for (size_t count = 0; count <= 20; ++count) {
        auto text = this->Counted();
        auto expected = text;
        const auto moved = expected.substr(from, count);
        expected.replace(to, count, moved);
        EXPECT_EQ(PlainMove(&text[to], &text[from], count), &text[to]);
        ASSERT_EQ(text, expected) << to << " from " << from << ", " << count;
      }
    }
  }
}

TYPED_TEST(PlainMemory, CopiesToLowerAddresses) {
  for (size_t count = 0; count <= 20; ++count) {
    auto text = this->Counted();
    auto expected = text;
    const auto moved = expected.substr(1, count);
    expected.replace(0, count, moved);
    EXPECT_EQ(PlainCopy(text.data(), &text[1], count), text.data());
    EXPECT_EQ(text, expected);
  }
}

TYPED_TEST(PlainMemory, SetsSoMany) {
  for (size_t count = 0; count <= 20; ++count) {
    auto text = this->Counted();
    auto expected = text;
    std::fill_n(expected.begin() + 3, count, TypeParam{'z'});
    EXPECT_EQ(PlainSet(&text[3], TypeParam{'z'}, count), &text[3]);
    EXPECT_EQ(text, expected);
  }
}

TYPED_TEST(PlainMemory, FindsTheFirstWithinTheLimit) {
  auto text = this->Counted();
  text[7] = TypeParam{0};
  text[9] = TypeParam{0};
  EXPECT_EQ(PlainLength(text.data()), 7u);
  EXPECT_EQ(PlainLength(text.data(), 5), 5u);
  EXPECT_EQ(PlainLength(text.data(), 0), 0u);
  EXPECT_EQ(PlainFind(text.data(), TypeParam{12}, 40), 11u);
  EXPECT_EQ(PlainFind(text.data(), TypeParam{100}, 40), 40u);
}

}  // namespace
}  // namespace bartizan::platform
