#include "tools/cli/preload_list.h"

#include <gtest/gtest.h>

namespace bartizan::cli {
namespace {

TEST(PreloadList, KnowsOurLibrariesByName) {
  EXPECT_TRUE(IsOurLibrary("libbartizan.so"));
  EXPECT_TRUE(IsOurLibrary("/usr/lib/libbartizan.so"));
  EXPECT_TRUE(IsOurLibrary("/usr/lib/libbartizan.so.0"));
  EXPECT_TRUE(IsOurLibrary("/usr/lib/libbartizan-fast.so"));
  EXPECT_FALSE(IsOurLibrary(""));
  EXPECT_FALSE(IsOurLibrary("/usr/lib/libbartizan.so/other.so"));
  EXPECT_FALSE(IsOurLibrary("/usr/lib/mylibbartizan.so"));
  EXPECT_FALSE(IsOurLibrary("/usr/lib/libbartizan.sorry"));
}

TEST(PreloadList, OursComesFirstAndOnce) {
  EXPECT_EQ(WithOurLibraryFirst("", "/o/libbartizan.so"), "/o/libbartizan.so");
  EXPECT_EQ(WithOurLibraryFirst("/a.so:/b.so", "/o/libbartizan.so"),
            "/o/libbartizan.so:/a.so:/b.so");
  EXPECT_EQ(WithOurLibraryFirst("/a.so /b.so", "/o/libbartizan.so"),
            "/o/libbartizan.so:/a.so:/b.so");
  EXPECT_EQ(WithOurLibraryFirst("/a.so:/other/libbartizan-fast.so:/o/libbartizan.so",
                                "/o/libbartizan.so"),
            "/o/libbartizan.so:/a.so");
  EXPECT_EQ(WithOurLibraryFirst("/o/renamed.so:/a.so", "/o/renamed.so"), "/o/renamed.so:/a.so");
}

TEST(PreloadList, OursIsTakenOut) {
  EXPECT_EQ(WithoutOurLibrary(""), "");
  EXPECT_EQ(WithoutOurLibrary("/o/libbartizan.so"), "");
  EXPECT_EQ(WithoutOurLibrary(":/a.so::/o/libbartizan.so /b.so "), "/a.so:/b.so");
}

}  // namespace
}  // namespace bartizan::cli
