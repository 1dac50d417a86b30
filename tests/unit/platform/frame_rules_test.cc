#include "src/platform/frame_rules.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "src/platform/readable_memory.h"
#include "tests/unit/platform/unwound_code.h"

namespace bartizan::platform {
namespace {

// The rule of a place that is looked at for the first time in the process, with no file to be had.
TEST(FrameRule, NothingIsOpenedForCodeThatWasThere) {
  const pid_t child = fork();
  if (child == 0) {
    PrepareFrameRules();
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NOFILE, &none);
    const FrameRule rule = RuleOf(reinterpret_cast<uintptr_t>(&CallWithLargeFrame) + 7);
    _exit(rule.kind == FrameKind::kFromSp && rule.frame == 1000016 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(FrameRule, OfCodeThatIsNone) {
  static const int number = 1;
  EXPECT_EQ(RuleOf(reinterpret_cast<uintptr_t>(&number)).kind, FrameKind::kNotCode);
  EXPECT_EQ(RuleOf(0).kind, FrameKind::kNotCode);
  EXPECT_EQ(RuleOf(~uintptr_t{0}).kind, FrameKind::kNotCode);
}

TEST(FrameRule, OfAFunctionsFirstInstruction) {
  const FrameRule rule = RuleOf(reinterpret_cast<uintptr_t>(&CallWithoutFramePointer));
  EXPECT_EQ(rule.kind, FrameKind::kFromSp);
  EXPECT_EQ(rule.frame, 8);
  EXPECT_EQ(rule.fp, 0);
  EXPECT_FALSE(rule.own);  // it is linked into the program
}

// More places than the table of rules has room for, asked about twice.
TEST(FrameRule, OfPlacesThatShareAnEntry) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(&CallWithFramePointer);
  const uintptr_t other = reinterpret_cast<uintptr_t>(&qsort);
  for (int round = 0; round < 2; ++round) {
    for (uintptr_t i = 0; i < 20000; ++i) RuleOf(other + i);
    EXPECT_EQ(RuleOf(begin + 1).frame, 16);
    EXPECT_EQ(RuleOf(begin + 1).kind, FrameKind::kFromSp);
    EXPECT_EQ(RuleOf(begin + 7).frame, 8);
  }
}

// Of both of a function's ends the tables hold.
TEST(FrameRule, OfEachInstruction) {
  const auto begin = reinterpret_cast<uintptr_t>(&CallWithFramePointer);
  EXPECT_EQ(RuleOf(begin).frame, 8);       // push
  EXPECT_EQ(RuleOf(begin + 1).frame, 16);  // mov
  EXPECT_EQ(RuleOf(begin + 1).kind, FrameKind::kFromSp);
  EXPECT_EQ(RuleOf(begin + 4).kind, FrameKind::kFromFp);  // call
  EXPECT_EQ(RuleOf(begin + 6).kind, FrameKind::kFromFp);  // pop
  EXPECT_EQ(RuleOf(begin + 7).kind, FrameKind::kFromSp);  // ret
  EXPECT_EQ(RuleOf(begin + 7).frame, 8);
}

TEST(FrameRule, IsTheSameWhenItIsKnown) {
  const auto place = reinterpret_cast<uintptr_t>(&CallWithFramePointer) + 4;
  const FrameRule first = RuleOf(place);
  const FrameRule again = RuleOf(place);
  EXPECT_EQ(first.kind, again.kind);
  EXPECT_EQ(first.frame, again.frame);
  EXPECT_EQ(first.fp, again.fp);
  EXPECT_EQ(first.own, again.own);
  EXPECT_EQ(again.fp, -16);
  EXPECT_EQ(again.frame, 16);
}

TEST(ReadableMemoryTest, TellsWhatIsThere) {
  uintptr_t word = 0;
  const uintptr_t here = 5;
  ReadableMemory memory;
  EXPECT_TRUE(memory.Read(reinterpret_cast<uintptr_t>(&here), &word));
  EXPECT_EQ(word, 5u);
  EXPECT_FALSE(memory.Read(reinterpret_cast<uintptr_t>(&here) + 1, &word));
  EXPECT_FALSE(memory.Read(0, &word));
  EXPECT_FALSE(memory.Read(~uintptr_t{7}, &word));
  void* const page = mmap(nullptr, kPageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_FALSE(memory.Read(reinterpret_cast<uintptr_t>(page), &word));
  mprotect(page, kPageBytes, PROT_READ);
  EXPECT_TRUE(memory.Read(reinterpret_cast<uintptr_t>(page), &word));
  munmap(page, kPageBytes);
}

}  // namespace
}  // namespace bartizan::platform
