// Large blocks, one property at a time.
#include "src/engine/large_blocks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "src/base/bits.h"
#include "src/platform/address_plan.h"
#include "src/platform/entropy.h"
#include "tests/unit/engine/large_blocks_under_test.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

class LargeBlocksTest : public testing::Test {
 protected:
  void SetUp() override { blocks_ = MakeLargeBlocks(); }

  uintptr_t Allocate(LargeRequest request, const LargePolicy& policy, bool* zeroed = nullptr) {
    bool is_zero = false;
    void* block = blocks_->Allocate(request, policy, zeroed == nullptr ? &is_zero : zeroed);
    EXPECT_NE(block, nullptr);
    return reinterpret_cast<uintptr_t>(block);
  }
  bool AllZero(uintptr_t begin, size_t bytes) {
    const auto* at = reinterpret_cast<const char*>(begin);
    for (size_t i = 0; i < bytes; ++i) {
      if (at[i] != 0) return false;
    }
    return true;
  }
  static void Fill(uintptr_t begin, size_t bytes) {
    std::memset(reinterpret_cast<void*>(begin), 0xa5, bytes);
  }
  static bool Filled(uintptr_t begin, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      if (reinterpret_cast<const unsigned char*>(begin)[i] != 0xa5) return false;
    }
    return true;
  }
  // Frees the block, which is the only one in the cache then, and nobody asked for any lately.
  void FreeAlone(uintptr_t user, size_t bytes, LargePolicy policy = kFastPolicy) {
    EXPECT_TRUE(FreeAt(*blocks_, Allocate(Request(kMiB), policy), policy));
    EXPECT_TRUE(FreeAt(*blocks_, user, policy));
    policy.forgotten_per_ms = kGiB;
    blocks_->Trim(platform::CoarseMilliseconds() + 1'000'000, policy);
    EXPECT_EQ(blocks_->Statistics().cached_bytes, bytes);
  }
  uintptr_t AllocateAndFree(size_t bytes, const LargePolicy& policy = kFastPolicy) {
    const uintptr_t user = Allocate(Request(bytes), policy);
    Fill(user, bytes);
    FreeAlone(user, bytes, policy);
    return user;
  }
  // Half a MiB that is filled is cached, and three quarters are asked for.
  void ExpectGrown() {
    const size_t before = blocks_->Statistics().mapped_bytes;
    bool zeroed = true;
    const uintptr_t large = Allocate(Request(3 * kMiB / 4), kFastPolicy, &zeroed);
    EXPECT_FALSE(zeroed);
    EXPECT_TRUE(Filled(large, kMiB / 2));
    EXPECT_TRUE(AllZero(large + kMiB / 2, kMiB / 4));
    EXPECT_EQ(blocks_->Statistics().mapped_bytes, before + 3 * kMiB / 4);
    EXPECT_EQ(blocks_->Statistics().cached_bytes, 0u);
  }

  std::unique_ptr<LargeBlocks> blocks_;
  MemoryProbe probe_;
};

TEST_F(LargeBlocksTest, AreZeroAlignedAndKnown) {
  for (const LargePolicy& policy : {kFastPolicy, kHardenedPolicy, kNothingKept}) {
    for (size_t alignment = 16; alignment <= 4 * kMiB; alignment *= 4) {
      for (size_t bytes : {size_t{1}, size_t{4096}, 200 * kKiB + 1, 2 * kMiB, 3 * kMiB - 7}) {
        bool zeroed = false;
        const uintptr_t user = Allocate(Request(bytes, alignment), policy, &zeroed);
        EXPECT_TRUE(IsAligned(user, alignment));
        EXPECT_FALSE(zeroed && !AllZero(user, bytes));
        Fill(user, bytes);
        LargeView view{};
        for (uintptr_t inside : {user, user + bytes / 2, user + bytes - 1}) {
          ASSERT_TRUE(blocks_->Find(inside, &view));
          EXPECT_EQ(view.user, user);
          EXPECT_EQ(view.requested, bytes);
          EXPECT_EQ(view.family, Family::kNew);
        }
        EXPECT_TRUE(FreeAt(*blocks_, user, policy));
        EXPECT_FALSE(blocks_->Find(user, &view));
      }
    }
  }
}

TEST_F(LargeBlocksTest, AreFreedOnceAndByTheirBeginning) {
  const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
  EXPECT_FALSE(FreeAt(*blocks_, user + 16, kHardenedPolicy));
  EXPECT_FALSE(FreeAt(*blocks_, user - 16, kHardenedPolicy));
  EXPECT_FALSE(FreeAt(*blocks_, user + kMiB, kHardenedPolicy));
  EXPECT_FALSE(FreeAt(*blocks_, 0, kHardenedPolicy));
  EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
  EXPECT_FALSE(FreeAt(*blocks_, user, kHardenedPolicy));
}

