// Being told when a thread ends. The hook is one per process, hence this program of its own.
#include "src/platform/thread_exit.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "src/platform/process.h"

namespace bartizan::platform {
namespace {

std::mutex g_mutex;
std::multiset<int> g_ended;

void OnExit(void*) {
  const std::lock_guard<std::mutex> guard(g_mutex);
  g_ended.insert(ThreadId());
}

TEST(ThreadExit, IsToldOnceOfThreadsThatAreWatched) {
  ASSERT_TRUE(PrepareThreadExit(OnExit));
  std::set<int> watched;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i, &watched] {
      if (i % 2 == 0) return;
      for (int times = 0; times < i; ++times) WatchThread();
      const std::lock_guard<std::mutex> guard(g_mutex);
      watched.insert(ThreadId());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(watched.size(), 4u);
  EXPECT_EQ(g_ended, (std::multiset<int>(watched.begin(), watched.end())));

  // Also when a thread ends in the middle of a function.
  g_ended.clear();
  std::thread([] {
    WatchThread();
    pthread_exit(nullptr);
  }).join();
  EXPECT_EQ(g_ended.size(), 1u);
}

}  // namespace
}  // namespace bartizan::platform
