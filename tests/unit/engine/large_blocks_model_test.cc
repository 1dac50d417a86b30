// Large blocks under random use: against a list of what is live, by one thread and by several.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "src/platform/address_plan.h"
#include "src/platform/entropy.h"
#include "tests/support/pattern.h"
#include "tests/support/random.h"
#include "tests/unit/engine/large_blocks_under_test.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

// What is live, with what it should hold.
class Model {
 public:
  Model(LargeBlocks& blocks, const LargePolicy& policy, uint64_t seed)
      : blocks_(blocks), policy_(policy), random_(seed) {}

  void Step() {
    const uint64_t choice = random_.Below(10);
    if (live_.size() < 10 || (choice < 4 && live_.size() < 60)) {
      Allocate();
    } else if (choice < 7) {
      Resize();
    } else {
      Free();
    }
    CompareFind();
  }
  void FreeAll() {
    while (!live_.empty()) Free();
  }
  size_t blocks() const { return live_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Block {
    size_t bytes;
    uint64_t seed;
  };
  using Entry = std::map<uintptr_t, Block>::iterator;

  static char* At(uintptr_t user) { return reinterpret_cast<char*>(user); }

  size_t SomeSize() { return random_.Logarithmic(1, 6 * kMiB); }

  void Allocate() {
    LargeRequest request = Request(SomeSize());
    if (random_.OneIn(4)) request.alignment = size_t{16} << random_.Below(18);
    if (random_.OneIn(2)) {
      request.guard_before = random_.Between(1, 16) * kPageBytes;
      request.guard_after = random_.Between(1, 16) * kPageBytes;
      request.against_upper = true;
    }
    bool zeroed = false;
    const auto user = reinterpret_cast<uintptr_t>(blocks_.Allocate(request, policy_, &zeroed));
    ASSERT_NE(user, 0u);
    ASSERT_EQ(user % request.alignment, 0u);
    if (zeroed) {
      ASSERT_TRUE(test::AllBytesAre(At(user), request.bytes, 0)) << "told to be zero";
    }
    Enter(user, {request.bytes, random_.Next()});
  }
  void Resize() {
    const Entry entry = Some();
    const auto [user, block] = *entry;
    const size_t bytes = random_.OneIn(2) ? SomeSize() : block.bytes + random_.Below(100000);
    const uintptr_t moved = blocks_.Resize(user, bytes, policy_);
    if (moved == 0) {
      // Allowed at any time; the block is as it was.
      ASSERT_FALSE(platform::kChoosesAddresses) << bytes;
      ExpectContents(user, block, block.bytes);
      return;
    }
    ExpectContents(moved, block, std::min(block.bytes, bytes));
    Leave(entry);
    Enter(moved, {bytes, random_.Next()});
  }
  void Free() {
    const Entry entry = Some();
    ExpectContents(entry->first, entry->second, entry->second.bytes);
    ASSERT_TRUE(FreeAt(blocks_, entry->first, policy_));
    Leave(entry);
  }
  // Any byte of a live block, or between two of them.
  void CompareFind() {
    if (live_.empty()) return;
    const auto [user, block] = *Some();
    LargeView view{};
    ASSERT_TRUE(blocks_.Find(user + random_.Below(block.bytes), &view));
    ASSERT_EQ(view.user, user);
    ASSERT_EQ(view.requested, block.bytes);
  }

  Entry Some() {
    const Entry from = live_.lower_bound(random_.Below(~uint64_t{0}));
    if (random_.OneIn(2) && from != live_.end()) return from;
    return std::next(live_.begin(), static_cast<long>(random_.Below(live_.size())));
  }
  void Enter(uintptr_t user, const Block& block) {
    const Entry after = live_.lower_bound(user);
    if (after != live_.end()) {
      ASSERT_LE(user + block.bytes, after->first) << "overlaps";
    }
    if (after != live_.begin()) {
      const auto& [before, its_block] = *std::prev(after);
      ASSERT_LE(before + its_block.bytes, user) << "overlaps";
    }
    live_[user] = block;
    bytes_ += block.bytes;
    test::FillSparse(At(user), block.bytes, block.seed);
  }
  void Leave(Entry entry) {
    bytes_ -= entry->second.bytes;
    live_.erase(entry);
  }
  static void ExpectContents(uintptr_t user, const Block& block, size_t bytes) {
    test::CheckPrefix("large block", At(user), bytes, block.bytes, block.seed);
  }

  LargeBlocks& blocks_;
  const LargePolicy policy_;
  test::Random random_;
  std::map<uintptr_t, Block> live_;
  size_t bytes_ = 0;
};

class LargeBlocksModel : public testing::TestWithParam<LargePolicy> {};

TEST_P(LargeBlocksModel, AgreesWithAListOfWhatIsLive) {
  const auto blocks = MakeLargeBlocks();
  Model model(*blocks, GetParam(), 1);
  for (int i = 0; i < 1500; ++i) {
    model.Step();
    ASSERT_FALSE(HasFailure()) << "step " << i;
    const LargeStatistics statistics = blocks->Statistics();
    ASSERT_EQ(statistics.live_blocks, model.blocks());
    ASSERT_EQ(statistics.live_bytes, model.bytes());
    ASSERT_GE(statistics.mapped_bytes, model.bytes());
    ASSERT_LE(statistics.cached_bytes, GetParam().cache_bytes);
    ASSERT_EQ(statistics.stuck_bytes, 0u);
  }
  model.FreeAll();
  LargeStatistics statistics = blocks->Statistics();
  EXPECT_EQ(statistics.live_blocks, 0u);
  EXPECT_EQ(statistics.live_bytes, 0u);
  EXPECT_EQ(statistics.mapped_bytes, 0u);
  blocks->Purge(platform::CoarseMilliseconds(), 0);
  EXPECT_EQ(blocks->Statistics().cached_bytes, 0u);
}

// The lock is not held while pages are mapped and moved: the records must not mind.
TEST_P(LargeBlocksModel, AgreesInSeveralThreads) {
  const auto blocks = MakeLargeBlocks();
  std::vector<std::thread> threads;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    threads.emplace_back([&, seed] {
      Model model(*blocks, GetParam(), seed);
      for (int i = 0; i < 300 && !HasFailure(); ++i) {
        model.Step();
        if (i % 50 == 0) blocks->Purge(platform::CoarseMilliseconds(), 0);
        EXPECT_GE(blocks->Statistics().live_blocks, model.blocks());
      }
      model.FreeAll();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const LargeStatistics statistics = blocks->Statistics();
  EXPECT_EQ(statistics.live_blocks, 0u);
  EXPECT_EQ(statistics.live_bytes, 0u);
  EXPECT_EQ(statistics.mapped_bytes, 0u);
}

std::string PolicyName(const testing::TestParamInfo<LargePolicy>& info) {
  return info.param.zero ? "Hardened" : info.param.decay_ms != 0 ? "Fast" : "NothingKept";
}
INSTANTIATE_TEST_SUITE_P(Policies, LargeBlocksModel,
                         testing::Values(kFastPolicy, kHardenedPolicy, kNothingKept), PolicyName);

// Several threads free the same block: one does it.
TEST(LargeBlocksRaces, OneOfRacingFreesWins) {
  const auto blocks = MakeLargeBlocks();
  constexpr int kRounds = 300;
  std::atomic<uintptr_t> current{0};
  std::atomic<int> done{0};
  std::atomic<int> freed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      uintptr_t last = 0;
      for (int round = 0; round < kRounds; ++round) {
        uintptr_t user;
        while ((user = current.load()) == last) std::this_thread::yield();
        last = user;
        freed += FreeAt(*blocks, user, kHardenedPolicy);
        done++;
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    bool zeroed = false;
    uintptr_t user = 0;
    // The threads tell rounds apart by the address.
    do {
      user = reinterpret_cast<uintptr_t>(
          blocks->Allocate(Request(kPageBytes), kHardenedPolicy, &zeroed));
    } while (user == current.load());
    current = user;
    while (done != 3 * (round + 1)) std::this_thread::yield();
    ASSERT_EQ(freed, round + 1);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace bartizan
