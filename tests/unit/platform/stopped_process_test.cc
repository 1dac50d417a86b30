// Children that are stopped as debuggers do it, read, and let go.
#include "src/platform/stopped_process.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "src/platform/memory.h"
#include "tests/support/watched_process.h"

namespace bartizan::platform {
namespace {

using test::WatchedProcess;

constexpr int kNobody = 1 << 23;  // no process has such a number

// What a child and its parent both see.
struct Shared {
  std::atomic<uint64_t> count{0};
  std::atomic<int> ready{0};
  std::atomic<bool> lost{false};
  uintptr_t stacks[4] = {};
};

class SharedPage {
 public:
  SharedPage()
      : place_(
            mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (place_ == MAP_FAILED) std::abort();
    new (place_) Shared;
  }
  ~SharedPage() { munmap(place_, kPageBytes); }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  Shared* operator->() const { return static_cast<Shared*>(place_); }
  Shared& operator*() const { return *static_cast<Shared*>(place_); }

 private:
  void* place_;
};

// Which children change.
uint64_t variable = 5;

void Start(void* (*work)(void*), Shared& shared) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, work, &shared) != 0) std::abort();
}

void* WaitAtAKnownPlace(void* context) {
  auto& shared = *static_cast<Shared*>(context);
  const int number = shared.ready.load(std::memory_order_relaxed);
  shared.stacks[number] = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  shared.ready.store(number + 1, std::memory_order_release);
  for (;;) pause();
}

void* CountForEver(void* context) {
  auto& shared = *static_cast<Shared*>(context);
  for (;;) shared.count.fetch_add(1, std::memory_order_relaxed);
}

void AwaitMore(const Shared& shared, uint64_t than) {
  while (shared.count.load(std::memory_order_relaxed) <= than) sched_yield();
}

// One letter: R, S, T, t, Z, ..; 0: there is none.
char StateOf(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = line.rfind(')');
  return name_end == std::string::npos ? '\0' : line[name_end + 2];
}

TEST(ReadProcessMemory, IsAllOrNothing) {
  const uintptr_t begin = ClaimAnywhere(3 * kPageBytes, Access::kReadWrite);
  ASSERT_NE(begin, 0U);
  auto* const bytes = reinterpret_cast<unsigned char*>(begin);
  std::fill_n(bytes, 3 * kPageBytes, static_cast<unsigned char>(7));
  std::vector<unsigned char> copy(2 * kPageBytes, 0);
  EXPECT_TRUE(ReadProcessMemory(getpid(), begin + 100, copy.data(), copy.size()));
  EXPECT_EQ(std::count(copy.begin(), copy.end(), 7), static_cast<long>(copy.size()));
  // Its last page cannot be read, then is not there.
  ASSERT_TRUE(SetAccess(begin + 2 * kPageBytes, kPageBytes, Access::kNone));
  EXPECT_FALSE(ReadProcessMemory(getpid(), begin + 100, copy.data(), copy.size()));
  ASSERT_TRUE(Release(begin + 2 * kPageBytes, kPageBytes));
  EXPECT_FALSE(ReadProcessMemory(getpid(), begin + 100, copy.data(), copy.size()));
  EXPECT_TRUE(ReadProcessMemory(getpid(), begin, copy.data(), copy.size()));
  EXPECT_FALSE(ReadProcessMemory(getpid(), begin + 2 * kPageBytes, copy.data(), 1));
  EXPECT_FALSE(ReadProcessMemory(kNobody, begin, copy.data(), 1));
  EXPECT_TRUE(Release(begin, 2 * kPageBytes));
}

