// Several threads: blocks that change hands, heaps that outlive their threads.
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "tests/support/pattern.h"
#include "tests/support/random.h"

namespace bartizan {
namespace {

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

void InNewThread(const std::function<void()>& body) { std::thread(body).join(); }

struct Block {
  char* at;
  size_t bytes;
  uint64_t seed;
};

Block* NewBlock(test::Random& random, size_t bytes) {
  auto* block = static_cast<Block*>(bartizan_malloc(sizeof(Block)));
  *block = {static_cast<char*>(bartizan_malloc(bytes)), bytes, random.Next()};
  test::FillSparse(block->at, bytes, block->seed);
  return block;
}
void CheckAndFree(Block* block) {
  test::CheckSparse("block of another thread", block->at, block->bytes, block->seed);
  bartizan_free(block->at);
  bartizan_free(block);
}

// Threads swap blocks through a row of boxes: most are freed by another thread than the one that
// made them, with what they held checked on the way.
TEST(Threads, ExchangeBlocks) {
  std::array<std::atomic<Block*>, 64> boxes{};
  std::vector<std::thread> threads;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    threads.emplace_back([&boxes, seed] {
      test::Random random(seed);
      for (int i = 0; i < 15000; ++i) {
        Block* mine = random.OneIn(10) ? nullptr : NewBlock(random, random.Logarithmic(1, 4000));
        if (random.OneIn(300)) {
          if (mine != nullptr) CheckAndFree(mine);
          mine = NewBlock(random, random.Logarithmic(100000, 1000000));
        }
        Block* theirs = boxes[random.Below(boxes.size())].exchange(mine, std::memory_order_acq_rel);
        if (theirs != nullptr) CheckAndFree(theirs);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& box : boxes) {
    if (Block* block = box.load()) CheckAndFree(block);
  }
  EXPECT_EQ(Statistics().live_blocks, 0u);
  EXPECT_EQ(Statistics().live_bytes, 0u);
}

// One heap serves a thousand threads that follow each other.
TEST(Threads, AdoptTheHeapsOfThreadsThatEnded) {
  InNewThread([] { bartizan_free(bartizan_malloc(100)); });
  const bartizan_statistics before = Statistics();
  test::Random random(1);
  std::vector<Block*> left;
  for (int i = 0; i < 300; ++i) {
    InNewThread([&] {
      for (int n = 0; n < 20; ++n) CheckAndFree(NewBlock(random, random.Logarithmic(1, 2000)));
      left.push_back(NewBlock(random, 100));
    });
  }
  const bartizan_statistics after = Statistics();
  EXPECT_EQ(after.heaps, before.heaps);
  EXPECT_EQ(after.live_blocks, before.live_blocks + 2 * left.size());
  for (Block* block : left) CheckAndFree(block);
  EXPECT_EQ(Statistics().live_blocks, before.live_blocks);
}

// The owner finds what another thread freed when it runs out, and counts it.
TEST(Threads, GetBackWhatOthersFreed) {
  constexpr size_t kBlocks = 2000;
  constexpr size_t kBytes = 1000;
  std::vector<void*> blocks(kBlocks);
  InNewThread([&] {
    for (void*& block : blocks) block = bartizan_malloc(kBytes);
    // What earlier tests left to be taken in is not of these rounds.
    bartizan_purge();
    const bartizan_statistics before = Statistics();
    for (int round = 0; round < 10; ++round) {
      std::set<void*> first(blocks.begin(), blocks.end());
      InNewThread([&] {
        // By a thread that has a heap of its own, and by one that has none.
        if (round % 2 == 0) bartizan_free(bartizan_malloc(kBytes));
        for (void* block : blocks) bartizan_free(block);
      });
      size_t known = 0;
      for (void*& block : blocks) {
        block = bartizan_malloc(kBytes);
        known += first.count(block);
      }
      EXPECT_GT(known, kBlocks / 2) << "round " << round;
    }
    const bartizan_statistics after = Statistics();
    EXPECT_EQ(after.live_blocks, before.live_blocks);
    EXPECT_LE(after.committed_bytes, before.committed_bytes + before.committed_bytes / 4);
    const uint64_t samples = after.samples - before.samples;
    EXPECT_GE(after.remote_frees + samples, before.remote_frees + 9 * kBlocks);
    EXPECT_LE(after.remote_frees, before.remote_frees + 10 * kBlocks);
    for (void* block : blocks) bartizan_free(block);
  });
}

// Into slabs of a heap that no thread has: who adopts it finds them.
TEST(Threads, FreeBlocksOfThreadsThatEnded) {
  constexpr size_t kBlocks = 3000;
  const bartizan_statistics before = Statistics();
  std::vector<void*> blocks(kBlocks);
  for (int round = 0; round < 10; ++round) {
    InNewThread([&] {
      for (void*& block : blocks) block = bartizan_malloc(777);
    });
    for (void* block : blocks) bartizan_free(block);
  }
  const bartizan_statistics after = Statistics();
  EXPECT_EQ(after.live_blocks, before.live_blocks);
  EXPECT_LE(after.committed_bytes, before.committed_bytes + 3 * kBlocks * 896);
}

// --- The end of a thread ------------------------------------------------------------------------

// Keeps allocating in as many rounds of destructors as there are, the allocator's own among them.
pthread_key_t g_late_key;
std::atomic<int> g_late_rounds{0};

void AllocateLate(void* rounds) {
  auto left = reinterpret_cast<intptr_t>(rounds);
  for (size_t bytes : {size_t{0}, size_t{40}, size_t{4000}, size_t{300000}}) {
    void* block = bartizan_malloc(bytes);
    EXPECT_NE(block, nullptr);
    test::FillSparse(block, bytes, 1);
    block = bartizan_realloc(block, bytes + 100);
    test::CheckPrefix("block of an ending thread", block, bytes, bytes, 1);
    bartizan_free(block);
  }
  g_late_rounds++;
  if (left > 1) pthread_setspecific(g_late_key, reinterpret_cast<void*>(left - 1));
}

TEST(Threads, AllocateAndFreeAfterTheirHeapIsGivenUp) {
  ASSERT_EQ(pthread_key_create(&g_late_key, AllocateLate), 0);
  const uint64_t before = Statistics().live_blocks;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      // Before and after the allocator's own key is set in this thread.
      pthread_setspecific(g_late_key, reinterpret_cast<void*>(3));
      bartizan_free(bartizan_malloc(100));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(g_late_rounds, 8 * 3);
  EXPECT_EQ(Statistics().live_blocks, before);
  pthread_key_delete(g_late_key);
}

// --- Questions while others work ----------------------------------------------------------------

TEST(Threads, CanBeAskedAndTrimmedWhileTheyWork) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    threads.emplace_back([&stop, seed] {
      test::Random random(seed);
      while (!stop) CheckAndFree(NewBlock(random, random.Logarithmic(1, 200000)));
    });
  }
  char* mine = static_cast<char*>(bartizan_malloc(100));
  for (int i = 0; i < 50; ++i) {
    EXPECT_GE(Statistics().live_blocks, 1u);
    bartizan_object object;
    ASSERT_EQ(bartizan_find_object(mine + 50, &object), 1);
    EXPECT_EQ(object.begin, mine);
    EXPECT_EQ(object.size, 100u);
    bartizan_purge();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  bartizan_free(mine);
}

}  // namespace
}  // namespace bartizan
