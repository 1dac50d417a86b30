// The layers that decide where blocks lie and when slots are used again: quarantine, random_slots,
// freelist_encryption, guard_pages; and the registry of them all.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "hardening/registry.h"
#include "src/platform/memory.h"
#include "tests/support/system_calls.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

using platform::kPageBytes;

RandomStream Seeded(uint32_t seed) {
  RandomStream random;
  const uint32_t key[RandomStream::kKeyWords] = {seed};
  random.Seed(key);
  return random;
}

// --- quarantine, freelist_encryption ------------------------------------------------------------

TEST(QuarantineTest, WaitsForItsBytesWithinBounds) {
  RandomStream random = Seeded(1);
  for (uint64_t bytes : {uint64_t{1024}, uint64_t{16384}, uint64_t{65536}, uint64_t{4} << 20}) {
    bartizan_sealed_page.options.quarantine_bytes = bytes;
    for (ClassId id = 0; id < kClasses; ++id) {
      BinPlan plan{.id = id, .random = random};
      Quarantine::OnPlanBin(plan);
      EXPECT_GE(plan.quarantine_slots, 8u) << "a loop gets its slot back at once";
      EXPECT_LE(plan.quarantine_slots, 1024u);
      const uint64_t exact = bytes / kClassBytes[id];
      if (exact >= 8 && exact <= 1024) {
        EXPECT_EQ(plan.quarantine_slots, exact);
      }
    }
  }
}

TEST(FreelistEncryptionTest, DrawsAKeyForEachBin) {
  RandomStream random = Seeded(1);
  std::set<uint32_t> keys;
  for (int i = 0; i < 1000; ++i) {
    BinPlan plan{.id = 1, .random = random};
    FreelistEncryption::OnPlanBin(plan);
    keys.insert(plan.key);
  }
  EXPECT_GT(keys.size(), 990u);
}

// --- random_slots -------------------------------------------------------------------------------

// Slots are held back, so that the last of a window is not known; and a slab's pages are not begun
// in order.
TEST(RandomSlotsTest, HoldsSlotsBackAndChoosesAmongPages) {
  RandomStream random = Seeded(4);
  BinPlan plan{.id = 0, .random = random};
  RandomSlots::OnPlanBin(plan);
  EXPECT_GE(plan.hold, 8u);
  constexpr uint32_t kPages = 8;
  std::map<uint32_t, int> chosen;
  for (int i = 0; i < 8000; ++i) {
    SlotChoice choice{kPages, random};
    RandomSlots::OnChooseSlot(choice);
    chosen[choice.chosen]++;
  }
  EXPECT_EQ(chosen.size(), kPages);
  for (const auto& [page, count] : chosen) {
    EXPECT_LT(page, kPages);
    EXPECT_GT(count, 800) << "page " << page;
  }
}

// --- guard_pages --------------------------------------------------------------------------------