// For reports, in every profile: the last hundred at least, by any of their bytes.
TEST_F(LargeBlocksTest, AreRememberedAfterTheyAreFreed) {
  for (const LargePolicy& policy : {kFastPolicy, kHardenedPolicy, kNothingKept}) {
    blocks_ = MakeLargeBlocks();  // addresses that were never used
    std::vector<uintptr_t> users;
    for (size_t i = 0; i < 100; ++i) users.push_back(Allocate(Request(kMiB + 1), policy));
    for (uintptr_t user : users) {
      ASSERT_FALSE(blocks_->PastOf(user + 7) == LargeBlocks::Past::kFreed);
      ASSERT_TRUE(FreeAt(*blocks_, user, policy));
    }
    for (uintptr_t user : users) {
      ASSERT_TRUE(blocks_->PastOf(user) == LargeBlocks::Past::kFreed);
      ASSERT_TRUE(blocks_->PastOf(user + kMiB) == LargeBlocks::Past::kFreed);
    }
    EXPECT_FALSE(blocks_->PastOf(reinterpret_cast<uintptr_t>(&users)) == LargeBlocks::Past::kFreed);
  }
}

TEST_F(LargeBlocksTest, LieBetweenTheirGuards) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
  for (size_t pages = 1; pages <= 16; pages += 5) {
    for (size_t bytes : {size_t{100}, 40 * kPageBytes, 3 * kMiB + 1}) {
      LargeRequest request = Request(bytes);
      request.guard_before = pages * kPageBytes;
      request.guard_after = (17 - pages) * kPageBytes;
      // The neighbours are as close as they may be, and have no guards that could stand for ours.
      const uintptr_t before = Allocate(Request(bytes), kNothingKept);
      const uintptr_t user = Allocate(request, kNothingKept);
      const uintptr_t after = Allocate(Request(bytes), kNothingKept);
      EXPECT_TRUE(probe_.Inaccessible(user - request.guard_before, request.guard_before));
      const uintptr_t end = AlignUp(user + bytes, kPageBytes);
      EXPECT_TRUE(probe_.Accessible(user, end - user));
      EXPECT_TRUE(probe_.Inaccessible(end, request.guard_after));
      for (uintptr_t block : {before, user, after})
        EXPECT_TRUE(FreeAt(*blocks_, block, kNothingKept));
    }
  }
}

// The last byte and the inaccessible page are less than the alignment apart.
TEST_F(LargeBlocksTest, EndAgainstTheirUpperGuard) {
  for (size_t bytes : {size_t{1}, size_t{15}, size_t{4096}, 50 * kPageBytes + 8, 3 * kMiB + 40}) {
    for (size_t alignment : {size_t{16}, size_t{256}, kPageBytes}) {
      LargeRequest request = Request(bytes, alignment);
      request.guard_before = request.guard_after = kPageBytes;
      request.against_upper = true;
      const uintptr_t user = Allocate(request, kNothingKept);
      EXPECT_TRUE(IsAligned(user, alignment));
      const uintptr_t end = AlignUp(user + bytes, kPageBytes);
      EXPECT_LT(end - (user + bytes), alignment);
      EXPECT_TRUE(
          probe_.Accessible(AlignDown(user, kPageBytes), end - AlignDown(user, kPageBytes)));
      if (platform::kChoosesAddresses) {
        EXPECT_FALSE(probe_.Readable(end));
      }
      EXPECT_TRUE(FreeAt(*blocks_, user, kNothingKept));
    }
  }
}

TEST_F(LargeBlocksTest, GiveTheirPagesBackWhenNothingIsKept) {
  const uintptr_t user = Allocate(Request(kMiB), kNothingKept);
  Fill(user, kMiB);
  EXPECT_TRUE(FreeAt(*blocks_, user, kNothingKept));
  EXPECT_TRUE(probe_.Inaccessible(user, kMiB));
}

// Freed, but its pages are kept for the next: the old address faults all the same, and is not used
// again as long as it waits.
TEST_F(LargeBlocksTest, LeaveAnAddressThatFaultsAndWaits) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "blocks of the kernel's choice do not wait";
  std::set<uintptr_t> freed;
  for (int i = 0; i < 16; ++i) {
    const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
    ASSERT_TRUE(AllZero(user, kMiB));
    ASSERT_TRUE(freed.insert(user).second) << "used again after " << i;
    Fill(user, kMiB);
    EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
    for (uintptr_t old : freed) {
      EXPECT_TRUE(probe_.Inaccessible(old, kMiB));
    }
  }
}

