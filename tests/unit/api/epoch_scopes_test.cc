// Scopes of epochs, and epochs that are current for a thread, once per profile.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "bartizan/epoch.h"
#include "bartizan/handle.h"
#include "src/api/embedded.h"
#include "tests/unit/api/epoch_steps.h"

namespace bartizan {
namespace {

TEST(EpochScopes, EveryMallocOfTheThreadIsInside) {
  const bartizan_epoch epoch = Open();
  EXPECT_EQ(bartizan_epoch_current().id, 0U);
  void* blocks[3];
  {
    const EpochScope scope(epoch);
    ASSERT_TRUE(scope);
    EXPECT_EQ(bartizan_epoch_current().era, epoch.era);
    EXPECT_EQ(Info(epoch).scopes, 1U);
    blocks[0] = bartizan_malloc(10);
    blocks[1] = bartizan_calloc(10, 1000);
    blocks[2] = bartizan_malloc(kLarge);
    std::thread([] { bartizan_free(bartizan_malloc(10)); }).join();
    EXPECT_EQ(Info(epoch).live_blocks, 3U);
  }
  EXPECT_EQ(bartizan_epoch_current().id, 0U);
  void* const outside = bartizan_malloc(10);
  EXPECT_EQ(Info(epoch).live_blocks, 3U);
  EXPECT_EQ(Info(epoch).scopes, 0U);
  bartizan_free(outside);
  // What moves outside of the epoch leaves it.
  blocks[0] = bartizan_realloc(blocks[0], 3000);
  EXPECT_EQ(Info(epoch).live_blocks, 2U);
  for (void* block : blocks) bartizan_free(block);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochScopes, EmptySlabsGoBackInside) {
  const bartizan_epoch epoch = Open();
  {
    const EpochScope scope(epoch);
    // Some hundred slabs, of which a thread's own heap would keep a MiB when they are empty.
    std::vector<void*> blocks;
    for (int i = 0; i < 10'000; ++i) blocks.push_back(bartizan_malloc(4000));
    const uint64_t full = Info(epoch).slabs;
    for (void* block : blocks) bartizan_free(block);
    EXPECT_GT(full, 600U);
    EXPECT_LE(Info(epoch).slabs, 12U);
  }
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochScopes, BlocksOfHandlesStayOutside) {
  const bartizan_epoch epoch = Open();
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  {
    const EpochScope scope(epoch);
    ASSERT_EQ(bartizan_handle_malloc(100, &handle), BARTIZAN_HANDLE_OK);
    EXPECT_EQ(bartizan_epoch_current().era, epoch.era);
  }
  EXPECT_EQ(Info(epoch).live_blocks, 0U);
  EXPECT_EQ(bartizan_epoch_release(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_NE(bartizan_handle_resolve(handle), nullptr);
  EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
}

TEST(EpochScopes, NestAndAreLeftInOrder) {
  const bartizan_epoch outer = Open("outer");
  const bartizan_epoch inner = Open("inner");
  bartizan_epoch_scope first;
  bartizan_epoch_scope second;
  bartizan_epoch_scope third;
  ASSERT_EQ(bartizan_epoch_enter(outer, 0, &first), BARTIZAN_EPOCH_OK);
  ASSERT_EQ(bartizan_epoch_enter(inner, 0, &second), BARTIZAN_EPOCH_OK);
  ASSERT_EQ(bartizan_epoch_enter(outer, 0, &third), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(Info(outer).scopes, 2U);
  void* const block = bartizan_malloc(1);
  EXPECT_EQ(Info(outer).live_blocks, 1U);

  testing::internal::CaptureStderr();
  EXPECT_EQ(bartizan_epoch_leave(&first), BARTIZAN_EPOCH_NOT_INNERMOST);
  std::string line = testing::internal::GetCapturedStderr();
  const std::string by_name = "scope " + std::to_string(first.serial) + " of epoch 'outer' (" +
                              std::to_string(outer.id) + ", era " + std::to_string(outer.era) +
                              ") is left before scope " + std::to_string(third.serial) +
                              " of epoch 'outer'";
  EXPECT_NE(line.find("bartizan: misuse: " + by_name), std::string::npos) << line;

  testing::internal::CaptureStderr();
  std::thread([&] { EXPECT_EQ(bartizan_epoch_leave(&third), BARTIZAN_EPOCH_OTHER_THREAD); }).join();
  line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("is left by another thread"), std::string::npos) << line;

  EXPECT_EQ(bartizan_epoch_leave(&third), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_current().era, inner.era);
  testing::internal::CaptureStderr();
  EXPECT_EQ(bartizan_epoch_leave(&third), BARTIZAN_EPOCH_NOT_INSIDE);
  line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("was left before, or never entered"), std::string::npos) << line;
  EXPECT_EQ(bartizan_epoch_leave(&second), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_leave(&first), BARTIZAN_EPOCH_OK);
  bartizan_free(block);
  EXPECT_EQ(bartizan_epoch_close(outer, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(inner, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(EpochScopes, NestAsDeepAsTheOptionSays) {
  const bartizan_epoch epoch = Open();
  std::array<bartizan_epoch_scope, 33> scopes;
  for (size_t i = 0; i < 32; ++i) {
    ASSERT_EQ(bartizan_epoch_enter(epoch, 0, &scopes[i]), BARTIZAN_EPOCH_OK);
  }
  EXPECT_EQ(bartizan_epoch_enter(epoch, 0, &scopes[32]), BARTIZAN_EPOCH_TOO_DEEP);
  for (size_t i = 32; i-- > 0;) EXPECT_EQ(bartizan_epoch_leave(&scopes[i]), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(EpochScopes, GoOnInAClosingEpoch) {
  const bartizan_epoch epoch = Open();
  bartizan_epoch_scope scope;
  ASSERT_EQ(bartizan_epoch_enter(epoch, 0, &scope), BARTIZAN_EPOCH_OK);
  bartizan_epoch_given_back given;
  EXPECT_EQ(bartizan_epoch_close(epoch, &given), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(given.scopes_inside, 1U);
  void* const block = bartizan_malloc(100);
  EXPECT_NE(block, nullptr);
  bartizan_epoch_status status;
  EXPECT_EQ(bartizan_epoch_malloc(epoch, 1, &status), nullptr);
  EXPECT_EQ(status, BARTIZAN_EPOCH_CLOSING);
  EXPECT_EQ(bartizan_epoch_leave(&scope), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(Info(epoch).live_blocks, 1U);
  bartizan_free(block);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochScopes, CloseOnlyIfAskedAndOnlyTheLast) {
  const bartizan_epoch epoch = Open();
  bartizan_epoch_scope outer;
  bartizan_epoch_scope inner;
  ASSERT_EQ(bartizan_epoch_enter(epoch, 0, &outer), BARTIZAN_EPOCH_OK);
  ASSERT_EQ(bartizan_epoch_enter(epoch, BARTIZAN_EPOCH_CLOSE_ON_LEAVE, &inner), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_leave(&inner), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(Info(epoch).closing, 0U);
  EXPECT_EQ(bartizan_epoch_leave(&outer), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(Info(epoch).closing, 0U);
  {
    const EpochScope scope(epoch, BARTIZAN_EPOCH_CLOSE_ON_LEAVE);
  }
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochScopes, AnEpochIsCurrentForAThread) {
  const bartizan_epoch epoch = Open();
  const bartizan_epoch other = Open();
  void* block = nullptr;
  std::thread([&] {
    ASSERT_EQ(bartizan_epoch_make_current(epoch), BARTIZAN_EPOCH_OK);
    block = bartizan_malloc(10);
    {
      const EpochScope scope(other);
      EXPECT_EQ(bartizan_epoch_make_current(other), BARTIZAN_EPOCH_BUSY);
      EXPECT_EQ(bartizan_epoch_current().era, other.era);
    }
    EXPECT_EQ(bartizan_epoch_current().era, epoch.era);
  }).join();
  EXPECT_EQ(Info(epoch).scopes, 0U);
  EXPECT_EQ(Info(epoch).live_blocks, 1U);
  EXPECT_EQ(bartizan_epoch_make_current(epoch), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_make_current({}), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_current().id, 0U);
  bartizan_free(block);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(other, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochScopes, AThreadThatEndsInsideLeaves) {
  const bartizan_epoch epoch = Open("abandoned");
  testing::internal::CaptureStderr();
  std::thread([&] {
    bartizan_epoch_scope scope;
    ASSERT_EQ(bartizan_epoch_enter(epoch, 0, &scope), BARTIZAN_EPOCH_OK);
  }).join();
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("misuse: a thread ended inside scope"), std::string::npos) << line;
  EXPECT_NE(line.find("'abandoned'"), std::string::npos) << line;
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

}  // namespace
}  // namespace bartizan
