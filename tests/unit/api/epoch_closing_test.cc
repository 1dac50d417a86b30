// Epochs that close or are released, once per profile.
#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "bartizan/epoch.h"
#include "src/api/embedded.h"
#include "tests/unit/api/epoch_steps.h"

namespace bartizan {
namespace {

TEST(Epoch, AClosingOneTakesNothingAndItsBlocksStay) {
  const bartizan_epoch epoch = Open();
  std::vector<char*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(In(epoch, 48));
  char* const large = In(epoch, kLarge);
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i % 100 != 0) bartizan_free(blocks[i]);
  }
  bartizan_epoch_given_back given;
  EXPECT_EQ(bartizan_epoch_close(epoch, &given), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(given.live_blocks, 11U);
  EXPECT_EQ(given.live_bytes, 10 * 48 + kLarge);
  EXPECT_LT(given.committed_after, given.committed_before);
  EXPECT_EQ(given.returned, given.resident_before - given.resident_after);
  EXPECT_EQ(given.scopes_inside, 0U);
  EXPECT_EQ(Info(epoch).closing, 1U);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_CLOSING);

  bartizan_epoch_status status;
  errno = 0;
  EXPECT_EQ(bartizan_epoch_malloc(epoch, 16, &status), nullptr);
  EXPECT_EQ(status, BARTIZAN_EPOCH_CLOSING);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(bartizan_epoch_calloc(epoch, 1, kLarge, nullptr), nullptr);
  bartizan_epoch_scope scope;
  EXPECT_EQ(bartizan_epoch_enter(epoch, 0, &scope), BARTIZAN_EPOCH_CLOSING);
  EXPECT_EQ(bartizan_epoch_make_current(epoch), BARTIZAN_EPOCH_CLOSING);

