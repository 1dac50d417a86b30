// The address space of large blocks against a plain list of free ranges.
#include "src/engine/large_space.h"

#include <gtest/gtest.h>

#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "src/base/bits.h"
#include "src/platform/address_plan.h"
#include "src/platform/memory.h"
#include "tests/support/random.h"
#include "tests/unit/engine/large_blocks_under_test.h"

namespace bartizan {
namespace {

using platform::kLowSpan;
using platform::kPageBytes;

constexpr size_t kAlwaysWaiting = 16;

class LargeSpaces : public testing::Test {
 protected:
  void SetUp() override {
    if (!platform::kChoosesAddresses) GTEST_SKIP() << "there are no spans of ours here";
    RandomStream random = NewStream();
    space_ = std::make_unique<LargeSpace>();
    space_->Initialize(random);
    LargeBlock* first = Take(kPageBytes);
    lowest_ = first->begin;
    space_->Retire(first, false, 0);
  }
  LargeBlock* Take(size_t bytes) {
    LargeBlock* block = space_->TakeRange(bytes);
    EXPECT_NE(block, nullptr);
    EXPECT_EQ(block->bytes(), bytes);
    EXPECT_TRUE(block->recyclable);
    return block;
  }

  std::unique_ptr<LargeSpace> space_;
  uintptr_t lowest_ = 0;
};

// The same, written down plainly: free ranges by their beginning, waiting ones in order.
class Model {
 public:
  explicit Model(uintptr_t lowest) { free_[lowest] = kLowSpan.end; }

  uintptr_t Take(size_t bytes) {
    for (const auto& [begin, end] : free_) {
      if (end - begin < bytes) continue;
      const uintptr_t place = begin;
      Remove(place, place + bytes);
      return place;
    }
    return 0;
  }
  bool Extend(uintptr_t end, size_t bytes) {
    const auto after = free_.find(end);
    if (after == free_.end() || after->second - after->first <= bytes) return false;
    Remove(end, end + bytes);
    return true;
  }
  void Free(uintptr_t begin, uintptr_t end) {
    const auto after = free_.find(end);
    if (after != free_.end()) {
      end = after->second;
      free_.erase(after);
    }
    const auto at = free_.lower_bound(begin);
    const bool has_before = at != free_.begin();
    if (has_before && std::prev(at)->second == begin) {
      std::prev(at)->second = end;
    } else {
      free_[begin] = end;
    }
  }
  void Wait(uintptr_t begin, uintptr_t end, size_t quarantine_bytes) {
    waiting_.push_back({begin, end});
    waiting_bytes_ += end - begin;
    while (waiting_.size() > kAlwaysWaiting && waiting_bytes_ > quarantine_bytes) {
      const auto [oldest, its_end] = waiting_.front();
      waiting_.pop_front();
      waiting_bytes_ -= its_end - oldest;
      Free(oldest, its_end);
    }
  }
  size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  void Remove(uintptr_t begin, uintptr_t end) {
    const uintptr_t rest = free_[begin];
    free_.erase(begin);
    if (rest != end) free_[end] = rest;
  }

