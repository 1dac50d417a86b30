// Virtual memory on real pages.
#include "src/platform/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>
#include <fstream>

#include "src/platform/address_plan.h"
#include "tests/unit/memory_probe.h"

namespace bartizan::platform {
namespace {

constexpr size_t kPages = 8;
constexpr size_t kBytes = kPages * kPageBytes;

std::byte* At(uintptr_t address) { return reinterpret_cast<std::byte*>(address); }

void Fill(uintptr_t begin, size_t bytes, int value) { std::memset(At(begin), value, bytes); }

testing::AssertionResult AllBytesAre(uintptr_t begin, size_t bytes, int value) {
  for (size_t i = 0; i < bytes; ++i) {
    if (At(begin)[i] != std::byte(value)) {
      return testing::AssertionFailure()
             << "byte " << i << " is " << static_cast<int>(At(begin)[i]);
    }
  }
  return testing::AssertionSuccess();
}

class Memory : public testing::Test {
 protected:
  // Claims accessible pages at a place of their own. Released by TearDown.
  uintptr_t Claimed(size_t bytes, Access access = Access::kReadWrite) {
    const uintptr_t place = UnusedRange(bytes);
    EXPECT_EQ(ClaimAt(place, bytes, access), Claim::kDone);
    ranges_.push_back({place, place + bytes});
    return place;
  }
  void TearDown() override {
    for (const AddressRange& range : ranges_) Release(range.begin, range.end - range.begin);
  }

