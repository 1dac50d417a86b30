// Forks: what the child inherits works, though the threads that used it are gone.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/engine/large_blocks.h"
#include "src/metadata/address_map.h"
#include "tests/support/child.h"
#include "tests/support/pattern.h"
#include "tests/support/random.h"

namespace bartizan {
namespace {

constexpr size_t kBlocks = 500;

struct Block {
  void* at;
  size_t bytes;
};

std::vector<Block> MakeBlocks(uint64_t seed) {
  test::Random random(seed);
  std::vector<Block> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    const size_t bytes = random.OneIn(50) ? 200000 : random.Logarithmic(1, 4000);
    blocks.push_back({bartizan_malloc(bytes), bytes});
    test::FillSparse(blocks.back().at, bytes, seed);
  }
  return blocks;
}
void CheckAndFree(const std::vector<Block>& blocks, uint64_t seed) {
  for (const Block& block : blocks) {
    test::CheckSparse("block from before the fork", block.at, block.bytes, seed);
    bartizan_free(block.at);
  }
}

// The child frees blocks of its own thread, of a thread that had ended and of one that is lost, and
// allocates on, while the parent's threads are in the middle of anything.
TEST(Fork, TheChildCarriesOn) {
  std::vector<Block> of_ended;
  std::thread([&] { of_ended = MakeBlocks(1); }).join();
  std::atomic<bool> stop{false};
  std::atomic<int> ready{0};
  std::vector<std::vector<Block>> of_others(2);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < of_others.size(); ++i) {
    threads.emplace_back([&, i] {
      of_others[i] = MakeBlocks(2);
      ready++;
      while (!stop) CheckAndFree(MakeBlocks(3), 3);
    });
  }
  while (ready != 2) sched_yield();
  const std::vector<Block> mine = MakeBlocks(4);
  for (int i = 0; i < 20; ++i) {
    const test::Ending ending = test::RunInChild("fork test", [&] {
      CheckAndFree(mine, 4);
      CheckAndFree(of_ended, 1);
      for (const std::vector<Block>& blocks : of_others) CheckAndFree(blocks, 2);
      for (uint64_t round = 0; round < 5; ++round) CheckAndFree(MakeBlocks(5 + round), 5 + round);
      bartizan_purge();
    });
    ASSERT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CheckAndFree(mine, 4);
  CheckAndFree(of_ended, 1);
  for (const std::vector<Block>& blocks : of_others) CheckAndFree(blocks, 2);
}

// What a freed block's state says does not get lost on the way.
TEST(Fork, TheChildKnowsWhatIsLive) {
  std::vector<Block> blocks = MakeBlocks(1);
  std::vector<Block> of_another;
  std::thread([&] { of_another = MakeBlocks(2); }).join();
  bartizan_statistics before = {};
  before.struct_bytes = sizeof before;
  ASSERT_EQ(bartizan_get_statistics(&before), 0);
  const test::Ending ending = test::RunInChild("statistics in a child", [&] {
    bartizan_statistics now = {};
    now.struct_bytes = sizeof now;
    bartizan_get_statistics(&now);
    if (now.live_blocks != before.live_blocks || now.live_bytes != before.live_bytes) _exit(1);
    CheckAndFree(blocks, 1);
    CheckAndFree(of_another, 2);
    bartizan_get_statistics(&now);
    if (now.live_blocks != before.live_blocks - 2 * kBlocks) _exit(2);
  });
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
  CheckAndFree(blocks, 1);
  CheckAndFree(of_another, 2);
}

enum class InThread { kNo, kYes };

// The addresses that a child gets, in its only thread or in a second one, in order.
std::vector<uintptr_t> AddressesInChild(InThread in_thread = InThread::kNo) {
  constexpr size_t kCount = 400;  // more than is ready when it begins
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const auto allocate = [&] {
    for (size_t i = 0; i < kCount; ++i) {
      const auto address = reinterpret_cast<uintptr_t>(bartizan_malloc(200));
      if (write(ends[1], &address, sizeof address) != sizeof address) _exit(1);
    }
  };
  const test::Ending ending = test::RunInChild("addresses of a child", [&] {
    if (in_thread == InThread::kYes) return std::thread(allocate).join();
    allocate();
  });
  EXPECT_TRUE(ending.Clean());
  std::vector<uintptr_t> addresses(kCount);
  for (uintptr_t& address : addresses) EXPECT_EQ(read(ends[0], &address, sizeof address), 8);
  close(ends[0]);
  close(ends[1]);
  return addresses;
}

// Two children of one parent, and so of one state of its generator.
TEST(Fork, ChildrenDrawOtherSlots) {
  if (bartizan_layer_in_force("random_slots") != 1) GTEST_SKIP() << "slots are not drawn";
  bartizan_free(bartizan_malloc(200));
  EXPECT_NE(AddressesInChild(), AddressesInChild());
}

// The same in a thread of each child, which takes over the heap that a thread of the parent left.
TEST(Fork, ThreadsOfChildrenDrawOtherSlots) {
  if (bartizan_layer_in_force("random_slots") != 1) GTEST_SKIP() << "slots are not drawn";
  std::thread([] { bartizan_free(bartizan_malloc(200)); }).join();
  EXPECT_NE(AddressesInChild(InThread::kYes), AddressesInChild(InThread::kYes));
}

// Another thread holds each lock nearly all the time: a fork that does not wait for it leaves it
// taken in the child, for good.
TEST(Fork, LocksAreFreeInTheChild) {
  bartizan_free(bartizan_malloc(200));
  for (platform::Lock* lock : {g_address_map.LockAt(5), g_large_blocks.lock()}) {
    std::atomic<bool> stop{false};
    std::atomic<bool> held{false};
    std::thread holder([&] {
      while (!stop) {
        {
          platform::LockGuard guard(*lock);
          held = true;
          for (int i = 0; i < 1000; ++i) sched_yield();
        }
        for (int i = 0; i < 100; ++i) sched_yield();  // so that others get it
      }
    });
    while (!held) sched_yield();
    for (int i = 0; i < 5 && !HasFailure(); ++i) {
      const test::Ending ending =
          test::RunInChild("lock in a child", [&] { platform::LockGuard guard(*lock); }, 20);
      EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
    }
    stop = true;
    holder.join();
  }
}

}  // namespace
}  // namespace bartizan
