// The report of a violation: its words, where they go, and how the process ends.
#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/engine/catches.h"
#include "src/platform/address_plan.h"
#include "tests/unit/report/reporting_child.h"

namespace bartizan {
namespace {

class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/report.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string Contents(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static ChildEnd Report(const Violation& violation) {
    return RunChild([&] { ReportViolation(violation); });
  }
  ChildEnd ReportTo(const std::string& path, const Violation& violation = kSomething) {
    return RunChild([&] {
      ReportInto(path);
      ReportViolation(violation);
    });
  }
  // The line without what differs from process to process.
  static std::string Stripped(std::string line) {
    for (const char* word : {"process ", "thread "}) {
      const size_t at = line.find(word);
      if (at == std::string::npos) return "no " + std::string(word) + "in " + line;
      const size_t begin = at + std::strlen(word);
      line.replace(begin, line.find_first_not_of("0123456789", begin) - begin, "N");
    }
    return line;
  }

  std::string folder_;
};

const char kLine[] =
    "bartizan: fatal: double free: the block was freed before; address 0x7f001230, size class 112, "
    "requested 100, stated 99, process N (report_test) thread N. What to do: look for a second "
    "owner of this pointer\n";

TEST_F(ReportTest, IsOneLineOnStandardErrorThenAnAbort) {
  const ChildEnd end = Report(kSomething);
  EXPECT_TRUE(end.Aborted());
  EXPECT_EQ(Stripped(end.standard_error), kLine);
  EXPECT_EQ(std::count(end.standard_error.begin(), end.standard_error.end(), '\n'), 1);
}

// Each thing once, however often it happens, and the process goes on.
TEST_F(ReportTest, WhatIsDegradedIsSaidOnce) {
  const ChildEnd end = RunChild([] {
    errno = EDOM;
    for (int i = 0; i < 3; ++i) {
      SayDegraded(Degradation::kSlabGuards);
      SayDegraded(Degradation::kWaits);
    }
    if (errno != EDOM) abort();
  });
  EXPECT_EQ(end.status, 0);
  std::istringstream lines(end.standard_error);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line.find("bartizan: degraded: guard_pages: "), 0u) << line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line.find("bartizan: degraded: quarantine: "), 0u) << line;
  EXPECT_FALSE(std::getline(lines, line)) << line;
}

TEST_F(ReportTest, NamesTheProcessAndTheThread) {
  // In the child's first thread both are the same number.
  const std::string line = Report(kSomething).standard_error;
  const auto number_after = [&](const std::string& word) {
    return std::stol(line.substr(line.find(word) + word.size()));
  };
  EXPECT_EQ(number_after("process "), number_after("thread "));
  EXPECT_NE(number_after("process "), getpid());
}

TEST_F(ReportTest, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(Stripped(Report({.what = "a", .detail = "b"}).standard_error),
            "bartizan: fatal: a: b; address 0x0, process N (report_test) thread N\n");
  EXPECT_EQ(
      Stripped(
          Report({.what = "a", .detail = "b", .slot_bytes = 0, .requested = 0}).standard_error),
      "bartizan: fatal: a: b; address 0x0, size class 0, requested 0, process N (report_test) "
      "thread "
      "N\n");
}

TEST_F(ReportTest, OfTheLargestNumbersIsStillALine) {
  const Violation violation = {.what = "a",
                               .detail = std::string_view("b"),
                               .address = UINTPTR_MAX,
                               .slot_bytes = SIZE_MAX - 1,
                               .requested = SIZE_MAX - 1,
                               .stated = SIZE_MAX - 1,
                               .advice = "c"};
  EXPECT_EQ(Stripped(Report(violation).standard_error),
            "bartizan: fatal: a: b; address 0xffffffffffffffff, size class 18446744073709551614, "
            "requested 18446744073709551614, stated 18446744073709551614, process N (report_test) "
            "thread N. What to do: c\n");
}

// --- Counted ------------------------------------------------------------------------------------

uint64_t Catches(Toggle layer) {
  return g_catches.by_catcher[static_cast<size_t>(layer)].load(std::memory_order_relaxed);
}
uint64_t CatchesOfNoLayer() {
  return g_catches.by_catcher[kToggleCount].load(std::memory_order_relaxed);
}

// Those that are too many to be written, too.
TEST_F(ReportTest, EachMistakeCountsForItsLayer) {
  const ChildEnd end = RunChild([] {
    bartizan_sealed_page.options.on_error = kOnErrorContinue;
    for (int i = 0; i < 40; ++i) ReportMistake({.what = "size mismatch", .layer = "size_check"});
    ReportMistake({.what = "invalid unpin"});
    // No layer has that name, though an option has.
    ReportMistake({.what = "something", .layer = "report_file"});
    if (CountedCatches() != 42) _exit(1);
    if (Catches(Toggle::kSizeCheck) != 40 || CatchesOfNoLayer() != 2) _exit(2);
  });
  EXPECT_EQ(end.status, 0);
  EXPECT_EQ(std::count(end.standard_error.begin(), end.standard_error.end(), '\n'), 16);
}

