#include "src/report/stack_text.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace bartizan {
namespace {

using testing::MatchesRegex;

void Here() {}

std::string Written(void (*write)(Output& out, const uintptr_t* frames, size_t count, bool names),
                    const uintptr_t* frames, size_t count, bool names = false) {
  std::string text;
  Output out([](void* to, std::string_view part) { *static_cast<std::string*>(to) += part; },
             &text);
  write(out, frames, count, names);
  out.Flush();
  return text;
}

uintptr_t OfThisProgram() { return reinterpret_cast<uintptr_t>(&Here); }
uintptr_t OfTheCLibrary() { return reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, "getpid")); }

TEST(StackText, TellsModuleAndOffset) {
  const uintptr_t frames[] = {OfThisProgram(), OfTheCLibrary()};
  const FramePlaces places(frames, 2, false);
  ASSERT_EQ(places.count(), 2u);
  Dl_info program;
  Dl_info library;
  ASSERT_NE(dladdr(reinterpret_cast<void*>(frames[0]), &program), 0);
  ASSERT_NE(dladdr(reinterpret_cast<void*>(frames[1]), &library), 0);
  EXPECT_EQ(places.At(0).offset, frames[0] - reinterpret_cast<uintptr_t>(program.dli_fbase));
  EXPECT_EQ(places.At(1).offset, frames[1] - reinterpret_cast<uintptr_t>(library.dli_fbase));
  EXPECT_THAT(std::string(places.At(0).module), MatchesRegex(".*/stack_text_test"));
  EXPECT_THAT(std::string(places.At(1).module), MatchesRegex(".*/libc[.-].*"));
  EXPECT_THAT(std::string(places.At(1).build_id), MatchesRegex("[0-9a-f]{40}"));
}

TEST(StackText, OneLineForEachFrame) {
  const uintptr_t frames[] = {OfTheCLibrary(), 0x10};
  const std::string text = Written(WriteStack, frames, 2);
  EXPECT_THAT(text, MatchesRegex("    #0 0x[0-9a-f]+ \\(/.*libc.*\\+0x[0-9a-f]+\\) "
                                 "\\(BuildId: [0-9a-f]{40}\\)\n    #1 0x10\n"));
}

TEST(StackText, NoFramesAreNoText) { EXPECT_EQ(Written(WriteStack, nullptr, 0), ""); }

TEST(StackText, AsJson) {
  const uintptr_t frames[] = {OfTheCLibrary(), 0x10};
  const std::string text = Written(WriteStackJson, frames, 2);
  EXPECT_THAT(text, MatchesRegex("\\[\\{\"address\": \"0x[0-9a-f]+\", \"module\": \"/.*libc.*\", "
                                 "\"offset\": \"0x[0-9a-f]+\", \"build_id\": \"[0-9a-f]{40}\"\\}, "
                                 "\\{\"address\": \"0x10\"\\}\\]"));
  EXPECT_EQ(Written(WriteStackJson, nullptr, 0), "[]");
}

// Of this program, the function is nobody else's; of the library, all that is left are those which
// others may call.
TEST(StackText, NamesFunctions) {
  const uintptr_t frames[] = {OfThisProgram(), OfTheCLibrary(), 0x10};
  const FramePlaces places(frames, 3, true);
  EXPECT_THAT(std::string(places.At(0).function), MatchesRegex("_ZN8bartizan.*Here.*"));
  EXPECT_THAT(std::string(places.At(1).function), MatchesRegex("(__)?getpid"));
  EXPECT_EQ(places.At(2).function, "");
}

TEST(StackText, WritesNames) {
  const uintptr_t frames[] = {OfTheCLibrary()};
  EXPECT_THAT(Written(WriteStack, frames, 1, true),
              MatchesRegex("    #0 0x[0-9a-f]+ in _*getpid \\(/.*libc.*\n"));
  EXPECT_THAT(Written(WriteStackJson, frames, 1, true),
              MatchesRegex("\\[\\{\"address\": \"0x[0-9a-f]+\", \"function\": \"_*getpid\", "
                           "\"module\": .*\\}\\]"));
}

// As in a signal handler that interrupted a report.
TEST(StackText, OneAtATime) {
  const uintptr_t frames[] = {OfThisProgram()};
  {
    const FramePlaces first(frames, 1, false);
    const FramePlaces second(frames, 1, false);
    EXPECT_FALSE(first.At(0).module.empty());
    EXPECT_TRUE(second.At(0).module.empty());
    EXPECT_EQ(second.At(0).address, frames[0]);
  }
  const FramePlaces third(frames, 1, false);
  EXPECT_FALSE(third.At(0).module.empty());
}

TEST(StackText, NoMoreThanThereIsRoomFor) {
  uintptr_t frames[FramePlaces::kMostPlaces + 1];
  for (uintptr_t& frame : frames) frame = OfThisProgram();
  const FramePlaces places(frames, std::size(frames), false);
  EXPECT_EQ(places.count(), FramePlaces::kMostPlaces);
  EXPECT_FALSE(places.At(FramePlaces::kMostPlaces - 1).module.empty());
}

}  // namespace
}  // namespace bartizan
