// The table of handles alone, used by threads at the same time.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/random.h"
#include "tests/unit/engine/handle_table_under_test.h"

namespace bartizan {
namespace {

// Four threads free each handle at once: one of them does.
TEST(HandleTableThreads, OneOfRacingFreesSucceeds) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5000;
  HandleTable table(kSmall);
  std::atomic<uint64_t> current{0};
  std::atomic<int> arrived{0};
  std::atomic<int> freed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      uint64_t last = 0;
      for (int i = 0; i < kRounds; ++i) {
        uint64_t handle;
        while ((handle = current.load()) == last) std::this_thread::yield();
        last = handle;
        if (table.Free(handle) == Freed::kNow) freed++;
        arrived++;
      }
    });
  }
  for (int i = 0; i < kRounds; ++i) {
    const uint64_t handle = Issue(table, 1);
    arrived = 0;
    freed = 0;
    current = handle;
    while (arrived != kThreads) std::this_thread::yield();
    EXPECT_EQ(freed, 1) << i;
    table.GiveBack(handle);
  }
  for (std::thread& thread : threads) thread.join();
}

// What others resolve and pin while few entries are used again and again is the handle's own block
// or nothing: each block is a number, at which its handle is noted.
class Reused {
 public:
  void Write(uint64_t seed) {
    test::Random random(seed);
    for (int i = 0; i < kRounds; ++i) {
      std::atomic<uint64_t>& place = places_[random.Below(kPlaces)];
      const uint64_t old = place.load();
      if (table_.Free(old) == Freed::kNow) table_.GiveBack(old);
      uint32_t index = 0;
      if (table_.Take(&index) != Taken::kDone) continue;
      const uint64_t number = ++numbers_;
      const uint64_t handle = table_.Publish(index, {Address(number), 4});
      handle_of_[number] = handle;
      place = handle;
    }
    writing_--;
  }

  void Read(uint64_t seed) {
    test::Random random(seed);
    while (writing_ != 0) {
      const uint64_t handle = places_[random.Below(kPlaces)];
      const auto resolved = reinterpret_cast<uint64_t>(table_.Resolve(handle));
      if (resolved != 0) {
        ASSERT_EQ(handle_of_[resolved], handle) << "the block of another handle";
      }
      void* block = nullptr;
      if (!random.OneIn(4) || table_.Pin(handle, &block) != Pinned::kDone) continue;
      EXPECT_NE(resolved, 0u) << "a handle that did not resolve can be pinned";
      ASSERT_EQ(handle_of_[reinterpret_cast<uint64_t>(block)], handle);
      if (table_.Unpin(handle) == Unpinned::kLast) table_.GiveBack(handle);
    }
  }

  static constexpr int kWriters = 2;

 private:
  static constexpr int kRounds = 40'000;
  static constexpr uint32_t kPlaces = 4;

  HandleTable table_{kSmall};
  std::atomic<uint64_t> places_[kPlaces] = {};
  std::atomic<int> writing_{kWriters};
  std::atomic<uint64_t> numbers_{0};
  std::vector<std::atomic<uint64_t>> handle_of_ =
      std::vector<std::atomic<uint64_t>>(kWriters * kRounds + 1);
};

TEST(HandleTableThreads, NobodySeesTheBlockOfAnotherHandle) {
  Reused reused;
  std::vector<std::thread> threads;
  for (int i = 0; i < Reused::kWriters; ++i) threads.emplace_back(&Reused::Write, &reused, i);
  for (int i = 0; i < 2; ++i) threads.emplace_back(&Reused::Read, &reused, 100 + i);
  for (std::thread& thread : threads) thread.join();
}

// Threads that take and return entries: none is given to two.
TEST(HandleTableThreads, EachEntryIsOneThreads) {
  constexpr int kThreads = 4;
  HandleTable table(kSmall);
  std::vector<std::atomic<int>> owner(kSmall);
  std::vector<std::thread> threads;
  for (int t = 1; t <= kThreads; ++t) {
    threads.emplace_back([&, t] {
      test::Random random(t);
      std::vector<uint32_t> mine;
      for (int i = 0; i < 30'000; ++i) {
        uint32_t index = 0;
        if (mine.size() < 100 && random.OneIn(2) && table.Take(&index) == Taken::kDone) {
          int nobody = 0;
          ASSERT_TRUE(owner[index].compare_exchange_strong(nobody, t)) << index;
          mine.push_back(index);
        } else if (!mine.empty()) {
          std::swap(mine[random.Below(mine.size())], mine.back());
          owner[mine.back()] = 0;
          table.Return(mine.back());
          mine.pop_back();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace bartizan
