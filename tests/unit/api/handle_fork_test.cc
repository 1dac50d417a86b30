// Handles and forks: parent and child each go on with their own.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <unordered_set>
#include <vector>

#include "bartizan/handle.h"
#include "src/api/embedded.h"
#include "src/engine/handle_table.h"
#include "tests/support/child.h"

namespace bartizan {
namespace {

constexpr int kMany = 2000;

bartizan_handle Make(uint64_t content) {
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  if (bartizan_handle_malloc(sizeof content, &handle) != BARTIZAN_HANDLE_OK) _exit(10);
  *static_cast<uint64_t*>(bartizan_handle_resolve(handle)) = content;
  return handle;
}
std::vector<bartizan_handle> MakeMany() {
  std::vector<bartizan_handle> handles;
  for (uint64_t i = 0; i < kMany; ++i) handles.push_back(Make(i));
  return handles;
}
bool Holds(bartizan_handle handle, uint64_t content) {
  const auto* block = static_cast<uint64_t*>(bartizan_handle_resolve(handle));
  return block != nullptr && *block == content;
}
bool IsLive(bartizan_handle handle) { return bartizan_handle_resolve(handle) != nullptr; }

// The handles that `body` makes in a child.
template <class Body>
std::vector<bartizan_handle> InChild(size_t count, Body body) {
  std::vector<bartizan_handle> issued(count);
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    test::Watchdog(120, "child with handles");
    for (bartizan_handle handle : body()) {
      if (write(ends[1], &handle, sizeof handle) != sizeof handle) _exit(11);
    }
    _exit(0);
  }
  close(ends[1]);
  for (bartizan_handle& handle : issued) {
    EXPECT_EQ(read(ends[0], &handle, sizeof handle), static_cast<ssize_t>(sizeof handle));
  }
  close(ends[0]);
  const test::Ending ending = test::WaitFor(child);
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  return issued;
}

TEST(HandleFork, LiveOnesResolveInTheChildAndFreedOnesDoNot) {
  const std::vector<bartizan_handle> freed = MakeMany();
  for (bartizan_handle handle : freed) bartizan_handle_free(handle);
  // Some of the same entries, and others.
  const std::vector<bartizan_handle> more = MakeMany();
  const std::vector<bartizan_handle> live = MakeMany();
  for (bartizan_handle handle : more) bartizan_handle_free(handle);
  const test::Ending ending = test::RunInChild("handles from before the fork", [&] {
    for (uint64_t i = 0; i < kMany; ++i) {
      if (!Holds(live[i], i)) _exit(1);
      if (IsLive(freed[i]) || IsLive(more[i])) _exit(2);
    }
    // As many again and again: whatever the child issues, those stay dead.
    for (int round = 0; round < 20; ++round) {
      const std::vector<bartizan_handle> mine = MakeMany();
      for (bartizan_handle handle : freed) {
        if (IsLive(handle)) _exit(3);
      }
      for (bartizan_handle handle : more) {
        if (IsLive(handle)) _exit(3);
      }
      for (bartizan_handle handle : mine) {
        if (bartizan_handle_free(handle) != BARTIZAN_HANDLE_OK) _exit(4);
      }
    }
    for (bartizan_handle handle : live) {
      if (bartizan_handle_free(handle) != BARTIZAN_HANDLE_OK || IsLive(handle)) _exit(5);
    }
  });
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  for (uint64_t i = 0; i < kMany; ++i) {
    EXPECT_TRUE(Holds(live[i], i)) << "the child freed what is the parent's";
    EXPECT_EQ(bartizan_handle_free(live[i]), BARTIZAN_HANDLE_OK);
  }
}

// That it is no matter of chance that they stay dead: no entry that was used before the fork is
// used in the child, not even when what it held is freed there.
TEST(HandleFork, TheChildUsesOtherEntries) {
  const std::vector<bartizan_handle> freed = MakeMany();
  const std::vector<bartizan_handle> live = MakeMany();
  for (bartizan_handle handle : freed) bartizan_handle_free(handle);
  std::unordered_set<uint64_t> used;
  for (bartizan_handle handle : freed) used.insert(handle >> HandleTable::kTagBits);
  for (bartizan_handle handle : live) used.insert(handle >> HandleTable::kTagBits);
  const test::Ending ending = test::RunInChild("entries of a child", [&] {
    for (bartizan_handle handle : live) bartizan_handle_free(handle);
    for (int round = 0; round < 3; ++round) {
      const std::vector<bartizan_handle> mine = MakeMany();
      for (bartizan_handle handle : mine) {
        if (used.count(handle >> HandleTable::kTagBits) != 0) _exit(1);
        bartizan_handle_free(handle);
      }
    }
  });
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  for (bartizan_handle handle : live) bartizan_handle_free(handle);
}

// Parent and children issue as many from entries that none of them had used before.
TEST(HandleFork, NoneResolvesOnTheOtherSide) {
  const bartizan_handle before = Make(1);  // so that there is a key to inherit
  const auto issue = [&] {
    std::vector<bartizan_handle> mine;
    // More than are free in the parent from before.
    for (int i = 0; i < 10; ++i) {
      const std::vector<bartizan_handle> more = MakeMany();
      mine.insert(mine.end(), more.begin(), more.end());
    }
    return mine;
  };
  const std::vector<bartizan_handle> first = InChild(10 * kMany, issue);
  const std::vector<bartizan_handle> second = InChild(10 * kMany, issue);
  const std::vector<bartizan_handle> own = issue();
  const std::unordered_set<bartizan_handle> of_second(second.begin(), second.end());
  size_t same_entries = 0;
  std::unordered_set<uint64_t> entries;
  for (bartizan_handle handle : own) entries.insert(handle >> HandleTable::kTagBits);
  for (bartizan_handle handle : first) {
    ASSERT_FALSE(IsLive(handle));
    ASSERT_EQ(of_second.count(handle), 0u);
    same_entries += entries.count(handle >> HandleTable::kTagBits);
  }
  for (bartizan_handle handle : second) ASSERT_FALSE(IsLive(handle));
  EXPECT_GT(same_entries, kMany) << "the test looked at different entries only";
  const test::Ending ending = test::RunInChild("a child of those that came after", [&] {
    for (bartizan_handle handle : first) {
      if (IsLive(handle)) _exit(1);
    }
    for (bartizan_handle handle : own) {
      if (!IsLive(handle)) _exit(2);
    }
  });
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  for (bartizan_handle handle : own) bartizan_handle_free(handle);
  bartizan_handle_free(before);
}

// A fork while other threads issue and free: the child has no lock that nobody releases, and no
// handle of theirs that cannot be freed.
TEST(HandleFork, TheChildOfABusyParentGoesOn) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      std::vector<bartizan_handle> mine;
      ready++;
      while (!stop) {
        mine.push_back(Make(mine.size()));
        // Now and then fewer, so that there are always some that are free, and some that are fresh.
        if (mine.size() < 3000) continue;
        while (mine.size() > 100) {
          bartizan_handle_free(mine.back());
          mine.pop_back();
        }
      }
      for (bartizan_handle handle : mine) bartizan_handle_free(handle);
    });
  }
  while (ready != 2) std::this_thread::yield();
  const std::vector<bartizan_handle> live = MakeMany();
  for (int i = 0; i < 30; ++i) {
    const test::Ending ending = test::RunInChild("child of a busy parent", [&] {
      const std::vector<bartizan_handle> mine = MakeMany();
      for (uint64_t n = 0; n < kMany; ++n) {
        if (!Holds(live[n], n) || !Holds(mine[n], n)) _exit(1);
        if (bartizan_handle_free(live[n]) != BARTIZAN_HANDLE_OK) _exit(2);
        if (bartizan_handle_free(mine[n]) != BARTIZAN_HANDLE_OK) _exit(3);
      }
    });
    ASSERT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (bartizan_handle handle : live) bartizan_handle_free(handle);
}

// Another thread holds the table's lock nearly all the time.
TEST(HandleFork, TheLockIsFreeInTheChild) {
  bartizan_handle_free(Make(1));
  std::atomic<bool> stop{false};
  std::atomic<bool> held{false};
  std::thread holder([&] {
    while (!stop) {
      {
        platform::LockGuard guard(*g_handle_table.lock());
        held = true;
        for (int i = 0; i < 1000; ++i) sched_yield();
      }
      for (int i = 0; i < 100; ++i) sched_yield();  // so that others get it
    }
  });
  while (!held) sched_yield();
  for (int i = 0; i < 5 && !testing::Test::HasFailure(); ++i) {
    const test::Ending ending =
        test::RunInChild("lock of the table in a child", [] { MakeMany(); }, 20);
    EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  }
  stop = true;
  holder.join();
}

}  // namespace
}  // namespace bartizan