TEST_F(LargeBlocksTest, AreServedFromTheCache) {
  const uintptr_t user = Allocate(Request(kMiB), kFastPolicy);
  Fill(user, kMiB);
  EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  EXPECT_EQ(blocks_->Statistics().cached_bytes, kMiB);
  bool zeroed = true;
  const uintptr_t again = Allocate(Request(kMiB - 5000), kFastPolicy, &zeroed);
  EXPECT_EQ(again, user);
  EXPECT_FALSE(zeroed) << "it holds what the last owner wrote";
  EXPECT_EQ(blocks_->Statistics().cached_bytes, 0u);
  EXPECT_TRUE(FreeAt(*blocks_, again, kFastPolicy));
}

TEST_F(LargeBlocksTest, FromTheCacheHoldNothingWhereFreedMemoryIsZeroed) {
  for (int i = 0; i < 20; ++i) {
    bool zeroed = false;
    const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy, &zeroed);
    EXPECT_TRUE(zeroed);
    ASSERT_TRUE(AllZero(user, kMiB));
    // Some pages are touched, others never were.
    Fill(user + (i % 7) * 10 * kPageBytes, 5 * kPageBytes);
    EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
  }
}

TEST_F(LargeBlocksTest, AreCutFromWhatIsMuchLarger) {
  const uintptr_t user = AllocateAndFree(kMiB / 2);
  const uintptr_t small = Allocate(Request(kMiB / 4), kFastPolicy);
  EXPECT_EQ(small, user);
  EXPECT_TRUE(probe_.Inaccessible(user + kMiB / 4, kMiB / 4));
  EXPECT_EQ(blocks_->Statistics().mapped_bytes, kMiB / 4);
  EXPECT_EQ(blocks_->Statistics().cached_bytes, 0u);
  EXPECT_TRUE(FreeAt(*blocks_, small, kFastPolicy));
}

// The pages that it has are used again.
TEST_F(LargeBlocksTest, AreGrownFromWhatIsNotMuchSmaller) {
  if (!platform::kChoosesAddresses)
    GTEST_SKIP() << "blocks of the kernel's choice stay as they are";
  AllocateAndFree(kMiB / 2);
  ExpectGrown();
}

TEST_F(LargeBlocksTest, AreGrownElsewhereWhereThereIsNoRoom) {
  if (!platform::kChoosesAddresses)
    GTEST_SKIP() << "blocks of the kernel's choice stay as they are";
  std::vector<uintptr_t> users;
  for (int i = 0; i < 8; ++i) users.push_back(Allocate(Request(kMiB / 2), kFastPolicy));
  ASSERT_EQ(users[4], users[3] + kMiB / 2);
  Fill(users[3], kMiB / 2);
  FreeAlone(users[3], kMiB / 2);
  ExpectGrown();
}

// Then there is one for each of the sizes that come and go.
TEST_F(LargeBlocksTest, AreMappedBesideTheCachedOnesWhileTheCacheHasRoom) {
  for (int round = 0; round < 4; ++round) {
    for (size_t bytes : {kMiB, 2 * kMiB, 3 * kMiB}) {
      const uintptr_t user = Allocate(Request(bytes), kFastPolicy);
      EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
    }
  }
  const uintptr_t user = Allocate(Request(kMiB / 2), kFastPolicy);
  EXPECT_EQ(blocks_->Statistics().cached_bytes, 6 * kMiB);
  EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
}

TEST_F(LargeBlocksTest, AreZeroWhereFreedMemoryIsZeroedHoweverTheirMappingIsChanged) {
  if (!platform::kChoosesAddresses)
    GTEST_SKIP() << "blocks of the kernel's choice stay as they are";
  AllocateAndFree(kMiB / 2, kHardenedPolicy);
  for (size_t bytes : {kMiB / 3, kMiB / 2 - kPageBytes, kMiB / 4, kMiB / 2}) {
    bool zeroed = false;
    const uintptr_t user = Allocate(Request(bytes), kHardenedPolicy, &zeroed);
    EXPECT_TRUE(zeroed);
    ASSERT_TRUE(AllZero(user, bytes));
    Fill(user, bytes);
    EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
  }
}

TEST_F(LargeBlocksTest, AreMappedAnewWhereTheCacheHasNothingLikeThem) {
  AllocateAndFree(kMiB / 2);
  bool zeroed = false;
  const uintptr_t large = Allocate(Request(kMiB + kPageBytes), kFastPolicy, &zeroed);
  EXPECT_TRUE(zeroed) << "less than half of it could be had";
  LargeRequest request = Request(kMiB / 4);
  request.zeroed = true;
  const uintptr_t zero = Allocate(request, kFastPolicy, &zeroed);
  EXPECT_TRUE(zeroed) << "zeroing costs more than mapping";
  EXPECT_EQ(blocks_->Statistics().cached_bytes, kMiB / 2);
  EXPECT_TRUE(FreeAt(*blocks_, large, kFastPolicy));
  EXPECT_TRUE(FreeAt(*blocks_, zero, kFastPolicy));
}