// Whoever looks at a process that is about to end finds it.
TEST_F(ReportTest, AFatalReportCounts) {
  const ChildEnd end = RunChild([] {
    signal(SIGABRT, [](int) { _exit(Catches(Toggle::kCanaries) == 1 ? 7 : 1); });
    ReportViolation({.what = "heap overflow", .layer = "canaries"});
  });
  ASSERT_TRUE(WIFEXITED(end.status));
  EXPECT_EQ(WEXITSTATUS(end.status), 7);
}

// --- report_file --------------------------------------------------------------------------------

TEST_F(ReportTest, GoesToTheFileOnly) {
  const std::string path = folder_ + "/log";
  std::ofstream(path) << "what was there\n";
  for (int i = 1; i <= 2; ++i) {
    const ChildEnd end = ReportTo(path);
    EXPECT_TRUE(end.Aborted());
    EXPECT_EQ(end.standard_error, "");
  }
  const std::string contents = Contents(path);
  EXPECT_EQ(std::count(contents.begin(), contents.end(), '\n'), 3);
  EXPECT_EQ(contents.substr(0, contents.find('\n') + 1), "what was there\n");
  EXPECT_EQ(Stripped(contents.substr(contents.rfind("bartizan: fatal"))), kLine);
}

TEST_F(ReportTest, GoesToAFileOfTheProcess) {
  const ChildEnd end = ReportTo(folder_ + "/log-%p-%p");
  EXPECT_EQ(end.standard_error, "");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    ++files;
    const std::string line = Contents(entry.path());
    const std::string process =
        line.substr(line.find("process ") + 8, line.find(" (") - line.find("process ") - 8);
    std::string expected = "log-";
    expected.append(process).append("-").append(process);
    EXPECT_EQ(entry.path().filename(), expected);
  }
  EXPECT_EQ(files, 1);
}

// Standard error gets what the file does not, and says why.
TEST_F(ReportTest, FallsBackOnStandardError) {
  const std::string victim = folder_ + "/victim";
  std::ofstream(victim) << "keep\n";
  const std::string link = folder_ + "/link";
  ASSERT_EQ(symlink(victim.c_str(), link.c_str()), 0);
  for (const std::string& path :
       {folder_ + "/no/such/folder", folder_, link, std::string("/dev/full")}) {
    const ChildEnd end = ReportTo(path);
    EXPECT_TRUE(end.Aborted());
    const std::string complaint = "bartizan: cannot write to report_file\n";
    EXPECT_EQ(end.standard_error.substr(0, complaint.size()), complaint) << path;
    if (end.standard_error.size() <= complaint.size()) continue;
    EXPECT_EQ(Stripped(end.standard_error.substr(complaint.size())), kLine) << path;
  }
  EXPECT_EQ(Contents(victim), "keep\n");
}

// Nobody reads the pipe: a report that waited for that would keep the process alive.
TEST_F(ReportTest, DoesNotWaitForAReader) {
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const ChildEnd end = RunChild([&] {
    alarm(5);
    ReportInto(pipe);
    ReportViolation(kSomething);
  });
  EXPECT_TRUE(end.Aborted());
  EXPECT_NE(end.standard_error.find("bartizan: fatal: "), std::string::npos);
}

// A file's name may hold anything; the line is still one line.
TEST_F(ReportTest, OfAProgramWithANameOfTwoLinesIsOneLine) {
  const std::string program = folder_ + "/two\nbartizan: fatal: lines";
  ASSERT_EQ(symlink("/proc/self/exe", program.c_str()), 0);
  const ChildEnd end = RunChild([&] {
    setenv("REPORT_AT_ONCE", "1", 1);
    execl(program.c_str(), program.c_str(), nullptr);
    _exit(1);
  });
  EXPECT_TRUE(end.Aborted());
  EXPECT_EQ(std::count(end.standard_error.begin(), end.standard_error.end(), '\n'), 1)
      << end.standard_error;
}

TEST_F(ReportTest, WithoutStandardErrorStillAborts) {
  EXPECT_TRUE(RunChild([] {
                close(STDERR_FILENO);
                ReportViolation(kSomething);
              }).Aborted());
}

TEST_F(ReportTest, LeavesErrnoAlone) {
  // That sanitizer gives handlers an errno of their own.
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "under the thread sanitizer";
  const ChildEnd end = RunChild([] {
    signal(SIGABRT, [](int) { _exit(errno == 4711 ? 7 : 1); });
    ReportInto("/no/such/folder");
    errno = 4711;
    ReportViolation(kSomething);
  });
  ASSERT_TRUE(WIFEXITED(end.status));
  EXPECT_EQ(WEXITSTATUS(end.status), 7);
}

}  // namespace
}  // namespace bartizan

// Run under another name, this program only reports.
int main(int argc, char** argv) {
  if (getenv("REPORT_AT_ONCE") != nullptr) bartizan::ReportViolation(bartizan::kSomething);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
