#include "tools/cli/library_location.h"

#include "tests/cli/scratch_folder.h"

namespace bartizan::cli {
namespace {

// A position-independent executable has the headers of a shared library.
constexpr char kSharedObject[] = "/proc/self/exe";

using LibraryLocation = ScratchFolder;

TEST_F(LibraryLocation, IsNextToAnInstalledCommand) {
  const std::string library = Copy(kSharedObject, "usr/lib/libbartizan.so");
  const auto location = LocateLibrary("", Write("usr/bin/bartizan", ""));
  EXPECT_EQ(location.path, library);
  EXPECT_EQ(location.problem, "");
}

TEST_F(LibraryLocation, IsTwoFoldersUpWhereBazelBuilds) {
  const std::string library = Copy(kSharedObject, "bin/libbartizan.so");
  EXPECT_EQ(LocateLibrary("", Write("bin/tools/cli/bartizan", "")).path, library);
}

TEST_F(LibraryLocation, IsNotTwoFoldersUpElsewhere) {
  Copy(kSharedObject, "libbartizan.so");
  const std::string command = Write("my/bin/bartizan", "");
  const auto location = LocateLibrary("", command);
  EXPECT_EQ(location.path, "");
  EXPECT_EQ(location.problem,
            "libbartizan.so is not where it should be: " + Path("my/bin/../lib/libbartizan.so") +
                "; build it (bazel build //:bartizan) or name it with --library=PATH");
}

TEST_F(LibraryLocation, CanBeNamed) {
  const std::string library = Copy(kSharedObject, "any.so");
  std::filesystem::create_symlink(library, Path("link.so"));
  EXPECT_EQ(LocateLibrary(Path("link.so"), "/nowhere/bartizan").path, library);
  EXPECT_EQ(LocateLibrary(Path("none.so"), "/nowhere/bartizan").problem,
            "--library=" + Path("none.so") + ": No such file or directory");
}

TEST_F(LibraryLocation, MustBeASharedLibrary) {
  const std::string text = Write("text.so", "not a library");
  EXPECT_EQ(LocateLibrary(text, "").problem, text + " is not a shared library of this machine");
  EXPECT_EQ(LocateLibrary(folder_, "").problem,
            folder_ + " is not a shared library of this machine");
}

TEST_F(LibraryLocation, MustHaveAPathThatLdPreloadCanSay) {
  const std::string library = Copy(kSharedObject, "a folder/libbartizan.so");
  EXPECT_EQ(LocateLibrary(library, "").problem,
            library +
                ": LD_PRELOAD separates paths by blanks and colons, so this one cannot be "
                "preloaded; put the library elsewhere");
}

}  // namespace
}  // namespace bartizan::cli