  MemoryProbe probe_;
  std::vector<AddressRange> ranges_;
};

TEST_F(Memory, ClaimedPagesAreZeroAndAccessible) {
  const uintptr_t place = Claimed(kBytes);
  EXPECT_TRUE(probe_.Accessible(place, kBytes));
  EXPECT_TRUE(AllBytesAre(place, kBytes, 0));
}

TEST_F(Memory, ClaimedPagesWithoutAccessFault) {
  EXPECT_TRUE(probe_.Inaccessible(Claimed(kBytes, Access::kNone), kBytes));
}

// Where addresses cannot be chosen, claims replace a reservation: there is no obstacle to meet.
TEST_F(Memory, AClaimNeverReplacesAMapping) {
  if (!kChoosesAddresses) GTEST_SKIP() << "claims replace a reservation here";
  const uintptr_t place = Claimed(kBytes);
  Fill(place, kBytes, 7);
  EXPECT_EQ(ClaimAt(place, kBytes, Access::kReadWrite), Claim::kOccupied);
  EXPECT_EQ(ClaimAt(place + kBytes - kPageBytes, 2 * kPageBytes, Access::kNone), Claim::kOccupied);
  EXPECT_EQ(ClaimAt(place - kPageBytes, 2 * kPageBytes, Access::kNone), Claim::kOccupied);
  EXPECT_TRUE(AllBytesAre(place, kBytes, 7));
  EXPECT_FALSE(probe_.Readable(place - kPageBytes));
  EXPECT_FALSE(probe_.Readable(place + kBytes));
}

TEST_F(Memory, AClaimOutsideOfTheAddressSpaceIsRefused) {
  EXPECT_EQ(ClaimAt(uintptr_t{1} << 62, kBytes, Access::kReadWrite), Claim::kRefused);
  EXPECT_EQ(ClaimAnywhere(size_t{1} << 62, Access::kReadWrite), 0u);
}

TEST_F(Memory, TheKernelChoosesAPlace) {
  const uintptr_t place = ClaimAnywhere(kBytes, Access::kReadWrite);
  ASSERT_NE(place, 0u);
  EXPECT_TRUE(probe_.Accessible(place, kBytes));
  EXPECT_TRUE(Release(place, kBytes));
  EXPECT_TRUE(probe_.Inaccessible(place, kBytes));
}

TEST_F(Memory, AccessIsTakenAndGivenBackWithTheContents) {
  const uintptr_t place = Claimed(kBytes);
  Fill(place, kBytes, 7);
  EXPECT_TRUE(SetAccess(place, kBytes, Access::kNone));
  EXPECT_TRUE(probe_.Inaccessible(place, kBytes));
  EXPECT_TRUE(SetAccess(place, kBytes, Access::kReadWrite));
  EXPECT_TRUE(AllBytesAre(place, kBytes, 7));
  EXPECT_TRUE(Release(place, kBytes));
  EXPECT_FALSE(SetAccess(place, kBytes, Access::kNone)) << "nothing is mapped there";
}

TEST_F(Memory, DroppedPagesAreGoneAndReadAsZero) {
  const uintptr_t place = Claimed(kBytes);
  Fill(place, kBytes, 7);
  EXPECT_EQ(ResidentPageCount(place, kBytes), kPages);
  EXPECT_TRUE(DropPages(place + kPageBytes, 3 * kPageBytes));
  EXPECT_EQ(ResidentPageCount(place, kBytes), kPages - 3);
  EXPECT_TRUE(AllBytesAre(place, kPageBytes, 7));
  EXPECT_TRUE(AllBytesAre(place + kPageBytes, 3 * kPageBytes, 0));
  EXPECT_TRUE(AllBytesAre(place + 4 * kPageBytes, kBytes - 4 * kPageBytes, 7));
}

TEST_F(Memory, ResidencyIsToldPageByPage) {
  const uintptr_t place = Claimed(kBytes);
  unsigned char pages[kPages];
  ASSERT_TRUE(ResidentPages(place, kBytes, pages));
  for (unsigned char page : pages) EXPECT_EQ(page & 1, 0);
  for (size_t page : {1, 4, 5}) At(place)[page * kPageBytes] = std::byte(1);
  ASSERT_TRUE(ResidentPages(place, kBytes, pages));
  for (size_t page = 0; page < kPages; ++page) {
    EXPECT_EQ(pages[page] & 1, page == 1 || page == 4 || page == 5) << page;
  }
  EXPECT_TRUE(Release(place, kBytes));
  EXPECT_FALSE(ResidentPages(place, kBytes, pages)) << "nothing is mapped there";
}

TEST_F(Memory, MovedPagesKeepTheirContentsAndGrow) {
  const uintptr_t from = Claimed(kBytes);
  const uintptr_t to = Claimed(2 * kBytes, Access::kNone);
  Fill(from, kBytes, 7);
  ASSERT_TRUE(MovePages(from, kBytes, to, 2 * kBytes));
  EXPECT_TRUE(probe_.Inaccessible(from, kBytes));
  EXPECT_TRUE(probe_.Accessible(to, 2 * kBytes));
  EXPECT_TRUE(AllBytesAre(to, kBytes, 7));
  EXPECT_TRUE(AllBytesAre(to + kBytes, kBytes, 0));
}

TEST_F(Memory, MovedPagesAreMovedNotCopied) {
  const uintptr_t from = Claimed(kBytes);
  const uintptr_t to = Claimed(kBytes, Access::kNone);
  Fill(from + kPageBytes, kPageBytes, 7);
  ASSERT_TRUE(MovePages(from, kBytes, to, kBytes));
  EXPECT_EQ(ResidentPageCount(to, kBytes), 1u) << "a page that was never touched appeared";
}

TEST_F(Memory, PagesThatAreNotThereCannotBeMoved) {
  const uintptr_t from = UnusedRange(kBytes);
  Release(from, kBytes);
  const uintptr_t to = Claimed(kBytes, Access::kNone);
  EXPECT_FALSE(MovePages(from, kBytes, to, kBytes));
}

TEST_F(Memory, AMappingGrowsWhereItIs) {
  const uintptr_t place = Claimed(2 * kBytes);
  ASSERT_TRUE(Release(place + kBytes, kBytes));
  Fill(place, kBytes, 7);
  ASSERT_TRUE(GrowInPlace(place, kBytes, 2 * kBytes));
  EXPECT_TRUE(AllBytesAre(place, kBytes, 7));
  EXPECT_TRUE(AllBytesAre(place + kBytes, kBytes, 0));
  EXPECT_TRUE(probe_.Accessible(place, 2 * kBytes));
}

TEST_F(Memory, AMappingDoesNotGrowOverItsNeighbour) {
  const uintptr_t place = Claimed(2 * kBytes);
  ASSERT_TRUE(SetAccess(place + kBytes, kBytes, Access::kNone));
  Fill(place, kBytes, 7);
  EXPECT_FALSE(GrowInPlace(place, kBytes, kBytes + kPageBytes));
  EXPECT_TRUE(AllBytesAre(place, kBytes, 7));
  EXPECT_TRUE(probe_.Inaccessible(place + kBytes, kBytes));
}

class Guards : public Memory {
 protected:
  void SetUp() override {
    place_ = Claimed(kBytes);
    Fill(place_, kBytes, 7);
    if (!InstallGuard(place_ + kPageBytes, 2 * kPageBytes)) {
      GTEST_SKIP() << "this kernel has no guard markers";
    }
  }
  uintptr_t place_;
};

TEST_F(Guards, FaultAndLeaveTheirNeighboursAlone) {
  EXPECT_TRUE(probe_.Inaccessible(place_ + kPageBytes, 2 * kPageBytes));
  EXPECT_TRUE(AllBytesAre(place_, kPageBytes, 7));
  EXPECT_TRUE(AllBytesAre(place_ + 3 * kPageBytes, kBytes - 3 * kPageBytes, 7));
}

TEST_F(Guards, LeaveZerosWhenTheyAreRemoved) {
  ASSERT_TRUE(RemoveGuard(place_ + kPageBytes, kPageBytes));
  EXPECT_TRUE(AllBytesAre(place_ + kPageBytes, kPageBytes, 0));
  EXPECT_TRUE(probe_.Inaccessible(place_ + 2 * kPageBytes, kPageBytes));
}

TEST_F(Guards, StayWhenPagesAreDropped) {
  ASSERT_TRUE(DropPages(place_, kBytes));
  EXPECT_TRUE(probe_.Inaccessible(place_ + kPageBytes, 2 * kPageBytes));
  EXPECT_TRUE(AllBytesAre(place_, kPageBytes, 0));
}

TEST_F(Guards, VanishWithTheMapping) {
  ASSERT_TRUE(Release(place_, kBytes));
  ASSERT_EQ(ClaimAt(place_, kBytes, Access::kReadWrite), Claim::kDone);
  EXPECT_TRUE(AllBytesAre(place_, kBytes, 0));
}

TEST_F(Guards, SpendNoMapping) {
  const auto mappings = [] {
    std::ifstream maps("/proc/self/maps");
    size_t lines = 0;
    for (std::string line; std::getline(maps, line);) ++lines;
    return lines;
  };
  const uintptr_t place = Claimed(100 * 2 * kPageBytes);
  const size_t before = mappings();
  for (size_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(InstallGuard(place + (2 * i + 1) * kPageBytes, kPageBytes));
  }
  EXPECT_LT(mappings(), before + 50);
}

TEST_F(Memory, ALimitOfTheProcessCountsMappings) {
  if (CountsMappings()) GTEST_SKIP() << "the process or the system is limited already";
  for (const int resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit unlimited;
    ASSERT_EQ(getrlimit(resource, &unlimited), 0);
    const rlimit limited = {uint64_t{1} << 46, unlimited.rlim_max};
    ASSERT_EQ(setrlimit(resource, &limited), 0);
    EXPECT_TRUE(CountsMappings());
    ASSERT_EQ(setrlimit(resource, &unlimited), 0);
    EXPECT_FALSE(CountsMappings());
  }
}

TEST_F(Memory, SealedPagesCanOnlyBeRead) {
  // For ever, where the kernel can: not among those that TearDown releases.
  const uintptr_t place = ClaimAnywhere(kPageBytes, Access::kReadWrite);
  Fill(place, kPageBytes, 7);
  SealReadOnly(place, kPageBytes);
  EXPECT_TRUE(probe_.Readable(place));
  EXPECT_FALSE(probe_.Writable(place));
  EXPECT_TRUE(AllBytesAre(place, kPageBytes, 7));
}

TEST_F(Memory, HugePagesAreOnlyAHint) {
  const uintptr_t place = Claimed(2 * kHugePageBytes);
  AdviseHugePages(place, 2 * kHugePageBytes);
  Fill(place, 2 * kHugePageBytes, 7);
  EXPECT_TRUE(AllBytesAre(place, 2 * kHugePageBytes, 7));
}

TEST(MappingLimit, IsTheKernels) {
  size_t limit = 65530;
  std::ifstream("/proc/sys/vm/max_map_count") >> limit;
  EXPECT_EQ(MappingLimit(), limit);
}

}  // namespace
}  // namespace bartizan::platform
