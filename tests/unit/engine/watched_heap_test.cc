// When much has become free, the clock is looked at whatever the program does.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/base/bits.h"
#include "src/engine/purge.h"
#include "src/options/sealed_page.h"
#include "tests/unit/engine/white_box.h"

namespace bartizan {
namespace {

constexpr size_t kSmall = 24;
constexpr size_t kFreed = 700;
constexpr uint32_t kMostRounds = 200'000'000 / 1000;  // the decay time is far shorter

class WatchedHeap : public testing::Test {
 protected:
  static Heap& ThisHeap() { return *static_cast<Heap*>(CurrentBins()); }
  static uint64_t Ticks() { return ThisHeap().counters.ticks.load(std::memory_order_relaxed); }

  static void FreeMuch() {
    std::vector<void*> blocks(16 * kMiB / kFreed);
    for (void*& block : blocks) std::memset(block = bartizan_malloc(kFreed), 1, kFreed);
    for (void* block : blocks) bartizan_free(block);
  }
  // No magazine gets full, nor empty.
  static void Loop(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      void* const block = bartizan_malloc(kSmall);
      bartizan_free(block);
    }
  }
};

TEST_F(WatchedHeap, LooksAtTheClockInATightLoop) {
  Loop(1000);
  ASSERT_FALSE(ThisHeap().watched);
  if (bartizan_layer_in_force("quarantine") != 1) {
    const uint64_t before = Ticks();
    Loop(10'000);
    ASSERT_EQ(Ticks(), before) << "no call of this loop is slow";
  }
  FreeMuch();
  ASSERT_TRUE(ThisHeap().watched);
  for (int i = 0; i < 3; ++i) {
    const uint64_t before = Ticks();
    Loop(internal::kWatchedPeriod * 4);
    EXPECT_GT(Ticks(), before);
  }
}

// It costs a little, so it ends: what was freed is given back by then.
TEST_F(WatchedHeap, IsNotForEver) {
  FreeMuch();
  ASSERT_TRUE(ThisHeap().watched);
  uint32_t rounds = 0;
  while (ThisHeap().watched && rounds < kMostRounds) {
    Loop(1000);
    ++rounds;
  }
  EXPECT_FALSE(ThisHeap().watched);
  EXPECT_LE(ThisHeap().empty_bytes, kMiB + ThisHeap().slab_bytes / 16);
  const Bin& bin = BinFor(kSmall);
  EXPECT_EQ(bin.stop, bin.last);
  if (bartizan_layer_in_force("quarantine") == 1) return;
  const uint64_t before = Ticks();
  Loop(10'000);
  EXPECT_EQ(Ticks(), before) << "calls are as fast as they were";
}

// What comes in at such a look may fill the magazine for which it was made.
TEST_F(WatchedHeap, TakesInWhatOthersFree) {
  constexpr size_t kOfOthers = 4000;
  std::vector<void*> blocks(kOfOthers);
  for (void*& block : blocks) block = bartizan_malloc(kSmall);
  FreeMuch();
  ASSERT_TRUE(ThisHeap().watched);
  const auto drained = [] {
    return ThisHeap().counters.remote_drained.load(std::memory_order_relaxed);
  };
  const uint64_t before = drained();
  std::thread([&] {
    for (void* block : blocks) bartizan_free(block);
  }).join();
  for (uint32_t i = 0; i < kMostRounds && drained() < before + kOfOthers; ++i) Loop(1000);
  EXPECT_GE(drained(), before + kOfOthers);
  // Behind a magazine lies what is another's: here the end of all, below the first of the next one.
  for (ClassId id = 0; id < kClasses; ++id) {
    const Bin& bin = ThisHeap().BinOf(id);
    EXPECT_EQ(ThisHeap().At(bin.bottom) ^ Bin::Mask(bin.key, bin.bottom), Bin::kNoGranule) << id;
  }
}

// Little that is free stays for its next use, at no cost.
TEST_F(WatchedHeap, IsNotForLittle) {
  bartizan_purge();
  for (uint32_t i = 0; i < kMostRounds && ThisHeap().watched; ++i) Loop(1000);
  std::vector<void*> blocks(kMiB / 2 / kFreed);
  for (void*& block : blocks) block = bartizan_malloc(kFreed);
  for (void* block : blocks) bartizan_free(block);
  EXPECT_FALSE(ThisHeap().watched);
}

}  // namespace
}  // namespace bartizan