class GuardPagesTest : public testing::Test {
 protected:
  // Pages as a slab would be: `slots` bytes of slots, then what is left of four pages.
  static SlabSpan MakeSlab(size_t slots) {
    const uintptr_t place = UnusedRange(kBytes);
    EXPECT_EQ(platform::ClaimAt(place, kBytes, platform::Access::kReadWrite),
              platform::Claim::kDone);
    return {place, place, place + slots, place + kBytes};
  }
  static int InChild(const std::function<bool()>& body) {
    const pid_t child = fork();
    if (child == 0) _exit(body() ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }
  static void RefuseGuardMarkers() {
    constexpr int kCalls[] = {SYS_madvise};
    test::SystemCallFilter(SECCOMP_RET_ALLOW).FailWith(kCalls, EINVAL).Install();
  }

  static constexpr size_t kBytes = 4 * kPageBytes;
  MemoryProbe probe_;
};

TEST_F(GuardPagesTest, CloseTheEndOfASlab) {
  for (size_t slots : {3 * kPageBytes, 3 * kPageBytes - 16, 2 * kPageBytes + 16, kPageBytes}) {
    const SlabSpan slab = MakeSlab(slots);
    GuardPages::OnPrepareSlab(slab);
    const uintptr_t guard = AlignUp(slab.slots_end, kPageBytes);
    EXPECT_TRUE(probe_.Accessible(slab.begin, guard - slab.begin));
    EXPECT_TRUE(probe_.Inaccessible(guard, slab.end - guard));
    EXPECT_EQ(UnguardedSlabs(), 0u);
    platform::Release(slab.begin, kBytes);
  }
}

TEST_F(GuardPagesTest, CloseTheGapBeforeASlab) {
  SlabSpan slab = MakeSlab(2 * kPageBytes);
  slab.begin += kPageBytes;
  GuardPages::OnPrepareSlab(slab);
  EXPECT_TRUE(probe_.Inaccessible(slab.gap_begin, kPageBytes));
  EXPECT_TRUE(probe_.Accessible(slab.begin, kPageBytes));
  platform::Release(slab.gap_begin, kBytes);
}

TEST_F(GuardPagesTest, LeaveGapsWhereAsked) {
  RandomStream random = Seeded(1);
  for (bool asked : {false, true}) {
    bartizan_sealed_page.options.guard_gaps = asked;
    int gaps = 0;
    for (int i = 0; i < 1000; ++i) {
      SlabPlan plan{random};
      GuardPages::OnPlanSlab(plan);
      gaps += plan.gap != 0;
    }
    EXPECT_GE(gaps, asked ? 200 : 0);
    EXPECT_LE(gaps, asked ? 300 : 0);
  }
  bartizan_sealed_page.options.guard_gaps = false;
}

TEST_F(GuardPagesTest, CloseItByProtectionWhereTheKernelHasNoMarkers) {
  if (!test::CanFilterSystemCalls()) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(InChild([this] {
              RefuseGuardMarkers();
              const SlabSpan slab = MakeSlab(2 * kPageBytes + 16);
              GuardPages::OnPrepareSlab(slab);
              return probe_.Accessible(slab.begin, 3 * kPageBytes) &&
                     probe_.Inaccessible(slab.begin + 3 * kPageBytes, kPageBytes) &&
                     UnguardedSlabs() == 0;
            }),
            0);
}

// Protected pages spend mappings, of which the program needs most: then slabs go without, counted.
TEST_F(GuardPagesTest, GoWithoutWhenTheirShareOfMappingsIsSpent) {
  if (!test::CanFilterSystemCalls()) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(
      InChild([this] {
        RefuseGuardMarkers();
        const size_t slabs = platform::MappingLimit() / 8 + 100;
        if (slabs > 100000) return true;
        const uintptr_t place = UnusedRange(slabs * 2 * kPageBytes);
        if (platform::ClaimAt(place, slabs * 2 * kPageBytes, platform::Access::kReadWrite) !=
            platform::Claim::kDone) {
          return false;
        }
        for (size_t i = 0; i < slabs; ++i) {
          const uintptr_t begin = place + i * 2 * kPageBytes;
          GuardPages::OnPrepareSlab({begin, begin, begin + kPageBytes, begin + 2 * kPageBytes});
        }
        return UnguardedSlabs() >= 50 && UnguardedSlabs() <= 200 &&
               !probe_.Readable(place + kPageBytes) &&
               probe_.Readable(place + (slabs * 2 - 1) * kPageBytes);
      }),
      0);
}

TEST_F(GuardPagesTest, SurroundLargeBlocksAtRandomDistances) {
  RandomStream random = Seeded(1);
  std::set<size_t> before;
  std::set<size_t> after;
  for (int i = 0; i < 500; ++i) {
    LargePlan plan{.requested = 1, .random = random};
    GuardPages::OnPlaceLarge(plan);
    EXPECT_TRUE(plan.against_upper);
    EXPECT_TRUE(IsAligned(plan.guard_before, kPageBytes));
    EXPECT_TRUE(IsAligned(plan.guard_after, kPageBytes));
    before.insert(plan.guard_before / kPageBytes);
    after.insert(plan.guard_after / kPageBytes);
  }
  for (const auto& pages : {before, after}) {
    EXPECT_EQ(pages.size(), 16u);
    EXPECT_EQ(*pages.begin(), 1u);
    EXPECT_EQ(*pages.rbegin(), 16u);
  }
}

// --- registry -----------------------------------------------------------------------------------

static_assert(Layer<BoundedLibc> && Layer<Canaries> && Layer<FreelistEncryption> &&
              Layer<GuardPages> && Layer<NeighbourCheck> && Layer<OriginCheck> &&
              Layer<Quarantine> && Layer<RandomSlots> && Layer<ReuseCheck> && Layer<SizeCheck> &&
              Layer<ZeroOnFree>);

TEST(RegistryTest, HasEveryLayerOfTheOptionTable) {
  using All = EveryLayer<Always>;
  for (size_t i = 0; i < kToggleCount; ++i) {
    const auto toggle = static_cast<Toggle>(i);
    EXPECT_TRUE(All::Has({0}, toggle)) << NameOf(toggle);
    EXPECT_FALSE(EveryLayer<Gated>::Has({~Bit(toggle)}, toggle)) << NameOf(toggle);
    EXPECT_TRUE(EveryLayer<Gated>::Has({Bit(toggle)}, toggle)) << NameOf(toggle);
  }
}

// The common path asks once for each bin what there is to do.
TEST(RegistryTest, TellsTheWorkThereIsForBlocks) {
  using P = EveryLayer<Gated>;
  const uint64_t usual = LayersOf(ProfileId::kHardened);
  EXPECT_EQ(P::WorkOf({0}), BlockWork::kNone);
  EXPECT_EQ(P::WorkOf({Bit(Toggle::kGuardPages) | Bit(Toggle::kRandomSlots)}), BlockWork::kNone);
  EXPECT_EQ(P::WorkOf({usual}), BlockWork::kUsual);
  EXPECT_EQ(P::WorkOf({usual ^ Bit(Toggle::kGuardPages)}), BlockWork::kUsual);
  EXPECT_EQ(P::WorkOf({usual | Bit(Toggle::kBoundedLibc)}), BlockWork::kUsual);
  for (Toggle toggle :
       {Toggle::kQuarantine, Toggle::kZeroOnFree, Toggle::kReuseCheck, Toggle::kCanaries,
        Toggle::kSizeCheck, Toggle::kNeighbourCheck, Toggle::kOriginCheck}) {
    EXPECT_EQ(P::WorkOf({usual ^ Bit(toggle)}), BlockWork::kOther) << NameOf(toggle);
  }
  EXPECT_EQ(EveryLayer<Always>::WorkOf({0}), BlockWork::kUsual);
}

// A block that is freed is verified before it is overwritten: otherwise all are found wrong, or
// none.
TEST(RegistryTest, VerifiesBeforeItOverwrites) {
  alignas(16) std::byte slot[64] = {};
  const Toggles all{~uint64_t{0}};
  const SlotUse use{slot, 40, 56};
  EveryLayer<Gated>::Run<kOnAllocate>(all, use);
  EXPECT_NE(slot[40], std::byte{0});
  const SlotReturn op{use, Family::kNew, Family::kNew, 40, 8, true};
  bartizan_sealed_page.options.toggles = all.bits;
  EveryLayer<Gated>::Run<kOnFree>(all, op);
  bartizan_sealed_page.options.toggles = 0;
  for (std::byte byte : slot) EXPECT_EQ(byte, std::byte{0});
}

TEST(RegistryTest, TakesEightBytesOfASlotForCanaries) {
  EXPECT_EQ(EveryLayer<Gated>::TrailerBytes({0}), 0u);
  EXPECT_EQ(EveryLayer<Gated>::TrailerBytes({Bit(Toggle::kCanaries)}), 8u);
  EXPECT_EQ(EveryLayer<Gated>::TrailerBytes({~uint64_t{0}}), 8u);
}

}  // namespace
}  // namespace bartizan