TEST(StoppedProcess, KnowsEveryThread) {
  SharedPage shared;
  WatchedProcess child([&shared] {
    for (int i = 0; i < 3; ++i) {
      Start(WaitAtAKnownPlace, *shared);
      while (shared->ready.load(std::memory_order_acquire) != i + 1) sched_yield();
    }
  });
  StoppedProcess process(child.id());
  ASSERT_EQ(process.Stop(), 0);
  EXPECT_TRUE(process.knows_all());
  EXPECT_EQ(process.reader(), child.id());
  ASSERT_EQ(std::distance(process.begin(), process.end()), 4);
  for (const StoppedThread& thread : process) {
    EXPECT_EQ(StateOf(thread.id), 't');
    EXPECT_TRUE(thread.has_registers);
    EXPECT_NE(thread.thread_pointer, 0U);
    const uint64_t* const end = thread.words + thread.count;
    EXPECT_NE(std::find(thread.words, end, thread.stack_pointer), end);
  }
  // Each waits a few calls above the place that it named: stacks grow downwards.
  constexpr uintptr_t kNear = 16 << 10;
  for (int i = 0; i < 3; ++i) {
    const uintptr_t place = shared->stacks[i];
    EXPECT_EQ(std::count_if(process.begin(), process.end(),
                            [place](const auto& it) { return place - it.stack_pointer < kNear; }),
              1);
  }
}

TEST(StoppedProcess, NothingMovesUntilItGoesOn) {
  SharedPage shared;
  WatchedProcess child([&shared] { Start(CountForEver, *shared); });
  AwaitMore(*shared, 0);
  StoppedProcess process(child.id());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(process.Stop(), 0);
    const uint64_t before = shared->count.load(std::memory_order_relaxed);
    uint64_t copy = 0;
    for (int k = 0; k < 1000; ++k) {
      ASSERT_TRUE(ReadProcessMemory(process.reader(), reinterpret_cast<uintptr_t>(&shared->count),
                                    &copy, sizeof copy));
      ASSERT_EQ(copy, before);
    }
    process.GoOn();
    EXPECT_EQ(process.begin(), process.end());
    AwaitMore(*shared, before);
  }
  EXPECT_TRUE(child.Answers());
}

TEST(StoppedProcess, GoesOnWhenNobodyHoldsIt) {
  WatchedProcess child([] {});
  {
    StoppedProcess process(child.id());
    ASSERT_EQ(process.Stop(), 0);
  }
  EXPECT_TRUE(child.Answers());
}

// One thread starts the next and ends.
void* StartTheNext(void* context) {
  auto& shared = *static_cast<Shared*>(context);
  shared.count.fetch_add(1, std::memory_order_relaxed);
  Start(StartTheNext, shared);
  pthread_detach(pthread_self());
  return nullptr;
}

TEST(StoppedProcess, ThreadsThatAreStartedMeanwhileAreStoppedToo) {
  SharedPage shared;
  WatchedProcess child([&shared] { Start(StartTheNext, *shared); });
  StoppedProcess process(child.id());
  for (int i = 0; i < 200; ++i) {
    const uint64_t began = shared->count.load(std::memory_order_relaxed);
    AwaitMore(*shared, began);
    ASSERT_EQ(process.Stop(), 0);
    const uint64_t before = shared->count.load(std::memory_order_relaxed);
    for (const StoppedThread& thread : process) EXPECT_TRUE(thread.has_registers);
    for (int k = 0; k < 100; ++k) sched_yield();
    EXPECT_EQ(shared->count.load(std::memory_order_relaxed), before);
    process.GoOn();
  }
}

// It is a zombie whose memory cannot be asked for by its number.
TEST(StoppedProcess, TheFirstThreadMayHaveEnded) {
  SharedPage shared;
  const pid_t child = fork();
  if (child == 0) {
    test::DieWithParent();
    test::Watchdog(120, "without a first thread");
    variable = 6;
    Start(WaitAtAKnownPlace, *shared);
    syscall(SYS_exit, 0);  // the thread, not the process
  }
  while (StateOf(child) != 'Z' || shared->ready.load(std::memory_order_acquire) == 0) {
    sched_yield();
  }
  {
    StoppedProcess process(child);
    ASSERT_EQ(process.Stop(), 0);
    ASSERT_EQ(std::distance(process.begin(), process.end()), 1);
    EXPECT_EQ(process.reader(), process.begin()->id);
    EXPECT_NE(process.reader(), child);
    uint64_t copy = 0;
    const auto place = reinterpret_cast<uintptr_t>(&variable);
    EXPECT_FALSE(ReadProcessMemory(child, place, &copy, sizeof copy));
    EXPECT_TRUE(ReadProcessMemory(process.reader(), place, &copy, sizeof copy));
    EXPECT_EQ(copy, 6U);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(StoppedProcess, OneThatIsStoppedStaysSo) {
  WatchedProcess child([] {});
  ASSERT_EQ(kill(child.id(), SIGSTOP), 0);
  siginfo_t stopped;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.id()), &stopped, WSTOPPED | WNOWAIT), 0);
  {
    StoppedProcess process(child.id());
    ASSERT_EQ(process.Stop(), 0);
    EXPECT_TRUE(process.knows_all());
  }
  // On its way from one kind of stop to the other.
  while (StateOf(child.id()) != 'T') sched_yield();
  ASSERT_EQ(kill(child.id(), SIGCONT), 0);
  EXPECT_TRUE(child.Answers());
}

