// Which configuration files count.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "src/options/config_file.h"
#include "tests/unit/options/collected_messages.h"

namespace bartizan {
namespace {

using Lines = std::vector<std::string>;

class ConfigFileTrust : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/bartizan.conf.XXXXXX";
    const int descriptor = mkstemp(path_.data());
    ASSERT_GE(descriptor, 0);
    close(descriptor);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  void Write(const std::string& text, mode_t mode) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string Read() {
    return std::string(ReadConfigFile(path_.c_str(), buffer_, sizeof buffer_, messages_.sink()));
  }
  Lines Ignored(const std::string& reason) const {
    return {"bartizan: " + path_ + ": ignored: " + reason};
  }

  static constexpr char kUntrusted[] =
      "it must be a regular file, owned by root and writable by nobody else (chown root, chmod "
      "644)";

  std::string path_;
  char buffer_[kKiB];
  CollectedMessages messages_;
};

TEST_F(ConfigFileTrust, AnAbsentFileIsNoMistake) {
  std::remove(path_.c_str());
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(messages_.lines(), Lines{});
  path_ += "/below";
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(messages_.lines(), Lines{});
}

TEST_F(ConfigFileTrust, AFileThatOthersCanWriteIsIgnored) {
  for (mode_t mode : {0664, 0646, 0666}) {
    Write("decay=1\n", mode);
    EXPECT_EQ(Read(), "");
  }
  EXPECT_EQ(messages_.lines(),
            (Lines{Ignored(kUntrusted)[0], Ignored(kUntrusted)[0], Ignored(kUntrusted)[0]}));
}

TEST_F(ConfigFileTrust, AFileOfAnotherUserIsIgnored) {
  Write("decay=1\n", 0644);
  if (geteuid() == 0 && chown(path_.c_str(), 12345, 0) != 0) {
    GTEST_SKIP() << "there are no other users here";
  }
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(messages_.lines(), Ignored(kUntrusted));
}

TEST_F(ConfigFileTrust, WhatIsNoFileIsIgnored) {
  std::remove(path_.c_str());
  ASSERT_EQ(mkfifo(path_.c_str(), 0644), 0);
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(messages_.lines(), Ignored(kUntrusted));
}

TEST_F(ConfigFileTrust, AFileOfRootCounts) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make such a file";
  Write("decay=1\n", 0644);
  EXPECT_EQ(Read(), "decay=1\n");
  EXPECT_EQ(messages_.lines(), Lines{});
}

TEST_F(ConfigFileTrust, AFileAsLargeAsItMayBeCounts) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make such a file";
  Write(std::string(kKiB, '#'), 0600);
  EXPECT_EQ(Read().size(), kKiB);
  EXPECT_EQ(messages_.lines(), Lines{});
}

TEST_F(ConfigFileTrust, ATooLargeFileIsIgnored) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make such a file";
  Write(std::string(kKiB + 1, '#'), 0644);
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(messages_.lines(), Ignored("it is larger than 1k"));
}

TEST_F(ConfigFileTrust, AFileThatCannotBeReadIsIgnored) {
  if (geteuid() == 0) GTEST_SKIP() << "root can read every file";
  Write("decay=1\n", 0);
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(messages_.lines(),
            Ignored("permission denied; make it readable for everybody (chmod 644)"));
}

}  // namespace
}  // namespace bartizan
