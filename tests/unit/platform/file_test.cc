// Small files and output.
#include "src/platform/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "tests/support/child.h"

namespace bartizan::platform {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/files.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::ofstream(Path(name)) << text;
    EXPECT_EQ(chmod(Path(name).c_str(), mode), 0);
    return Path(name);
  }
  static std::string Contents(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  FileText Read(const std::string& path, size_t capacity = sizeof(buffer_)) {
    return ReadSmallFile(path.c_str(), buffer_, capacity);
  }

  std::string folder_;
  char buffer_[256];
};

TEST_F(Files, TextLongerThanAPipeIsWrittenWhole) {
  std::string text;
  for (int i = 0; text.size() < 300000; ++i) text += std::to_string(i) + "\n";
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  std::string received;
  std::thread reader([&] {
    char part[1000];
    for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;) {
      received.append(part, static_cast<size_t>(got));
    }
  });
  EXPECT_TRUE(WriteAll(ends[1], text));
  close(ends[1]);
  reader.join();
  close(ends[0]);
  EXPECT_EQ(received, text);
}

// Short writes, for real: a pipe that takes what fits and no more.
TEST_F(Files, WhatCannotBeWrittenIsTold) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  EXPECT_FALSE(WriteAll(ends[1], std::string(10 << 20, 'x')));
  close(ends[0]);
  close(ends[1]);
  EXPECT_FALSE(WriteAll(ends[1], "x")) << "the descriptor is closed";
  EXPECT_TRUE(WriteAll(ends[1], "")) << "there is nothing to write";
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full >= 0) {
    EXPECT_FALSE(WriteAll(full, "x"));
  }
  close(full);
}

// The program is not asked whether it wants to be killed for a report.
TEST_F(Files, WritingBringsNoSignal) {
  const test::Ending ending = test::RunInChild("writes that are answered by signals", [&] {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) _exit(1);
    close(ends[0]);
    if (WriteAll(ends[1], "x")) _exit(2);
    const rlimit none{0, 0};
    const int file = OpenForAppend(Path("limited").c_str());
    if (file < 0 || setrlimit(RLIMIT_FSIZE, &none) != 0) _exit(3);
    if (WriteAll(file, "x")) _exit(4);
    sigset_t mask;
    if (sigprocmask(SIG_BLOCK, nullptr, &mask) != 0 || sigismember(&mask, SIGPIPE) != 0) _exit(5);
    // Where the program waits with them itself, it finds its own and no other.
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGPIPE);
    sigaddset(&both, SIGXFSZ);
    sigprocmask(SIG_BLOCK, &both, nullptr);
    raise(SIGPIPE);
    if (WriteAll(ends[1], "x") || WriteAll(file, "x")) _exit(6);
    sigset_t pending;
    if (sigpending(&pending) != 0) _exit(7);
    if (sigismember(&pending, SIGPIPE) != 1 || sigismember(&pending, SIGXFSZ) != 0) _exit(8);
  });
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
}

TEST_F(Files, AppendingKeepsWhatIsThere) {
  const std::string path = Path("log");
  for (const char* line : {"one\n", "two\n"}) {
    const int file = OpenForAppend(path.c_str());
    ASSERT_GE(file, 0);
    EXPECT_TRUE(fcntl(file, F_GETFD) & FD_CLOEXEC);
    EXPECT_TRUE(WriteAll(file, line));
    Close(file);
    EXPECT_EQ(fcntl(file, F_GETFD), -1) << "still open";
  }
  EXPECT_EQ(Contents(path), "one\ntwo\n");
}

