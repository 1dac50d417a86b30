#include "tools/cli/process_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace bartizan::cli {
namespace {

TEST(Mappings, AreParsed) {
  const std::vector<Mapping> mappings = ParseMappings(
      "55d0c000-55d0d000 r--p 00001000 fe:00 123                 /usr/bin/a program\n"
      "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
      "7f1000000000-7f1000001000 r-xp 00002000 fe:00 9            /lib/x.so (deleted)\n"
      "7ffd0000-7ffd1000 ---p 00000000 00:00 0                    [vvar]\n");
  ASSERT_EQ(mappings.size(), 4u);
  EXPECT_EQ(mappings[0].begin, 0x55d0c000u);
  EXPECT_EQ(mappings[0].end, 0x55d0d000u);
  EXPECT_EQ(mappings[0].file_offset, 0x1000u);
  EXPECT_EQ(mappings[0].path, "/usr/bin/a program");
  EXPECT_TRUE(mappings[0].is_readable);
  EXPECT_FALSE(mappings[0].is_executable);
  EXPECT_EQ(mappings[1].path, "");
  EXPECT_EQ(mappings[2].path, "/lib/x.so");
  EXPECT_TRUE(mappings[2].is_executable);
  EXPECT_FALSE(mappings[3].is_readable);
}

TEST(Mappings, NonsenseIsPassedOver) {
  EXPECT_TRUE(ParseMappings("").empty());
  EXPECT_TRUE(ParseMappings("\nx\n1-2\n1-2 r 0 0 0\n zz-1 r--p 0 0 0 /a\n").empty());
}

TEST(Process, ShowsItself) {
  std::vector<Mapping> mappings;
  EXPECT_EQ(ReadMappings(getpid(), &mappings), 0);
  const std::string path = ExecutablePath(getpid());
  bool found = false;
  for (const Mapping& mapping : mappings) found = found || mapping.path == path;
  EXPECT_TRUE(found);
  EXPECT_NE(ProcessName(getpid()), "");
  const uint64_t written = 4711;
  uint64_t got = 0;
  EXPECT_EQ(ReadMemory(getpid(), reinterpret_cast<uint64_t>(&written), &got, sizeof got), 0);
  EXPECT_EQ(got, written);
  EXPECT_EQ(ReadMemory(getpid(), 0, &got, sizeof got), EFAULT);
}

TEST(Process, NoneIsNone) {
  std::vector<Mapping> mappings;
  constexpr pid_t kNobody = 1 << 30;
  EXPECT_EQ(ReadMappings(kNobody, &mappings), ENOENT);
  EXPECT_EQ(ExecutablePath(kNobody), "");
  EXPECT_EQ(ProcessName(kNobody), "");
}

}  // namespace
}  // namespace bartizan::cli
