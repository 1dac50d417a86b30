// Randomness from the kernel, with and without the kernel's help.
#include "src/platform/entropy.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>
#include <functional>
#include <set>

#include "tests/support/system_calls.h"

namespace bartizan::platform {
namespace {

TEST(FillRandom, FillsExactlyTheBuffer) {
  for (size_t bytes = 0; bytes <= 300; ++bytes) {
    std::array<unsigned char, 340> buffer;
    buffer.fill(0xa5);
    EXPECT_TRUE(FillRandom(buffer.data() + 16, bytes));
    for (size_t i = 0; i < 16; ++i) ASSERT_EQ(buffer[i], 0xa5);
    for (size_t i = 16 + bytes; i < buffer.size(); ++i) ASSERT_EQ(buffer[i], 0xa5);
  }
}

// In 64 draws each bit of each byte is seen as 0 and as 1: the chance of a miss is 2^-63 per bit.
TEST(FillRandom, ReachesEveryBit) {
  constexpr size_t kBytes = 77;
  std::array<unsigned char, kBytes> ones{};
  std::array<unsigned char, kBytes> zeros{};
  for (int draw = 0; draw < 64; ++draw) {
    std::array<unsigned char, kBytes> buffer{};
    ASSERT_TRUE(FillRandom(buffer.data(), kBytes));
    for (size_t i = 0; i < kBytes; ++i) {
      ones[i] |= buffer[i];
      zeros[i] |= static_cast<unsigned char>(~buffer[i]);
    }
  }
  for (size_t i = 0; i < kBytes; ++i) {
    EXPECT_EQ(ones[i], 0xff) << i;
    EXPECT_EQ(zeros[i], 0xff) << i;
  }
}

// More than the kernel gives in one uninterrupted call.
TEST(FillRandom, FillsLargeBuffers) {
  std::vector<uint64_t> buffer(size_t{1} << 17);
  ASSERT_TRUE(FillRandom(buffer.data(), buffer.size() * sizeof buffer[0]));
  const std::set<uint64_t> distinct(buffer.begin(), buffer.end());
  EXPECT_EQ(distinct.size(), buffer.size());
}

// Exit status of a child in which the kernel refuses the calls.
int InChildWithout(std::span<const int> calls, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    test::SystemCallFilter filter(SECCOMP_RET_ALLOW);
    filter.FailWith(calls, ENOSYS);
    if (!filter.Install()) _exit(77);
    _exit(body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// 0 when many draws of 32 bytes are all different, filled to the last byte, and told as expected.
int DrawsAreGood(bool expected) {
  std::set<std::array<unsigned char, 32>> draws;
  std::array<unsigned char, 32> ones{};
  for (int i = 0; i < 100; ++i) {
    std::array<unsigned char, 32> draw{};
    if (FillRandom(draw.data(), draw.size()) != expected) return 1;
    for (size_t at = 0; at < draw.size(); ++at) ones[at] |= draw[at];
    draws.insert(draw);
  }
  if (draws.size() != 100) return 2;
  for (unsigned char byte : ones) {
    if (byte == 0) return 3;
  }
  return 0;
}

TEST(FillRandom, FallsBackOnTheDevice) {
  if (!test::CanFilterSystemCalls()) GTEST_SKIP() << "no seccomp here";
  constexpr int kCalls[] = {SYS_getrandom};
  EXPECT_EQ(InChildWithout(kCalls, [] { return DrawsAreGood(true); }), 0);
}

TEST(FillRandom, FallsBackOnWhatTheProcessStartedWith) {
  if (!test::CanFilterSystemCalls()) GTEST_SKIP() << "no seccomp here";
  constexpr int kCalls[] = {SYS_getrandom, SYS_openat, SYS_open};
  EXPECT_EQ(InChildWithout(kCalls, [] { return DrawsAreGood(false); }), 0);
}

TEST(CoarseMilliseconds, NeverRunsBackwardsNorAhead) {
  uint64_t last = CoarseMilliseconds();
  EXPECT_GT(last, 0u);
  for (int i = 0; i < 100000; ++i) {
    const uint64_t now = CoarseMilliseconds();
    ASSERT_GE(now, last);
    last = now;
  }
  timespec fine{};
  clock_gettime(CLOCK_MONOTONIC, &fine);
  EXPECT_LE(last, static_cast<uint64_t>(fine.tv_sec) * 1000 +
                      static_cast<uint64_t>(fine.tv_nsec) / 1000000);
}

}  // namespace
}  // namespace bartizan::platform