  for (size_t i = 0; i < blocks.size(); i += 100) {
    for (int byte = 0; byte < 48; ++byte) ASSERT_EQ(blocks[i][byte], 0x5a);
    bartizan_free(blocks[i]);
  }
  EXPECT_EQ(Info(epoch).live_blocks, 1U);
  bartizan_free(large);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(Epoch, ABlockKeepsLittleMoreThanItsPage) {
  const bartizan_epoch epoch = Open();
  std::vector<char*> blocks;
  for (int i = 0; i < 1500; ++i) blocks.push_back(In(epoch, 32));
  char* const kept = blocks[700];
  for (char* block : blocks) {
    if (block != kept) bartizan_free(block);
  }
  bartizan_epoch_given_back given;
  EXPECT_EQ(bartizan_epoch_close(epoch, &given), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(given.live_blocks, 1U);
  EXPECT_LE(given.resident_after, 2U * 4096);
  EXPECT_LE(given.committed_after, 2U * 4096);
  for (int byte = 0; byte < 32; ++byte) ASSERT_EQ(kept[byte], 0x5a);
  bartizan_free(kept);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(Epoch, ReleasedAddressesWait) {
  if (bartizan_layer_in_force("quarantine") != 1) GTEST_SKIP() << "no quarantine in this profile";
  std::set<const void*> released;
  for (int i = 0; i < 4; ++i) {
    const bartizan_epoch epoch = Open();
    for (int n = 0; n < 100; ++n) {
      ASSERT_TRUE(released.insert(In(epoch, 96)).second) << "an address came back in round " << i;
    }
    EXPECT_EQ(bartizan_epoch_release(epoch, nullptr), BARTIZAN_EPOCH_OK);
  }
}

TEST(EpochDeathTest, DamageIsFoundAtTheRelease) {
  if (bartizan_layer_in_force("canaries") != 1) GTEST_SKIP() << "no canaries in this profile";
  EXPECT_DEATH(
      {
        const bartizan_epoch epoch = Open();
        In(epoch, 100);
        char* const block = In(epoch, 100);
        block[100] = static_cast<char>(block[100] ^ 1);
        bartizan_epoch_release(epoch, nullptr);
      },
      "bartizan: fatal: heap overflow");
}

TEST(Epoch, AllIsReleasedAtOnce) {
  const bartizan_epoch epoch = Open();
  for (int i = 0; i < 5000; ++i) In(epoch, static_cast<size_t>(i) % 3000);
  In(epoch, kLarge);
  In(epoch, 3 * kLarge);
  bartizan_epoch_given_back given;
  EXPECT_EQ(bartizan_epoch_release(epoch, &given), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(given.live_blocks, 0U);
  EXPECT_EQ(given.committed_after, 0U);
  EXPECT_GT(given.returned, 0U);
  EXPECT_TRUE(IsGone(epoch));
  // Also of one that is closing already.
  const bartizan_epoch closing = Open();
  In(closing, 100);
  In(closing, kLarge);
  EXPECT_EQ(bartizan_epoch_close(closing, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(Info(closing).live_blocks, 2U);
  EXPECT_EQ(bartizan_epoch_release(closing, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(closing));
}

TEST(Epoch, OfAClosingOneNothingIsKeptForReuse) {
  const auto cached = [] {
    bartizan_statistics statistics = {};
    statistics.struct_bytes = sizeof statistics;
    EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
    return statistics.large_cached_bytes;
  };
  bartizan_purge();
  for (const bool release : {false, true}) {
    const bartizan_epoch epoch = Open();
    std::array<char*, 6> blocks;
    for (char*& block : blocks) block = In(epoch, kLarge);
    EXPECT_EQ(cached(), 0U);
    if (release) {
      EXPECT_EQ(bartizan_epoch_release(epoch, nullptr), BARTIZAN_EPOCH_OK);
    } else {
      EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
      for (char* block : blocks) bartizan_free(block);
    }
    EXPECT_TRUE(IsGone(epoch));
    EXPECT_EQ(cached(), 0U) << release;
  }
}

TEST(Epoch, ReleaseWaitsForNobody) {
  const bartizan_epoch epoch = Open();
  bartizan_epoch_scope scope;
  EXPECT_EQ(bartizan_epoch_enter(epoch, 0, &scope), BARTIZAN_EPOCH_OK);
  void* const block = bartizan_malloc(10);
  EXPECT_EQ(bartizan_epoch_release(epoch, nullptr), BARTIZAN_EPOCH_BUSY);
  EXPECT_EQ(bartizan_epoch_leave(&scope), BARTIZAN_EPOCH_OK);
  bartizan_free(block);
  EXPECT_EQ(bartizan_epoch_release(epoch, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(Epoch, WhoOnlyTidiesIsNotInside) {
  constexpr size_t kEpochs = 300;
  std::atomic<bool> done{false};
  std::thread tidying([&] {
    while (!done) bartizan_purge();
  });
  std::vector<bartizan_epoch> epochs;
  std::array<void*, 3000> blocks;
  for (size_t i = 0; i < kEpochs; ++i) {
    const bool release = i % 2 == 0;
    epochs.push_back(Open());
    {
      const EpochScope scope(epochs[i], release ? 0 : BARTIZAN_EPOCH_CLOSE_ON_LEAVE);
      for (size_t n = 0; n < blocks.size(); ++n) blocks[n] = bartizan_malloc(n % 1024);
      const size_t step = release ? 2 : 1;
      for (size_t n = 0; n < blocks.size(); n += step) bartizan_free(blocks[n]);
    }
    std::this_thread::yield();
    if (release) {
      EXPECT_EQ(bartizan_epoch_release(epochs[i], nullptr), BARTIZAN_EPOCH_OK) << i;
    }
  }
  done = true;
  tidying.join();
  bartizan_purge();
  for (size_t i = 0; i < kEpochs; ++i) EXPECT_TRUE(IsGone(epochs[i])) << i;
}

TEST(EpochDeathTest, AFreeAfterTheReleaseIsReported) {
  for (const size_t size : {size_t{64}, kLarge}) {
    EXPECT_DEATH(
        {
          const bartizan_epoch epoch = Open();
          void* const block = In(epoch, size);
          bartizan_epoch_release(epoch, nullptr);
          bartizan_free(block);
        },
        "bartizan: fatal: use after release: the block ended with its epoch, which was released");
  }
}

TEST(EpochDeathTest, ADoubleFreeInAClosingOneIsReported) {
  EXPECT_DEATH(
      {
        const bartizan_epoch epoch = Open();
        void* const block = In(epoch, 64);
        In(epoch, 64);
        bartizan_epoch_close(epoch, nullptr);
        bartizan_free(block);
        bartizan_free(block);
      },
      "bartizan: fatal: double free");
}

TEST(Epoch, OthersFreeItsBlocks) {
  const bartizan_epoch epoch = Open();
  std::vector<char*> blocks;
  for (int i = 0; i < 3000; ++i) blocks.push_back(In(epoch, 200));
  std::thread([&] {
    for (size_t i = 0; i < blocks.size(); i += 2) bartizan_free(blocks[i]);
  }).join();
  EXPECT_EQ(Info(epoch).live_blocks, 1500U);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  std::thread([&] {
    for (size_t i = 1; i < blocks.size(); i += 2) bartizan_free(blocks[i]);
  }).join();
  EXPECT_TRUE(IsGone(epoch));
}

TEST(Epoch, ThreadsFreeWhileItCloses) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 200;
  constexpr size_t kBlocks = 300;
  std::array<std::vector<char*>, kThreads> blocks;
  bartizan_epoch epoch = {};
  std::barrier round(kThreads + 1);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        round.arrive_and_wait();
        for (char* block : blocks[t]) bartizan_free(block);
        round.arrive_and_wait();
      }
    });
  }
  for (int i = 0; i < kRounds; ++i) {
    epoch = Open();
    for (auto& mine : blocks) {
      mine.clear();
      for (size_t n = 0; n < kBlocks; ++n) mine.push_back(In(epoch, n % 7 == 0 ? 9000 : 100));
    }
    round.arrive_and_wait();
    EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
    round.arrive_and_wait();
    // A slab that was announced to the heap it had may wait for that.
    bartizan_purge();
    ASSERT_TRUE(IsGone(epoch)) << i;
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace bartizan