TEST_F(Files, NewFilesAreTheOwnersOnly) {
  const mode_t before = umask(0);
  const int file = OpenForAppend(Path("log").c_str());
  umask(before);
  ASSERT_GE(file, 0);
  Close(file);
  struct stat status{};
  ASSERT_EQ(stat(Path("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(Files, AppendingFollowsNoLink) {
  const std::string victim = Write("victim", "keep\n");
  ASSERT_EQ(symlink(victim.c_str(), Path("link").c_str()), 0);
  EXPECT_EQ(OpenForAppend(Path("link").c_str()), -ELOOP);
  ASSERT_EQ(symlink(Path("absent").c_str(), Path("dangling").c_str()), 0);
  EXPECT_EQ(OpenForAppend(Path("dangling").c_str()), -ELOOP);
  EXPECT_FALSE(std::filesystem::exists(Path("absent")));
  EXPECT_EQ(Contents(victim), "keep\n");
}

TEST_F(Files, FailuresAreNegativeErrorNumbersAndLeaveErrnoAlone) {
  errno = 4711;
  EXPECT_EQ(OpenForAppend(Path("no/such/folder").c_str()), -ENOENT);
  EXPECT_EQ(OpenForAppend(folder_.c_str()), -EISDIR);
  EXPECT_EQ(Read(Path("absent")).length, -ENOENT);
  EXPECT_EQ(Read(folder_).length, -EISDIR);
  EXPECT_EQ(errno, 4711);
}

TEST_F(Files, ReadsWholeFiles) {
  const std::string text("some\0text\n", 10);
  const FileText result = Read(Write("file", text));
  EXPECT_EQ(std::string(buffer_, static_cast<size_t>(result.length)), text);
  EXPECT_FALSE(result.truncated);
  EXPECT_EQ(Read(Write("empty", "")).length, 0);
  EXPECT_GT(Read("/proc/self/stat").length, 0);
}

TEST_F(Files, TellsWhenTheFileIsLonger) {
  for (size_t length = 95; length <= 105; ++length) {
    std::fill(std::begin(buffer_), std::end(buffer_), '#');
    const FileText result = Read(Write("file", std::string(length, 'x')), 100);
    EXPECT_EQ(result.length, static_cast<long>(length < 100 ? length : 100));
    EXPECT_EQ(result.truncated, length > 100);
    for (size_t i = 100; i < sizeof buffer_; ++i) ASSERT_EQ(buffer_[i], '#');
  }
}

TEST_F(Files, TrustsWhatOnlyRootCanWrite) {
  const bool is_root = geteuid() == 0;
  for (mode_t mode : {0400, 0600, 0644, 0755}) {
    EXPECT_EQ(Read(Write("file", "x", mode)).trusted, is_root) << std::oct << mode;
  }
  for (mode_t mode : {0620, 0602, 0664, 0646, 0666}) {
    EXPECT_FALSE(Read(Write("file", "x", mode)).trusted) << std::oct << mode;
  }
}

TEST_F(Files, TrustsNoOtherOwner) {
  const std::string path = Write("file", "x");
  if (geteuid() == 0 && chown(path.c_str(), 12345, 0) != 0) GTEST_SKIP() << "no other users here";
  const FileText result = Read(path);
  EXPECT_EQ(result.length, 1);
  EXPECT_FALSE(result.trusted);
}

// A name can be changed after it was looked at: trust is a property of what was opened.
TEST_F(Files, TrustsTheFileBehindALink) {
  const std::string path = Write("file", "x", 0666);
  ASSERT_EQ(symlink(path.c_str(), Path("link").c_str()), 0);
  EXPECT_FALSE(Read(Path("link")).trusted);
}

TEST_F(Files, APipeWithoutWriterIsEmptyAndNotTrusted) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const FileText result = Read(Path("pipe"));
  EXPECT_EQ(result.length, 0);
  EXPECT_FALSE(result.trusted);
}

TEST_F(Files, LeavesNoDescriptorOpen) {
  Write("file", std::string(1000, 'x'));
  const int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(before);
  for (int i = 0; i < 10; ++i) {
    Read(Path("file"), 10);
    Read(folder_);
    Read(Path("absent"));
  }
  const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(after);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace bartizan::platform
