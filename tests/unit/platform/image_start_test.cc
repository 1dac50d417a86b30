// Where the image of a mapping begins, of mappings as linkers make them.
#include <gtest/gtest.h>

#include "src/platform/mapping_list.h"

namespace bartizan::platform {
namespace {

Mapping Of(uint64_t file, uintptr_t begin, uint64_t offset) {
  return {.begin = begin,
          .end = begin + 0x1000,
          .readable = true,
          .writable = false,
          .executable = false,
          .shared = false,
          .offset = offset,
          .file = file,
          .name = "/lib/x"};
}

TEST(ImageStart, IsWhereTheFirstByteOfTheFileIs) {
  ImageStart start;
  EXPECT_EQ(start.Of(Of(1, 0x10000, 0)), 0x10000u);
  EXPECT_EQ(start.Of(Of(1, 0x11000, 0x1000)), 0x10000u);
  EXPECT_EQ(start.Of(Of(0, 0x12000, 0)), 0u) << "no file";
  EXPECT_EQ(start.Of(Of(1, 0x13000, 0x2000)), 0x10000u);
  EXPECT_EQ(start.Of(Of(2, 0x14000, 0x1000)), 0u) << "its beginning is not mapped";
}

// lld, of a program that is smaller than a page: what is constant, what is code and what is written
// are the same page of the file.
TEST(ImageStart, OfASmallFileIsTheFirstMapping) {
  ImageStart start;
  for (const uintptr_t begin : {0x10000, 0x11000, 0x12000}) {
    EXPECT_EQ(start.Of(Of(1, begin, 0)), 0x10000u);
  }
  EXPECT_EQ(start.Of(Of(1, 0x13000, 0x1000)), 0x10000u);
}

TEST(ImageStart, OfAFileThatIsLoadedTwiceAreTwo) {
  ImageStart start;
  EXPECT_EQ(start.Of(Of(1, 0x10000, 0)), 0x10000u);
  EXPECT_EQ(start.Of(Of(1, 0x11000, 0x1000)), 0x10000u);
  EXPECT_EQ(start.Of(Of(1, 0x12000, 0)), 0x12000u) << "right behind the first one's end";
  EXPECT_EQ(start.Of(Of(1, 0x20000, 0)), 0x20000u);
}

}  // namespace
}  // namespace bartizan::platform
