// Growing, shrinking and moving large blocks; obstacles in their way.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "src/platform/address_plan.h"
#include "tests/support/pattern.h"
#include "tests/unit/engine/large_blocks_under_test.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

char* At(uintptr_t address) { return reinterpret_cast<char*>(address); }

class LargeResize : public testing::Test {
 protected:
  void SetUp() override {
    if (!platform::kChoosesAddresses) GTEST_SKIP() << "blocks of the kernel's choice do not grow";
    blocks_ = MakeLargeBlocks();
  }

  uintptr_t Allocate(const LargeRequest& request, const LargePolicy& policy) {
    bool zeroed = false;
    const auto user = reinterpret_cast<uintptr_t>(blocks_->Allocate(request, policy, &zeroed));
    EXPECT_NE(user, 0u);
    return user;
  }
  static LargeRequest Guarded(size_t bytes) {
    LargeRequest request = Request(bytes);
    request.guard_before = 3 * kPageBytes;
    request.guard_after = 5 * kPageBytes;
    request.against_upper = true;
    return request;
  }

  std::unique_ptr<LargeBlocks> blocks_;
  MemoryProbe probe_;
};

TEST_F(LargeResize, GrowsWhereItIsWhileThereIsRoom) {
  const uintptr_t user = Allocate(Request(kMiB), kFastPolicy);
  test::FillFrom(At(user), 0, kMiB, 1);
  for (size_t bytes = kMiB; bytes <= 64 * kMiB; bytes += 3 * kMiB) {
    ASSERT_EQ(blocks_->Resize(user, bytes, kFastPolicy), user);
    EXPECT_TRUE(probe_.Accessible(user, AlignDown(bytes, kPageBytes)));
    test::Check("grown block", At(user), kMiB, 1);
  }
}

TEST_F(LargeResize, MovesWhenItsNeighbourIsInTheWay) {
  const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
  const uintptr_t neighbour = Allocate(Request(kMiB), kHardenedPolicy);
  ASSERT_EQ(neighbour, user + kMiB) << "lowest address first";
  test::FillFrom(At(user), 0, kMiB, 1);
  test::FillFrom(At(neighbour), 0, kMiB, 2);
  const uintptr_t moved = blocks_->Resize(user, 2 * kMiB, kHardenedPolicy);
  ASSERT_NE(moved, 0u);
  EXPECT_NE(moved, user);
  test::Check("moved block", At(moved), kMiB, 1);
  test::Check("its neighbour", At(neighbour), kMiB, 2);
  EXPECT_TRUE(test::AllBytesAre(At(moved) + kMiB, kMiB, 0));
  EXPECT_TRUE(probe_.Inaccessible(user, kMiB)) << "the old address";
  EXPECT_TRUE(blocks_->PastOf(user) == LargeBlocks::Past::kFreed);
  EXPECT_FALSE(FreeAt(*blocks_, user, kHardenedPolicy));
  LargeView view{};
  ASSERT_TRUE(blocks_->Find(moved + kMiB, &view));
  EXPECT_EQ(view.family, Family::kMalloc);
  EXPECT_TRUE(FreeAt(*blocks_, moved, kHardenedPolicy));
  EXPECT_TRUE(FreeAt(*blocks_, neighbour, kHardenedPolicy));
  EXPECT_EQ(blocks_->Statistics().mapped_bytes, 0u);
}

// Growth by small steps is not paid for by moving each time.
TEST_F(LargeResize, MovesSeldomWhenItGrowsInSteps) {
  uintptr_t user = Allocate(Guarded(kMiB), kHardenedPolicy);
  uintptr_t other = Allocate(Guarded(kMiB), kHardenedPolicy);
  int moves = 0;
  for (size_t bytes = kMiB; bytes < 40 * kMiB; bytes += 64 * kKiB) {
    for (uintptr_t* block : {&user, &other}) {
      const uintptr_t now = blocks_->Resize(*block, bytes, kHardenedPolicy);
      ASSERT_NE(now, 0u);
      moves += now != *block;
      *block = now;
    }
  }
  EXPECT_LE(moves, 12);
}

TEST_F(LargeResize, ShrinkingGivesPagesBack) {
  const uintptr_t user = Allocate(Request(2 * kMiB), kFastPolicy);
  test::FillFrom(At(user), 0, 2 * kMiB, 1);
  ASSERT_EQ(blocks_->Resize(user, kMiB + 1, kFastPolicy), user);
  EXPECT_TRUE(probe_.Readable(user + kMiB + kPageBytes - 1));
  EXPECT_FALSE(probe_.Readable(user + kMiB + kPageBytes));
  EXPECT_EQ(blocks_->Statistics().mapped_bytes, kMiB + kPageBytes);
  test::Check("shrunk block", At(user), kMiB, 1);
  EXPECT_TRUE(FreeAt(*blocks_, user, kFastPolicy));
  EXPECT_EQ(blocks_->Statistics().mapped_bytes, 0u);
}

// What it gave up is gone when it grows again, whether its pages were given back or not.
TEST_F(LargeResize, WhatAShrunkBlockHeldIsZeroed) {
  for (size_t less : {size_t{1}, size_t{100}, 5 * kPageBytes + 3, 500 * kKiB}) {
    const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
    test::FillFrom(At(user), 0, kMiB, 1);
    ASSERT_EQ(blocks_->Resize(user, kMiB - less, kHardenedPolicy), user);
    const uintptr_t again = blocks_->Resize(user, kMiB, kHardenedPolicy);
    ASSERT_NE(again, 0u);
    test::CheckPrefix("kept part", At(again), kMiB - less, kMiB, 1);
    EXPECT_TRUE(test::AllBytesAre(At(again) + kMiB - less, less, 0)) << less;
    EXPECT_TRUE(FreeAt(*blocks_, again, kHardenedPolicy));
  }
}

