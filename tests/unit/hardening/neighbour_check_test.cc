// The layer that looks at the slot before a freed one.
#include "hardening/neighbour_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "src/metadata/address_map.h"
#include "tests/unit/hardening/caught_violation.h"

namespace bartizan {
namespace {

constexpr size_t kBytes = 64;
constexpr ClassId kId = ClassOf(kBytes);

// Three slots at the beginning of a slab, and their states.
class NeighbourCheckTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const uint32_t key[RandomStream::kKeyWords] = {1};
    random_.Seed(key);
    ASSERT_TRUE(g_address_map.Initialize(random_));
    ASSERT_EQ(g_address_map.TakeFreshSlab(kId, 0, &ref_), AddressMap::Growth::kDone);
    slab_ = reinterpret_cast<std::byte*>(g_address_map.SlabAddress(ref_));
    states_ = g_address_map.SlabStates(ref_);
  }
  void SetUp() override { bartizan_sealed_page.options.toggles = Bit(Toggle::kZeroOnFree); }
  void TearDown() override {
    std::fill_n(slab_, SlabBytes(kId), std::byte{0});
    for (int i = 0; i < 3; ++i) states_[i].Store(StateWord());
    g_address_map.slab(ref_).torn = false;
  }

  std::byte* Slot(size_t i) { return slab_ + i * kBytes; }
  void Allocate(size_t i, size_t requested) {
    Canaries::OnAllocate({Slot(i), requested, kBytes - 8});
    states_[i].Store(StateWord::Live(kBytes - 8 - requested, Family::kMalloc));
  }
  std::string AtFree(size_t i) {
    const StateWord word = states_[i].Load();
    const size_t requested = kBytes - 8 - word.slack();
    return ViolationOf([&] {
             NeighbourCheck::OnFree({{Slot(i), requested, kBytes - 8},
                                     Family::kMalloc,
                                     Family::kMalloc,
                                     SlotReturn::kNotStated,
                                     8,
                                     true,
                                     word,
                                     &states_[i]});
           })
        .what;
  }
  std::string AtReuse(size_t i) {
    return ViolationOf([&] { NeighbourCheck::OnReuse({Slot(i), kBytes, random_, &states_[i]}); })
        .what;
  }

  static inline SlabRef ref_;
  static inline std::byte* slab_;
  static inline SlotState* states_;
  static inline RandomStream random_;
};

TEST_F(NeighbourCheckTest, SeesUnderflowsOfSixteenBytesAtTheFreeOfEither) {
  for (size_t lower : {0, 1, 30, 40, 55, 56}) {
    for (size_t under = 1; under <= 16; ++under) {
      for (const std::byte value : {std::byte{0}, std::byte{0x41}}) {
        TearDown();
        Allocate(0, lower);
        Allocate(1, 20);
        ASSERT_EQ(AtFree(0), "");
        ASSERT_EQ(AtFree(1), "");
        std::byte& hit = Slot(1)[-static_cast<ptrdiff_t>(under)];
        const bool in_block = kBytes - under < lower;
        if (in_block || hit == value) continue;
        hit = value;
        EXPECT_EQ(AtFree(1), "heap underflow") << lower << " " << under;
        const bool in_canary = kBytes - under < lower + 8;
        if (!in_canary) {
          EXPECT_EQ(AtFree(0), "heap underflow") << lower << " " << under;
        }
      }
    }
  }
}

TEST_F(NeighbourCheckTest, SeesThemWhereTheLowerSlotIsFree) {
  Allocate(1, 20);
  states_[0].Store(StateWord::AtRest(SlotKind::kQuarantined, 12));
  Slot(1)[-16] = std::byte{1};
  EXPECT_EQ(AtFree(1), "write after free");
  EXPECT_EQ(AtReuse(1), "write after free");
  states_[0].Store(StateWord::AtRest(SlotKind::kReleasing));
  EXPECT_EQ(AtFree(1), "") << "another thread is at work there";
  states_[0].Store(StateWord());
  EXPECT_EQ(AtFree(1), "") << "no program ever had that slot";
}

TEST_F(NeighbourCheckTest, LooksAtNothingBeforeTheFirstSlot) {
  Allocate(0, 20);
  EXPECT_EQ(AtFree(0), "");
  EXPECT_EQ(AtReuse(0), "");
}

TEST_F(NeighbourCheckTest, JudgesNoLiveBlockOfAThreadThatVanished) {
  Allocate(0, 20);
  Allocate(1, 20);
  std::fill_n(Slot(0) + 20, 8, std::byte{0});  // not written yet when the fork came
  g_address_map.slab(ref_).torn = true;
  EXPECT_EQ(AtFree(1), "");
  g_address_map.slab(ref_).torn = false;
  EXPECT_EQ(AtFree(1), "heap underflow");
}

}  // namespace
}  // namespace bartizan
