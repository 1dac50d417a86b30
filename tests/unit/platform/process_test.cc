// Environment, names, and the end of a process. The build sets BARTIZAN_PROCESS_TEST=from the
// start.
#include "src/platform/process.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

extern char** environ;

namespace bartizan::platform {
namespace {

constexpr char kAtStart[] = "BARTIZAN_PROCESS_TEST";

std::string Value(const char* name) {
  const char* value = EnvironmentVariable(name);
  return value == nullptr ? "(absent)" : value;
}

TEST(Environment, FindsVariablesByTheirWholeName) {
  setenv("BARTIZAN_X", "one", 1);
  setenv("BARTIZAN_XY", "two", 1);
  setenv("BARTIZAN_EMPTY", "", 1);
  setenv("BARTIZAN_EQUALS", "a=b=c", 1);
  EXPECT_EQ(Value("BARTIZAN_X"), "one");
  EXPECT_EQ(Value("BARTIZAN_XY"), "two");
  EXPECT_EQ(Value("BARTIZAN_EMPTY"), "");
  EXPECT_EQ(Value("BARTIZAN_EQUALS"), "a=b=c");
  EXPECT_EQ(Value("BARTIZAN_"), "(absent)");
  EXPECT_EQ(Value("BARTIZAN_XYZ"), "(absent)");
  EXPECT_EQ(Value("ARTIZAN_X"), "(absent)");
  unsetenv("BARTIZAN_X");
  EXPECT_EQ(Value("BARTIZAN_X"), "(absent)");
}

// Before the C library has set `environ`, what the process was started with is asked of the kernel.
TEST(Environment, IsReadFromTheKernelBeforeTheCLibraryIsReady) {
  setenv("BARTIZAN_LATER", "set by the program", 1);
  char** const saved = environ;
  environ = nullptr;
  const std::string at_start = Value(kAtStart);
  const std::string later = Value("BARTIZAN_LATER");
  const std::string prefix = Value("BARTIZAN_PROCESS");
  environ = saved;
  EXPECT_EQ(at_start, "from the start");
  EXPECT_EQ(later, "(absent)");
  EXPECT_EQ(prefix, "(absent)");
}

TEST(Process, KnowsItself) {
  EXPECT_EQ(ProcessId(), getpid());
  EXPECT_EQ(ThreadId(), getpid());
  std::thread([] {
    EXPECT_EQ(ProcessId(), getpid());
    EXPECT_EQ(ThreadId(), static_cast<int>(syscall(SYS_gettid)));
    EXPECT_NE(ThreadId(), getpid());
  }).join();
  EXPECT_FALSE(IsSecureExecution());
}

TEST(Process, IsCalledByItsFilesName) { EXPECT_EQ(ProgramName(), "process_test"); }

void Say(const char* text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(1);
}

TEST(AbortDeathTest, IsASignal) { EXPECT_EXIT(Abort(), testing::KilledBySignal(SIGABRT), "^$"); }

TEST(AbortDeathTest, CannotBeIgnoredOrBlocked) {
  EXPECT_EXIT(
      {
        signal(SIGABRT, SIG_IGN);
        Abort();
      },
      testing::KilledBySignal(SIGABRT), "");
  EXPECT_EXIT(
      {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        Abort();
      },
      testing::KilledBySignal(SIGABRT), "");
}

TEST(AbortDeathTest, RunsTheProgramsHandlerOnce) {
  EXPECT_EXIT(
      {
        signal(SIGABRT, [](int) { Say("handler\n"); });
        Abort();
      },
      testing::KilledBySignal(SIGABRT), "^handler\n$");
}

TEST(AbortDeathTest, AHandlerMayEndTheProcess) {
  EXPECT_EXIT(
      {
        signal(SIGABRT, [](int) { _exit(3); });
        Abort();
      },
      testing::ExitedWithCode(3), "^$");
}

// The signal goes to the thread that has the bug, not to any.
TEST(AbortDeathTest, IsForTheCallingThread) {
  EXPECT_EXIT(
      {
        static int aborting = 0;
        signal(SIGABRT, [](int) { Say(ThreadId() == aborting ? "the same\n" : "another\n"); });
        std::thread([] {
          aborting = ThreadId();
          Abort();
        }).join();
      },
      testing::KilledBySignal(SIGABRT), "^the same\n$");
}

}  // namespace
}  // namespace bartizan::platform
