#include "tools/bazel/selftest/probe.h"

#include <thread>

#include "gtest/gtest.h"

namespace {

TEST(ProbeTest, CountsPerThread) {
  EXPECT_EQ(bartizan_probe(), 1);
  EXPECT_EQ(bartizan_probe(), 2);
  int in_other_thread = 0;
  std::thread([&] { in_other_thread = bartizan_probe(); }).join();
  EXPECT_EQ(in_other_thread, 1);
}

}  // namespace
