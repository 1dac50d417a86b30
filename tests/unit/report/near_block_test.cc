// Accesses that left all slabs of a size class. Where a program's access meets them is up to
// chance; here the addresses are chosen.
#include "src/report/near_block.h"

#include <gtest/gtest.h>
#include <ucontext.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "src/api/embedded.h"
#include "src/metadata/address_map.h"
#include "src/report/fault.h"
#include "tests/unit/report/reporting_child.h"

namespace bartizan {
namespace {

// As far as an access is still taken for one that left a block of the class.
constexpr size_t kFarthest = 2 * kMiB;
constexpr size_t kDistances[] = {0, 1, kMiB, kFarthest};
constexpr size_t kSizes[] = {24, 100, 4096, 20000};

// Up to one in the last slab that has tables, in order: nothing of the class lies behind it. They
// are the only ones of their class, and stay.
const std::vector<uintptr_t>& BlocksToTheEnd(size_t size) {
  static std::map<size_t, std::vector<uintptr_t>> all;
  std::vector<uintptr_t>& blocks = all[size];
  for (bool at_end = !blocks.empty(); !at_end;) {
    blocks.push_back(reinterpret_cast<uintptr_t>(bartizan_malloc(size)));
    const ClassId id = g_address_map.ClassOfAddress(blocks.back());
    if (id == kClasses) return blocks;
    const ClassRegion& region = g_address_map.region(id);
    at_end = blocks.back() - region.base >= region.limit.load() - SlabBytes(id);
    if (at_end) std::sort(blocks.begin(), blocks.end());
  }
  return blocks;
}

class NearBlock : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    ASSERT_FALSE(blocks_.empty());
    id_ = g_address_map.ClassOfAddress(blocks_.back());
    ASSERT_LT(id_, kClasses);
  }

  uintptr_t Begin() const { return g_address_map.region(id_).base; }
  uintptr_t End() const { return Begin() + g_address_map.region(id_).limit.load(); }
  // All that lies before it is another class's: one time in thousands, by the random place.
  bool BeginsWhereItsClassDoes() const {
    return (Begin() - g_address_map.window()) % kRegionBytes < kFarthest;
  }

  void ExpectBlock(uintptr_t address, Nearness nearness, uintptr_t block) const {
    BlockFacts found;
    EXPECT_EQ(FindNearBlock(address, &found), nearness);
    EXPECT_EQ(found.begin, block);
    EXPECT_EQ(found.requested, GetParam());
    EXPECT_EQ(found.slot_bytes, kClassBytes[id_]);
    EXPECT_EQ(found.state, BlockState::kLive);
  }
  static std::string ReportOf(uintptr_t address) {
    const auto report = [address] {
      ucontext_t here;
      getcontext(&here);
      LookAtFault({.address = address, .access = AccessKind::kWrite, .bytes = 8, .context = &here});
    };
    return RunChild(report).standard_error;
  }

  const std::vector<uintptr_t>& blocks_ = BlocksToTheEnd(GetParam());
  ClassId id_ = kClasses;
};

TEST_P(NearBlock, BehindAllSlabsItIsTheLastOne) {
  for (const size_t distance : kDistances) {
    ExpectBlock(End() + distance, Nearness::kLastSlot, blocks_.back());
  }
}

TEST_P(NearBlock, BeforeAllSlabsItIsTheFirstOne) {
  if (BeginsWhereItsClassDoes()) GTEST_SKIP() << "what lies before it is another class's";
  for (const size_t distance : kDistances) {
    if (distance == 0) continue;
    ExpectBlock(Begin() - distance, Nearness::kFirstSlot, blocks_.front());
  }
}

TEST_P(NearBlock, FartherAwayThereIsNone) {
  BlockFacts found;
  EXPECT_EQ(FindNearBlock(End() + kFarthest + 1, &found), Nearness::kForeign);
  EXPECT_EQ(ReportOf(End() + kFarthest + 1), "");
}

TEST_P(NearBlock, BehindAllSlabsAWriteIsAnOverflow) {
  const uintptr_t address = End() + kMiB;
  const std::string report = ReportOf(address);
  const size_t after = address - blocks_.back() - GetParam();
  EXPECT_NE(report.find("heap buffer overflow"), std::string::npos) << report;
  EXPECT_NE(report.find("write of 8 bytes, " + std::to_string(after) + " bytes after a block of " +
                        std::to_string(GetParam()) + " bytes, the last one of its slab"),
            std::string::npos)
      << report;
}

TEST_P(NearBlock, BeforeAllSlabsAWriteIsAnUnderflow) {
  if (BeginsWhereItsClassDoes()) GTEST_SKIP() << "what lies before it is another class's";
  const uintptr_t address = Begin() - kMiB;
  const std::string report = ReportOf(address);
  const size_t before = blocks_.front() - address;
  EXPECT_NE(report.find("heap buffer underflow"), std::string::npos) << report;
  EXPECT_NE(
      report.find("write of 8 bytes, " + std::to_string(before) + " bytes before a block of " +
                  std::to_string(GetParam()) + " bytes, the first one of its slab"),
      std::string::npos)
      << report;
}

INSTANTIATE_TEST_SUITE_P(Sizes, NearBlock, testing::ValuesIn(kSizes),
                         [](const auto& size) { return std::to_string(size.param); });

}  // namespace
}  // namespace bartizan
