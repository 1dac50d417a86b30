// Free slots with pages of their own: which keep them, and which do not.
#include "src/engine/cold_slots.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/base/bits.h"
#include "src/options/sealed_page.h"
#include "src/platform/entropy.h"
#include "src/platform/memory.h"
#include "tests/unit/engine/white_box.h"

namespace bartizan {
namespace {

constexpr size_t kBytes = 100'000;

class ColdSlots : public testing::Test {
 protected:
  void SetUp() override {
    bartizan_free(bartizan_malloc(1));  // starts the allocator
    if (bartizan_layer_in_force("quarantine") != 1) GTEST_SKIP() << "nothing waits";
    bartizan_purge();
    Look();
  }

  static Heap& ThisHeap() { return *static_cast<Heap*>(CurrentBins()); }
  // Each look is long after the one before. No slow path looks besides: `decay` is an hour here.
  static void Look() {
    static uint64_t now_ms = platform::CoarseMilliseconds();
    now_ms += 1'000'000;
    DropColdSlots(ThisHeap(), now_ms);
    ThisHeap().last_cold_look_ms = platform::CoarseMilliseconds();
  }

  static size_t ResidentPages(const void* block, size_t bytes) {
    const uintptr_t begin = AlignUp(reinterpret_cast<uintptr_t>(block), platform::kPageBytes);
    const size_t length = AlignDown(bytes - platform::kPageBytes, platform::kPageBytes);
    std::vector<unsigned char> pages(length / platform::kPageBytes);
    EXPECT_TRUE(platform::ResidentPages(begin, length, pages.data()));
    size_t resident = 0;
    for (unsigned char page : pages) resident += page & 1;
    return resident;
  }

  // So many blocks that are touched, then freed: all of them wait.
  static std::vector<void*> FreeTouched(size_t bytes, int count) {
    std::vector<void*> blocks;
    for (int i = 0; i < count; ++i) {
      blocks.push_back(bartizan_malloc(bytes));
      std::memset(blocks.back(), 1, bytes);
    }
    for (void* block : blocks) bartizan_free(block);
    for (void* block : blocks) {
      EXPECT_EQ(StateOf(BinFor(bytes), block).Load().kind(), SlotKind::kQuarantined);
    }
    return blocks;
  }
};

TEST_F(ColdSlots, LoseTheirPagesAndGoOnWaiting) {
  const std::vector<void*> blocks = FreeTouched(kBytes, 8);
  Look();
  for (void* block : blocks) EXPECT_GT(ResidentPages(block, kBytes), 0u) << "in use until now";
  Look();
  for (void* block : blocks) {
    EXPECT_EQ(ResidentPages(block, kBytes), 0u);
    EXPECT_EQ(StateOf(BinFor(kBytes), block).Load().kind(), SlotKind::kQuarantined);
  }
}

TEST_F(ColdSlots, KeepTheirPagesWhileTheirClassIsInUse) {
  const std::vector<void*> blocks = FreeTouched(kBytes, 4);
  for (int i = 0; i < 3; ++i) {
    Look();
    bartizan_free(bartizan_malloc(kBytes));
    for (void* block : blocks) EXPECT_GT(ResidentPages(block, kBytes), 0u);
  }
}

TEST_F(ColdSlots, OfSmallClassesKeepTheirPages) {
  constexpr size_t kSmall = 6 * kKiB;
  static_assert(!HasOwnPages(ClassOf(kSmall)));
  for (void* block : FreeTouched(kSmall, 4)) {
    Look();
    Look();
    unsigned char resident;
    const uintptr_t page = AlignDown(reinterpret_cast<uintptr_t>(block), platform::kPageBytes);
    ASSERT_TRUE(platform::ResidentPages(page, platform::kPageBytes, &resident));
    EXPECT_EQ(resident & 1, 1);
  }
}

// Where many classes are in use at a time, the largest give way.
TEST_F(ColdSlots, LoseTheirPagesWhereTooManyWait) {
  std::vector<void*> largest;
  for (size_t bytes = 10'000; bytes < 120'000; bytes += bytes / 8) {
    largest = FreeTouched(bytes, 8);
    for (void* block : largest) EXPECT_GT(ResidentPages(block, bytes), 0u);
    if (bytes + bytes / 8 >= 120'000) {
      Look();
      for (void* block : largest) EXPECT_EQ(ResidentPages(block, bytes), 0u);
    }
  }
}

// Pages that were needed again soon are kept the next time.
TEST_F(ColdSlots, RegretIsRemembered) {
  FreeTouched(kBytes, 8);
  Look();
  Look();
  ASSERT_EQ(ThisHeap().regret_bytes, 0u) << "the last look was long ago";
  // Not so many that the ring turns meanwhile.
  for (int i = 0; i < 10; ++i) bartizan_free(bartizan_malloc(kBytes));
  DropColdSlots(ThisHeap(), ThisHeap().regret_ms + OptionsInForce().decay_ms / 100);
  EXPECT_GE(ThisHeap().regret_bytes, 4 * kBytes);
}

using ColdSlotsDeathTest = ColdSlots;

TEST_F(ColdSlotsDeathTest, AreExaminedBefore) {
  if (bartizan_layer_in_force("reuse_check") != 1) GTEST_SKIP() << "nobody looks";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const std::vector<void*> blocks = FreeTouched(kBytes, 4);
        static_cast<volatile char*>(blocks[1])[0] = 1;
        Look();
        Look();
      },
      "write after free");
}

}  // namespace
}  // namespace bartizan