// As much is kept as was asked for lately, and half a MiB in any case.
TEST_F(LargeBlocksTest, LeaveTheCacheWhenNobodyAsksForThem) {
  LargePolicy policy = kFastPolicy;
  policy.forgotten_per_ms = kMiB;
  std::vector<uintptr_t> users;
  for (int i = 0; i < 16; ++i) users.push_back(Allocate(Request(kMiB / 4), kFastPolicy));
  for (uintptr_t user : users) EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  EXPECT_EQ(blocks_->Statistics().cached_bytes, 4 * kMiB);
  const uint64_t soon = platform::CoarseMilliseconds() + 3'600'000;
  blocks_->Trim(soon, policy);
  EXPECT_EQ(blocks_->Statistics().cached_bytes, kMiB / 2);
  for (uintptr_t& user : users) user = Allocate(Request(kMiB / 4), policy);
  EXPECT_EQ(blocks_->Statistics().cached_bytes, 0u);
  blocks_->Trim(soon, policy);
  for (uintptr_t user : users) EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
}

TEST_F(LargeBlocksTest, AreKeptWithinTheBytesAndTheCountOfTheCache) {
  LargePolicy policy = kFastPolicy;
  policy.cache_bytes = 4 * kMiB;
  std::vector<uintptr_t> users;
  for (int i = 0; i < 100; ++i) users.push_back(Allocate(Request(kMiB), policy));
  for (uintptr_t user : users) {
    EXPECT_TRUE(FreeAt(*blocks_, user, policy));
    EXPECT_LE(blocks_->Statistics().cached_bytes, policy.cache_bytes);
  }
  EXPECT_EQ(blocks_->Statistics().cached_bytes, policy.cache_bytes);
  const uintptr_t too_large = Allocate(Request(kMiB + kPageBytes), policy);
  EXPECT_TRUE(FreeAt(*blocks_, too_large, policy));
  EXPECT_EQ(blocks_->Statistics().cached_bytes, policy.cache_bytes);
  EXPECT_FALSE(probe_.Readable(too_large)) << "more than a quarter of the cache";
  users.clear();
  for (int i = 0; i < 200; ++i) users.push_back(Allocate(Request(kPageBytes), kFastPolicy));
  for (uintptr_t user : users) EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  EXPECT_LE(blocks_->Statistics().cached_bytes, 64 * kMiB);
}

TEST_F(LargeBlocksTest, LeaveTheCacheByTheirAge) {
  const uintptr_t user = Allocate(Request(kMiB), kFastPolicy);
  EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  const uint64_t now = platform::CoarseMilliseconds();
  blocks_->Purge(now, 3'600'000);
  EXPECT_EQ(blocks_->Statistics().cached_bytes, kMiB);
  blocks_->Purge(now + 3'600'000, 3'600'000);
  EXPECT_EQ(blocks_->Statistics().cached_bytes, 0u);
  EXPECT_TRUE(probe_.Inaccessible(user, kMiB));
}

// A program that frees something once has not run out of memory: it is told so.
TEST_F(LargeBlocksTest, AreRefusedWhenTheSystemHasNone) {
  bool zeroed = false;
  for (size_t bytes : {size_t{1} << 47, size_t{1} << 60, kMaxRequest - kPageBytes}) {
    EXPECT_EQ(blocks_->Allocate(Request(bytes), kHardenedPolicy, &zeroed), nullptr);
  }
  const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
  EXPECT_EQ(blocks_->Resize(user, size_t{1} << 60, kHardenedPolicy), 0u);
  LargeView view{};
  ASSERT_TRUE(blocks_->Find(user, &view));
  EXPECT_EQ(view.requested, kMiB);
  EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
}

// What is not guarded is counted as long as it lives, whatever the cache made of it.
TEST_F(LargeBlocksTest, AreCountedWhileTheyHaveNoGuard) {
  LargeRequest guarded = Request(kMiB);
  guarded.guard_before = guarded.guard_after = kPageBytes;
  uintptr_t user = Allocate(Request(kMiB), kFastPolicy);
  EXPECT_EQ(blocks_->Statistics().unguarded_blocks, 1u);
  EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  user = Allocate(guarded, kFastPolicy);
  EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  EXPECT_EQ(blocks_->Statistics().unguarded_blocks, 0u);
}

}  // namespace
}  // namespace bartizan