  std::map<uintptr_t, uintptr_t> free_;
  std::deque<std::pair<uintptr_t, uintptr_t>> waiting_;
  size_t waiting_bytes_ = 0;
};

TEST_F(LargeSpaces, AgreesWithAListOfRanges) {
  constexpr size_t kQuarantineBytes = 2 * kMiB;
  Model model(lowest_);
  test::Random random(2);
  std::vector<LargeBlock*> taken;
  for (int i = 0; i < 50000; ++i) {
    const uint64_t choice = random.Below(10);
    if (choice < 5 || taken.empty()) {
      const size_t bytes = random.Between(1, 60) * kPageBytes;
      LargeBlock* block = Take(bytes);
      ASSERT_EQ(block->begin, model.Take(bytes));
      taken.push_back(block);
    } else {
      const size_t which = random.Below(taken.size());
      LargeBlock* block = taken[which];
      const uintptr_t begin = block->begin;
      const uintptr_t end = block->end;
      if (choice < 7) {
        const size_t bytes = random.Between(1, 30) * kPageBytes;
        ASSERT_EQ(space_->ExtendRange(block, bytes), model.Extend(end, bytes));
      } else {
        taken[which] = taken.back();
        taken.pop_back();
        const bool waits = choice < 9;
        space_->Retire(block, waits, kQuarantineBytes);
        waits ? model.Wait(begin, end, kQuarantineBytes) : model.Free(begin, end);
      }
    }
    ASSERT_EQ(space_->waiting_bytes(), model.waiting_bytes());
  }
  EXPECT_GT(taken.size(), 100u);
}

TEST_F(LargeSpaces, RecordsAreCleanWhenTheyAreUsedAgain) {
  LargeBlock* block = Take(kPageBytes);
  block->user = block->requested = block->guard_after = 7;
  block->huge = block->dirty = true;
  block->node = 3;
  space_->Retire(block, false, 0);
  for (int i = 0; i < 100; ++i) {
    const LargeBlock* again = Take(kPageBytes);
    EXPECT_EQ(again->user, 0u);
    EXPECT_EQ(again->requested, 0u);
    EXPECT_EQ(again->guard_after, 0u);
    EXPECT_EQ(again->node, 0u);
    EXPECT_FALSE(again->huge);
    EXPECT_FALSE(again->dirty);
  }
}

TEST_F(LargeSpaces, FreedNeighboursBecomeOneRange) {
  std::vector<LargeBlock*> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(Take(10 * kPageBytes));
  for (int i : {1, 3, 0, 4, 2}) space_->Retire(blocks[static_cast<size_t>(i)], false, 0);
  EXPECT_EQ(Take(50 * kPageBytes)->begin, lowest_);
}

// Whatever the configured bytes, some addresses wait; and none is used while it waits.
TEST_F(LargeSpaces, WaitingRangesAreNotUsed) {
  for (size_t i = 0; i < 3 * kAlwaysWaiting; ++i) {
    LargeBlock* block = Take(kTiB / 16);
    EXPECT_EQ(block->begin, lowest_ + i % (kAlwaysWaiting + 1) * (kTiB / 16)) << "in turns";
    space_->Retire(block, true, 0);
  }
  EXPECT_EQ(space_->waiting_bytes(), kAlwaysWaiting * (kTiB / 16));
}

TEST_F(LargeSpaces, WaitingRangesAreUsedWhenNothingElseIsLongEnough) {
  const size_t all = kLowSpan.end - lowest_;
  LargeBlock* block = Take(all);
  const uintptr_t begin = block->begin;
  space_->Retire(block, true, SIZE_MAX);
  ASSERT_EQ(space_->waiting_bytes(), all);
  EXPECT_EQ(Take(all)->begin, begin) << "the upper span is shorter";
  EXPECT_EQ(space_->waiting_bytes(), 0u);
}

TEST_F(LargeSpaces, NothingIsLongerThanTheSpan) {
  EXPECT_EQ(space_->TakeRange(kLowSpan.end - lowest_ + kPageBytes), nullptr);
  EXPECT_EQ(space_->TakeRange(size_t{1} << 60), nullptr);
  EXPECT_EQ(Take(kPageBytes)->begin, lowest_) << "a failed request took something";
}

// A request that nothing could ever serve is no reason to forget who waits.
TEST_F(LargeSpaces, AHopelessRequestLeavesTheWaitingAlone) {
  LargeBlock* block = Take(kMiB);
  space_->Retire(block, true, SIZE_MAX);
  EXPECT_EQ(space_->TakeRange(size_t{1} << 60), nullptr);
  EXPECT_EQ(space_->waiting_bytes(), kMiB);
  EXPECT_NE(Take(kPageBytes)->begin, lowest_);
}

TEST_F(LargeSpaces, RangesOfTheKernelAreNotKept) {
  LargeBlock* block = space_->NewRecord();
  ASSERT_NE(block, nullptr);
  block->begin = uintptr_t{0x7000} << 12;
  block->end = block->begin + kPageBytes;
  block->recyclable = false;
  EXPECT_FALSE(space_->ExtendRange(block, kPageBytes));
  space_->Retire(block, true, SIZE_MAX);
  EXPECT_EQ(space_->waiting_bytes(), 0u);
  EXPECT_EQ(Take(kPageBytes)->begin, lowest_);
}

TEST_F(LargeSpaces, AnObstacleIsLeftOutAndLittleElse) {
  constexpr size_t kBytes = 64 * kMiB;
  for (size_t at : {size_t{0}, kBytes / 2, kBytes - kPageBytes, kMiB + 3 * kPageBytes}) {
    LargeBlock* block = Take(kBytes);
    const uintptr_t begin = block->begin;
    const uintptr_t obstacle = begin + at;
    ASSERT_EQ(platform::ClaimAt(obstacle, kPageBytes, platform::Access::kReadWrite),
              platform::Claim::kDone);
    space_->TakeBack(block, platform::Claim::kOccupied);
    std::vector<LargeBlock*> pieces;
    size_t usable = 0;
    for (;;) {
      LargeBlock* piece = Take(kMiB / 4);
      if (piece->begin >= begin + kBytes) {
        space_->Retire(piece, false, 0);
        break;
      }
      EXPECT_FALSE(piece->begin <= obstacle && obstacle < piece->end);
      if (piece->begin >= begin) usable += piece->bytes();
      pieces.push_back(piece);
    }
    EXPECT_GE(usable, kBytes - 3 * kMiB);
    EXPECT_LT(usable, kBytes);
    for (LargeBlock* piece : pieces) space_->Retire(piece, false, 0);
    platform::Release(obstacle, kPageBytes);
  }
}

}  // namespace
}  // namespace bartizan
