// Mutual exclusion, names of holders, fork.
#include "src/platform/lock.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "src/platform/process_counters.h"

namespace bartizan::platform {
namespace {

constexpr int kThreads = 4;

// Runs the function in several threads that begin together.
void InThreads(const std::function<void(int)>& function) {
  std::atomic<int> waiting{kThreads};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      waiting.fetch_sub(1);
      while (waiting.load() != 0) sched_yield();
      function(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Lock, CountsWaitingOnly) {
  const auto contended = [] {
    return g_process_counters.contended_locks.load(std::memory_order_relaxed);
  };
  Lock lock;
  const uint64_t before = contended();
  for (int i = 0; i < 1000; ++i) LockGuard guard(lock);
  EXPECT_EQ(contended(), before);
  lock.Acquire();
  std::thread waiting([&] { LockGuard guard(lock); });
  while (contended() == before) sched_yield();
  lock.Release();
  waiting.join();
  EXPECT_EQ(contended(), before + 1);
}

// The counter is no atomic: two holders at once lose an increment, and the thread sanitizer sees
// them.
TEST(Lock, ExcludesEverybodyElse) {
  constexpr uint64_t kRounds = 20000;
  Lock lock;
  uint64_t counter = 0;
  InThreads([&](int) {
    for (uint64_t i = 0; i < kRounds; ++i) {
      const LockGuard guard(lock);
      counter++;
    }
  });
  EXPECT_EQ(counter, kThreads * kRounds);
}

// Holders that give the processor away make the others sleep in the kernel and need to be woken.
TEST(Lock, WakesWhoSleeps) {
  constexpr int kRounds = 500;
  Lock lock;
  int inside = 0;
  uint64_t counter = 0;
  InThreads([&](int) {
    for (int i = 0; i < kRounds; ++i) {
      lock.Acquire();
      ASSERT_EQ(inside++, 0);
      for (int yields = 0; yields < 5; ++yields) sched_yield();
      counter++;
      ASSERT_EQ(--inside, 0);
      lock.Release();
    }
  });
  EXPECT_EQ(counter, uint64_t{kThreads} * kRounds);
}

TEST(Lock, KnowsWhetherThisThreadHoldsIt) {
  Lock lock;
  EXPECT_FALSE(lock.HeldByThisThread());
  lock.Acquire();
  EXPECT_TRUE(lock.HeldByThisThread());
  std::thread([&] { EXPECT_FALSE(lock.HeldByThisThread()); }).join();
  lock.Release();
  EXPECT_FALSE(lock.HeldByThisThread());
}

// While others wait the lock word says so; its holder is still known, and each of those who waited
// becomes the holder.
TEST(Lock, KnowsItsHolderAmongWaiters) {
  Lock lock;
  std::atomic<int> arrived{0};
  std::vector<std::thread> threads;
  lock.Acquire();
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      EXPECT_FALSE(lock.HeldByThisThread());
      arrived.fetch_add(1);
      lock.Acquire();
      EXPECT_TRUE(lock.HeldByThisThread());
      lock.Release();
      EXPECT_FALSE(lock.HeldByThisThread());
    });
  }
  while (arrived.load() != kThreads) sched_yield();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(lock.HeldByThisThread());
    sched_yield();
  }
  lock.Release();
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(lock.HeldByThisThread());
}

// Handlers that run around a fork may need what the forking thread holds already.
TEST(Lock, MayBeTakenAgainByTheForkingThread) {
  Lock lock;
  lock.Acquire();
  Lock::BeginFork();
  for (int depth = 0; depth < 5; ++depth) {
    lock.Acquire();
    EXPECT_TRUE(lock.HeldByThisThread());
  }
  std::atomic<bool> entered{false};
  std::thread other([&] {
    lock.Acquire();
    entered = true;
    lock.Release();
  });
  for (int depth = 0; depth < 5; ++depth) {
    lock.Release();
    sched_yield();
    EXPECT_TRUE(lock.HeldByThisThread()) << depth;
    EXPECT_FALSE(entered) << depth;
  }
  Lock::EndFork();
  lock.Release();
  other.join();
  EXPECT_FALSE(lock.HeldByThisThread());
  // As any other lock again.
  lock.Acquire();
  EXPECT_TRUE(lock.HeldByThisThread());
  lock.Release();
  EXPECT_FALSE(lock.HeldByThisThread());
}

// A lock that the forking thread does not hold is like any other to it.
TEST(Lock, OfAnotherThreadKeepsTheForkingThreadOut) {
  Lock lock;
  enum Phase { kBefore, kInside, kAfter };
  std::atomic<Phase> phase{kBefore};
  std::thread other([&] {
    lock.Acquire();
    phase = kInside;
    for (int i = 0; i < 1000; ++i) sched_yield();
    phase = kAfter;
    lock.Release();
  });
  while (phase == kBefore) sched_yield();  // it may be through already
  Lock::BeginFork();
  lock.Acquire();
  EXPECT_EQ(phase, kAfter);
  lock.Release();
  Lock::EndFork();
  other.join();
}

TEST(Lock, IsTheForkingThreadsInTheChild) {
  Lock lock;
  lock.Acquire();
  const pid_t child = fork();
  if (child == 0) {
    const bool held = lock.HeldByThisThread();
    lock.Release();
    lock.Acquire();
    _exit(held && lock.HeldByThisThread() ? 0 : 1);
  }
  EXPECT_TRUE(lock.HeldByThisThread());
  lock.Release();
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// Neither who holds it nor anybody else waits for ever; free, it is acquired like any lock.
TEST(Lock, IsAcquiredSoonOrNotAtAll) {
  Lock lock;
  lock.Acquire();
  EXPECT_FALSE(lock.AcquireSoon());
  std::thread([&] { EXPECT_FALSE(lock.AcquireSoon()); }).join();
  EXPECT_TRUE(lock.HeldByThisThread());
  lock.Release();
  ASSERT_TRUE(lock.AcquireSoon());
  EXPECT_TRUE(lock.HeldByThisThread());
  std::thread([&] { EXPECT_FALSE(lock.AcquireSoon()); }).join();
  lock.Release();
  std::thread([&] {
    EXPECT_TRUE(lock.AcquireSoon());
    lock.Release();
  }).join();
}

}  // namespace
}  // namespace bartizan::platform
