// Violations while one is being reported: by a signal handler, and by other threads.
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/report/reporting_child.h"

namespace bartizan {
namespace {

long Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

// The program's handler runs into the next bug: the process ends, with one report.
TEST(SecondViolation, InTheHandlerOfTheAbortEndsTheProcess) {
  static int handled;
  const ChildEnd end = RunChild([] {
    handled = 0;
    signal(SIGABRT, [](int) {
      if (++handled > 5 || write(STDERR_FILENO, "handler\n", 8) != 8) _exit(1);
      ReportViolation(kSomething);
    });
    ReportViolation(kSomething);
  });
  EXPECT_TRUE(end.Aborted()) << "status " << end.status << "\n" << end.standard_error;
  EXPECT_EQ(Lines(end.standard_error), 2) << end.standard_error;
}

TEST(SecondViolation, InAHandlerOfItsOwnStackEndsTheProcess) {
  static int handled;
  const ChildEnd end = RunChild([] {
    handled = 0;
    static char stack[64 << 10];
    stack_t alternate = {};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action = {};
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = [](int) {
      if (++handled > 5) _exit(1);
      ReportViolation(kSomething);
    };
    sigaction(SIGABRT, &action, nullptr);
    ReportViolation(kSomething);
  });
  EXPECT_TRUE(end.Aborted()) << "status " << end.status << "\n" << end.standard_error;
  EXPECT_EQ(Lines(end.standard_error), 1) << end.standard_error;
}

TEST(SecondViolation, AHandlerThatReturnsEndsTheProcess) {
  const ChildEnd end = RunChild([] {
    signal(SIGABRT, [](int) {});
    ReportViolation(kSomething);
  });
  EXPECT_TRUE(end.Aborted());
  EXPECT_EQ(Lines(end.standard_error), 1);
}

TEST(SecondViolation, AHandlerMayGoOnElsewhere) {
  const ChildEnd end = RunChild([] {
    signal(SIGABRT, [](int) { _exit(42); });
    ReportViolation(kSomething);
  });
  ASSERT_TRUE(WIFEXITED(end.status));
  EXPECT_EQ(WEXITSTATUS(end.status), 42);
  EXPECT_EQ(Lines(end.standard_error), 1);
}

TEST(SecondViolation, OfSeveralThreadsOneIsReportedWhole) {
  for (int round = 0; round < 20; ++round) {
    const ChildEnd end = RunChild([] {
      std::atomic<int> waiting{4};
      std::vector<std::thread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          waiting--;
          while (waiting != 0) std::this_thread::yield();
          ReportViolation(kSomething);
        });
      }
      for (std::thread& thread : threads) thread.join();
    });
    ASSERT_TRUE(end.Aborted());
    ASSERT_EQ(Lines(end.standard_error), 1) << end.standard_error;
    ASSERT_EQ(end.standard_error.rfind("bartizan: fatal: ", 0), 0u);
    ASSERT_EQ(end.standard_error.back(), '\n');
  }
}

// A report is held up: standard error is a pipe that is full. The other thread's violation does not
// end the process before the report is out.
TEST(SecondViolation, WaitsForAReportThatIsHeldUp) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    dup2(ends[1], STDERR_FILENO);
    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    while (write(STDERR_FILENO, "#", 1) == 1) continue;
    fcntl(STDERR_FILENO, F_SETFL, 0);
    std::thread other([] { ReportViolation(kSomething); });
    ReportViolation(kSomething);
  }
  close(ends[1]);
  // A child that does not wait ends soon. One that does is there whenever we look.
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd ended = {descriptor, POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 300), 0) << "it ended without its report";
  close(descriptor);
  std::string text;
  char part[4096];
  for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;) {
    text.append(part, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  text.erase(0, text.find_first_not_of('#'));
  EXPECT_EQ(text.rfind("bartizan: fatal: ", 0), 0u) << text;
  EXPECT_EQ(Lines(text), 1);
}

}  // namespace
}  // namespace bartizan
