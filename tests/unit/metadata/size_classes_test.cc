// Size classes against a search, and the geometry of their slabs.
#include "src/metadata/size_classes.h"

#include <gtest/gtest.h>

#include "src/base/bits.h"

namespace bartizan {
namespace {

TEST(SizeClasses, RiseFromTheSmallestSlotToTheLargest) {
  EXPECT_EQ(kClasses, 53u);
  EXPECT_EQ(kClassBytes[1], kMinSlotBytes);
  EXPECT_EQ(kClassBytes[kClasses - 1], kMaxSlotBytes);
  for (ClassId id = 2; id < kClasses; ++id) {
    EXPECT_GT(kClassBytes[id], kClassBytes[id - 1]);
    EXPECT_TRUE(IsAligned(kClassBytes[id], 16));
  }
}

// Every size there is: the class holds it, and the one below does not.
TEST(SizeClasses, EverySizeGetsTheSmallestClassThatHoldsIt) {
  ClassId expected = 1;
  for (size_t bytes = 1; bytes <= kMaxSlotBytes; ++bytes) {
    if (bytes > kClassBytes[expected]) ++expected;
    ASSERT_EQ(ClassOf(bytes), expected) << bytes;
  }
  EXPECT_EQ(expected, kClasses - 1);
}

// With a trailer or without: what is not used of a slot can be written down in its state.
TEST(SizeClasses, TheSlackOfEverySizeFitsTheStateWord) {
  for (size_t bytes = 1; bytes <= kMaxSlotBytes; ++bytes) {
    ASSERT_LE(kClassBytes[ClassOf(bytes)] - bytes, kMaxSlack) << bytes;
  }
}

TEST(SizeClasses, WasteAtMostAFifth) {
  for (ClassId id = 9; id < kClasses; ++id) {
    const size_t smallest = kClassBytes[id - 1] + 1;
    EXPECT_LE(5 * (kClassBytes[id] - smallest), kClassBytes[id]) << id;
  }
}

TEST(SizeClasses, GranulesAreTheLowestSetBit) {
  for (ClassId id = 0; id < kClasses; ++id) {
    const size_t granule = size_t{1} << GranuleShift(id);
    EXPECT_EQ(kClassBytes[id] % granule, 0u);
    EXPECT_NE(kClassBytes[id] % (2 * granule), 0u);
    EXPECT_GE(granule, kMinSlotBytes);
  }
}

// So that the offset of any byte tells its slab, and ownership is recorded per 64 KiB.
TEST(SizeClasses, SlabsArePowersOfTwoWithRoomForEightSlotsAndAGuard) {
  for (ClassId id = 0; id < kClasses; ++id) {
    EXPECT_TRUE(IsPowerOfTwo(SlabBytes(id)));
    EXPECT_GE(SlabBytes(id), size_t{1} << kMinSlabShift);
    EXPECT_GE(SlabBytes(id), size_t{kClassBytes[id]} * 8);
    EXPECT_GE(SlotsPerSlab(id), 7u);
    const size_t used = size_t{SlotsPerSlab(id)} * kClassBytes[id];
    EXPECT_LE(used + kSlabGuardBytes, SlabBytes(id));
    EXPECT_GT(used + kSlabGuardBytes + kClassBytes[id], SlabBytes(id)) << "a slot is wasted";
    EXPECT_GE(SlabBytes(id) - AlignUp(used, 4096), kSlabGuardBytes) << "no whole page is left";
  }
}

}  // namespace
}  // namespace bartizan
