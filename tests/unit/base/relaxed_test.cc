// A value that is read while it is written.
#include "src/base/relaxed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace bartizan {
namespace {

TEST(Relaxed, HoldsWhatWasStored) {
  Relaxed<uint64_t> value;
  EXPECT_EQ(value, 0u);
  value = 7;
  EXPECT_EQ(value, 7u);
  constexpr Relaxed<size_t> kConstant = 5;
  EXPECT_EQ(kConstant, 5u);
}

// A plain value would be a race, which the thread sanitizer sees; a torn one holds half of each.
TEST(Relaxed, IsReadWhole) {
  static Relaxed<uint64_t> value;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (uint64_t i = 0; !stop; ++i) value = i % 2 == 0 ? 0 : ~uint64_t{0};
  });
  for (int i = 0; i < 100000; ++i) {
    const uint64_t now = value;
    ASSERT_TRUE(now == 0 || now == ~uint64_t{0}) << now;
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace bartizan
