// Memory limits of control groups, from files that say what a system could.
#include "src/platform/container.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "src/platform/file.h"

namespace bartizan::platform {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class Container : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/container.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    membership_ = folder_ + "/cgroup";
    mounts_ = folder_ + "/mountinfo";
    usual_ = folder_ + "/usual";
    Write("usual/cgroup.controllers", "memory\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // What a group's folder has; "" leaves a file out.
  void Group(const std::string& name, const std::string& max, const std::string& high,
             const std::string& current) const {
    Write(name + "/cgroup.controllers", "memory\n");
    if (!max.empty()) Write(name + "/memory.max", max + "\n");
    if (!high.empty()) Write(name + "/memory.high", high + "\n");
    if (!current.empty()) Write(name + "/memory.current", current + "\n");
  }
  ContainerMemory Read() const {
    return ReadContainerMemory({membership_.c_str(), mounts_.c_str(), usual_.c_str()});
  }

  std::string folder_;
  std::string membership_;
  std::string mounts_;
  std::string usual_;
};

TEST_F(Container, HasALimitOfItsOwn) {
  Write("cgroup", "0::/system.slice/a.service\n");
  Group("usual/system.slice/a.service", "104857600", "max", "5000000");
  EXPECT_EQ(Read().limit, 100 * kMiB);
  EXPECT_EQ(Read().used, 5000000u);
}

TEST_F(Container, HighCountsWhereItIsLower) {
  Write("cgroup", "0::/a\n");
  Group("usual/a", "1000000", "600000", "1");
  EXPECT_EQ(Read().limit, 600000u);
  Group("usual/a", "500000", "600000", "1");
  EXPECT_EQ(Read().limit, 500000u);
  Group("usual/a", "max", "600000", "1");
  EXPECT_EQ(Read().limit, 600000u);
}

TEST_F(Container, OfAllAboveItTheTightestCounts) {
  Write("cgroup", "0::/a/b/c\n");
  Group("usual/a/b/c", "1000", "max", "10");
  Group("usual/a/b", "max", "max", "100");
  Group("usual/a", "2000", "max", "1000");
  EXPECT_EQ(Read().limit, 2000u);
  EXPECT_EQ(Read().used, 1000u);
  Group("usual/a/b/c", "1000", "max", "700");
  EXPECT_EQ(Read().limit, 1000u);
  // Where the tree begins for the process may be a group, too.
  Group("usual", "4000", "max", "3000");
  EXPECT_EQ(Read().limit, 4000u);
}

TEST_F(Container, InANamespaceIsTheRoot) {
  Write("cgroup", "0::/\n");
  Group("usual", "7000", "max", "10");
  EXPECT_EQ(Read().limit, 7000u);
}

TEST_F(Container, WithoutALimit) {
  Write("cgroup", "0::/a\n");
  Group("usual/a", "max", "max", "10");
  EXPECT_EQ(Read().limit, 0u);
  std::filesystem::remove(usual_ + "/a/memory.max");
  std::filesystem::remove(usual_ + "/a/memory.high");
  EXPECT_EQ(Read().limit, 0u) << "no files";
  Group("usual/a", "0", "max", "10");
  EXPECT_EQ(Read().limit, 0u);
  for (const char* text : {"", "x", "12x", "-1", "99999999999999999999999", " 5"}) {
    Write("usual/a/memory.max", text);
    EXPECT_EQ(Read().limit, 0u) << text;
  }
}

TEST_F(Container, IsMissing) {
  EXPECT_EQ(Read().limit, 0u) << "no membership";
  Write("cgroup", "");
  EXPECT_EQ(Read().limit, 0u);
  Write("cgroup", "0::/../outside\n");
  Group("usual", "7000", "max", "10");
  EXPECT_EQ(Read().limit, 0u) << "a group that the process cannot see";
  Write("cgroup", "0::/" + std::string(3000, 'a') + "\n");
  EXPECT_EQ(Read().limit, 0u);
  Write("cgroup", "0::/" + std::string(1000, 'a') + "\n");
  EXPECT_EQ(Read().limit, 0u);
}

TEST_F(Container, BesideVersionOne) {
  Write("cgroup", "12:memory:/docker/x\n1:name=systemd:/\n0::/docker/x\n");
  Group("usual/docker/x", "9000", "max", "10");
  EXPECT_EQ(Read().limit, 9000u);
  Write("cgroup", "12:memory:/docker/x\n1:name=systemd:/\n");
  EXPECT_EQ(Read().limit, 0u) << "no version 2";
}

TEST_F(Container, WhereTheTreeIsMountedElsewhere) {
  Write("cgroup", "12:memory:/\n0::/docker/x/inner\n");
  const std::string point = folder_ + "/else where";
  const std::string long_line = "1 1 0:1 / / rw - overlay overlay " + std::string(5000, 'l') + "\n";
  const std::string before = "31 23 0:28 / " + usual_ + " rw - tmpfs tmpfs rw\n" + long_line +
                             "41 31 0:38 /other " + usual_ + " rw - cgroup2 cgroup2 rw\n" +
                             "41 31 0:38 /docker/xy " + usual_ + " rw - cgroup2 cgroup2 rw\n";
  std::string escaped = point;
  escaped.replace(escaped.find(' '), 1, "\\040");
  Group("else where/inner", "3000", "max", "10");
  Group("else where", "5000", "max", "10");
  std::filesystem::remove(usual_ + "/cgroup.controllers");
  Write("mountinfo", before + "42 31 0:38 /docker/x " + escaped + " rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(Read().limit, 3000u);
  Write("mountinfo", before);
  EXPECT_EQ(Read().limit, 0u);
  // As a whole, without an end of the line.
  Group("else where/docker/x/inner", "2500", "max", "10");
  Write("mountinfo", before + "42 31 0:38 / " + escaped + " rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(Read().limit, 2500u);
}

TEST_F(Container, FilePagesThatNobodyUsesDoNotCount) {
  Write("cgroup", "0::/a\n");
  Group("usual/a", "1000000", "max", "990000");
  EXPECT_EQ(Read().used, 990000u);
  Write("usual/a/memory.stat", "anon 5\nactive_file 7\ninactive_file 400000\n");
  EXPECT_EQ(Read().used, 590000u);
  Write("usual/a/memory.stat", "inactive_file 2000000\n");
  EXPECT_EQ(Read().used, 0u);
}

TEST_F(Container, LinesAreReadWhole) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += std::string(static_cast<size_t>(i), 'x') + "\n";
  Write("lines", text);
  size_t next = 0;
  ForEachLine<64>((folder_ + "/lines").c_str(), [&](std::string_view line) {
    EXPECT_EQ(line.size(), next);
    ++next;
    return true;
  });
  EXPECT_EQ(next, 64u) << "longer lines, with their end, do not fit";
}

}  // namespace
}  // namespace bartizan::platform