std::atomic<uint64_t>* signals = nullptr;

TEST(StoppedProcess, SignalsThatComeMeanwhileComeThrough) {
  SharedPage shared;
  signals = &shared->count;
  WatchedProcess child(
      [] { std::signal(SIGUSR1, [](int) { signals->fetch_add(1, std::memory_order_relaxed); }); });
  StoppedProcess process(child.id());
  ASSERT_EQ(process.Stop(), 0);
  ASSERT_EQ(kill(child.id(), SIGUSR1), 0);
  EXPECT_EQ(shared->count.load(std::memory_order_relaxed), 0U);
  process.GoOn();
  AwaitMore(*shared, 0);
}

// Sends itself a signal and looks whether it came, again and again.
void* SendAndCount(void* context) {
  auto& shared = *static_cast<Shared*>(context);
  const long thread = syscall(SYS_gettid);
  for (uint64_t sent = 1;; ++sent) {
    syscall(SYS_tgkill, getpid(), thread, SIGUSR1);
    if (shared.count.load(std::memory_order_relaxed) != sent) {
      shared.lost.store(true, std::memory_order_relaxed);
    }
  }
}

// Neither those that a thread was stopped by.
TEST(StoppedProcess, NoSignalIsLost) {
  SharedPage shared;
  signals = &shared->count;
  WatchedProcess child([&shared] {
    std::signal(SIGUSR1, [](int) { signals->fetch_add(1, std::memory_order_relaxed); });
    Start(SendAndCount, *shared);
  });
  StoppedProcess process(child.id());
  for (int i = 0; i < 100; ++i) {
    AwaitMore(*shared, shared->count.load(std::memory_order_relaxed));
    ASSERT_EQ(process.Stop(), 0);
    process.GoOn();
  }
  EXPECT_FALSE(shared->lost.load(std::memory_order_relaxed));
}

TEST(StoppedProcess, AnotherMayHoldIt) {
  WatchedProcess child([] {});
  StoppedProcess first(child.id());
  ASSERT_EQ(first.Stop(), 0);
  StoppedProcess second(child.id());
  EXPECT_EQ(second.Stop(), EPERM);
  EXPECT_EQ(second.begin(), second.end());
  EXPECT_EQ(StateOf(child.id()), 't');
  first.GoOn();
  EXPECT_EQ(second.Stop(), 0);
  second.GoOn();
  EXPECT_TRUE(child.Answers());
}

TEST(StoppedProcess, OneThatHasEnded) {
  WatchedProcess child([] {});
  child.End();
  StoppedProcess process(child.id());
  EXPECT_EQ(process.Stop(), ESRCH);
  EXPECT_EQ(StoppedProcess(kNobody).Stop(), ESRCH);
}

TEST(StoppedProcess, OneThatEndsWhileItIsStopped) {
  WatchedProcess child([] { variable = 6; });
  StoppedProcess process(child.id());
  ASSERT_EQ(process.Stop(), 0);
  uint64_t copy = 0;
  const auto place = reinterpret_cast<uintptr_t>(&variable);
  EXPECT_TRUE(ReadProcessMemory(process.reader(), place, &copy, sizeof copy));
  EXPECT_EQ(copy, 6U);
  child.End();
  EXPECT_FALSE(ReadProcessMemory(process.reader(), place, &copy, sizeof copy));
  process.GoOn();
  EXPECT_EQ(process.Stop(), ESRCH);
}

}  // namespace
}  // namespace bartizan::platform