TEST_F(LargeResize, KeepsItsGuards) {
  const uintptr_t first = Allocate(Guarded(kMiB), kHardenedPolicy);
  const uintptr_t neighbour = Allocate(Guarded(kMiB), kHardenedPolicy);
  uintptr_t user = first;
  for (size_t bytes : {3 * kMiB / 2, 5 * kMiB, 9 * kMiB, kMiB / 2, 11 * kMiB}) {
    user = blocks_->Resize(user, bytes, kHardenedPolicy);
    ASSERT_NE(user, 0u);
    uintptr_t end = AlignUp(user + bytes, kPageBytes);
    while (probe_.Readable(end)) end += kPageBytes;
    EXPECT_TRUE(probe_.Inaccessible(end, 5 * kPageBytes));
    EXPECT_TRUE(probe_.Inaccessible(AlignDown(user, kPageBytes) - 3 * kPageBytes, 3 * kPageBytes));
  }
  EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
  EXPECT_TRUE(FreeAt(*blocks_, neighbour, kHardenedPolicy));
}

// By less than the guard is long: whoever comes next is kept away as far as before.
TEST_F(LargeResize, DoesNotGrowIntoItsGuard) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
  LargeRequest request = Request(150 * kKiB);
  request.guard_after = 16 * kPageBytes;
  const uintptr_t user = Allocate(request, kNothingKept);
  EXPECT_EQ(blocks_->Resize(user, 160 * kKiB, kNothingKept), user);
  const uintptr_t next = Allocate(Request(150 * kKiB), kNothingKept);
  uintptr_t end = AlignUp(user + 160 * kKiB, kPageBytes);
  while (probe_.Readable(end)) end += kPageBytes;
  EXPECT_TRUE(probe_.Inaccessible(end, request.guard_after));
  EXPECT_TRUE(FreeAt(*blocks_, user, kNothingKept));
  EXPECT_TRUE(FreeAt(*blocks_, next, kNothingKept));
}

TEST_F(LargeResize, OfWhatIsNotLiveDoesNothing) {
  const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
  EXPECT_EQ(blocks_->Resize(user + 16, kMiB, kHardenedPolicy), 0u);
  EXPECT_TRUE(FreeAt(*blocks_, user, kHardenedPolicy));
  EXPECT_EQ(blocks_->Resize(user, kMiB, kHardenedPolicy), 0u);
}

class LargeObstacles : public LargeResize {
 protected:
  // Two spaces made from equal streams are equal: where the twin begins, the blocks will.
  void SetUp() override {
    if (!platform::kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
    const RandomStream random = NewStream();
    RandomStream first = random;
    RandomStream second = random;
    LargeBlocks probe;
    probe.Initialize(first);
    bool zeroed = false;
    lowest_ =
        reinterpret_cast<uintptr_t>(probe.Allocate(Request(kPageBytes), kNothingKept, &zeroed));
    ASSERT_TRUE(FreeAt(probe, lowest_, kNothingKept));
    blocks_ = std::make_unique<LargeBlocks>();
    blocks_->Initialize(second);
  }
  void Place(size_t offset, size_t bytes) {
    obstacle_ = lowest_ + offset;
    bytes_ = bytes;
    ASSERT_EQ(platform::ClaimAt(obstacle_, bytes, platform::Access::kReadWrite),
              platform::Claim::kDone);
    *At(obstacle_) = *At(obstacle_ + bytes - 1) = 7;
  }
  void TearDown() override {
    if (bytes_ == 0) return;
    EXPECT_EQ(*At(obstacle_), 7);
    EXPECT_EQ(*At(obstacle_ + bytes_ - 1), 7);
    platform::Release(obstacle_, bytes_);
  }

  uintptr_t lowest_ = 0;
  uintptr_t obstacle_ = 0;
  size_t bytes_ = 0;
};

TEST_F(LargeObstacles, AreAvoidedByNewBlocks) {
  Place(10 * kMiB, kPageBytes);
  for (int i = 0; i < 60; ++i) {
    const uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
    EXPECT_FALSE(user <= obstacle_ && obstacle_ < user + kMiB);
    std::memset(At(user), 0xa5, kMiB);
  }
}

TEST_F(LargeObstacles, AreAvoidedByBlocksThatGrow) {
  Place(2 * kMiB, kPageBytes);
  uintptr_t user = Allocate(Request(kMiB), kHardenedPolicy);
  test::FillFrom(At(user), 0, kMiB, 1);
  // Growth may be refused once: the caller copies then.
  for (size_t bytes = 2 * kMiB; bytes < 100 * kMiB; bytes += 7 * kMiB) {
    const uintptr_t moved = blocks_->Resize(user, bytes, kHardenedPolicy);
    if (moved != 0) user = moved;
    test::CheckPrefix("block that grows", At(user), kMiB, kMiB, 1);
  }
  LargeView view{};
  ASSERT_TRUE(blocks_->Find(user, &view));
  EXPECT_GT(view.requested, 50 * kMiB);
}

// Memory is there, and address space: a long obstacle is no reason to refuse a block.
TEST_F(LargeObstacles, OfAnyLengthAreNoLackOfMemory) {
  Place(0, kGiB);
  bool zeroed = false;
  EXPECT_NE(blocks_->Allocate(Request(kMiB), kHardenedPolicy, &zeroed), nullptr);
}

}  // namespace
}  // namespace bartizan
