// Words that a child puts into memory of each kind: which of them are met.
#include "src/leaks/root_walk.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "src/platform/memory.h"
#include "tests/support/watched_process.h"

namespace bartizan::leaks {
namespace {

using platform::kPageBytes;
using test::WatchedProcess;

// In none of these is a word of the other's memory: nothing else is so large and so even.
constexpr uintptr_t Needle(uintptr_t number) { return 0x7ead'beef'0000'0000 + number; }

struct Seen {
  int counts[16] = {};
};

class RootWalkTest : public testing::Test {
 protected:
  // How often each of the needles is met.
  Seen Walk(const WatchedProcess& child, const std::vector<EngineRange>& ranges) {
    Seen seen;
    platform::StoppedProcess process(child.id());
    EXPECT_EQ(process.Stop(), 0);
    ProcessReader memory(process.reader());
    MappedArray<EngineRange> not_roots;
    for (const EngineRange& range : ranges) EXPECT_TRUE(not_roots.Push(range));
    const auto look = [](void* to, const uintptr_t* first, size_t count) {
      std::for_each(first, first + count, [to](uintptr_t word) {
        if (word - Needle(0) < 16) static_cast<Seen*>(to)->counts[word - Needle(0)]++;
      });
    };
    EXPECT_TRUE(WalkRoots(process, memory, not_roots, look, &seen));
    return seen;
  }
};

uintptr_t* Map(size_t pages, int protection = PROT_READ | PROT_WRITE, int flags = MAP_PRIVATE) {
  void* const place = mmap(nullptr, pages * kPageBytes, protection, flags | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) std::abort();
  return static_cast<uintptr_t*>(place);
}

constexpr size_t kPageWords = kPageBytes / sizeof(uintptr_t);

EngineRange RangeOf(const uintptr_t* words, size_t first, size_t last, bool own_mapping) {
  return {reinterpret_cast<uintptr_t>(words + first), reinterpret_cast<uintptr_t>(words + last),
          own_mapping};
}

// Of its own, between two that cannot be accessed, so that it is not merged with another.
uintptr_t* MapAlone(size_t pages) {
  uintptr_t* const whole = Map(pages + 2, PROT_NONE);
  uintptr_t* const place = whole + kPageWords;
  if (mprotect(place, pages * kPageBytes, PROT_READ | PROT_WRITE) != 0) std::abort();
  return place;
}

TEST_F(RootWalkTest, WordsBesideWhatIsNotTheProgramsAreMet) {
  uintptr_t* const words = MapAlone(8);
  const WatchedProcess child([words] {
    for (size_t i = 0; i < 8; ++i) words[i * kPageWords + 7] = Needle(i);
  });
  const Seen all = Walk(child, {});
  EXPECT_EQ(std::vector<int>(all.counts, all.counts + 8), std::vector<int>(8, 1));
  // In any order, one in another, one beside another; a word before and one behind its needle.
  const Seen seen = Walk(child, {RangeOf(words, 4 * kPageWords, 6 * kPageWords, false),
                                 RangeOf(words, kPageWords + 7, kPageWords + 8, false),
                                 RangeOf(words, 5 * kPageWords, 5 * kPageWords + 9, false),
                                 RangeOf(words, 2 * kPageWords, 2 * kPageWords + 7, false),
                                 RangeOf(words, 3 * kPageWords + 8, 4 * kPageWords, false)});
  EXPECT_EQ(std::vector<int>(seen.counts, seen.counts + 8),
            (std::vector<int>{1, 0, 1, 1, 0, 0, 1, 1}));
}

// Records that were used before lie there, too, with addresses of blocks that have others by now.
TEST_F(RootWalkTest, NothingInAMappingOfRecordsIsMet) {
  uintptr_t* const words = MapAlone(4);
  uintptr_t* const others = MapAlone(4);
  const WatchedProcess child([words, others] {
    for (size_t i = 0; i < 4; ++i) {
      words[i * kPageWords + 7] = Needle(i);
      others[i * kPageWords + 7] = Needle(4 + i);
    }
  });
  const Seen seen = Walk(child, {RangeOf(words, 2 * kPageWords, 2 * kPageWords + 1, true)});
  EXPECT_EQ(std::vector<int>(seen.counts, seen.counts + 8),
            (std::vector<int>{0, 0, 0, 0, 1, 1, 1, 1}));
}

TEST_F(RootWalkTest, WhatMayNotBeReadIsNotMet) {
  uintptr_t* const words = MapAlone(5);
  uintptr_t* const shared = Map(1, PROT_READ | PROT_WRITE, MAP_SHARED);
  const WatchedProcess child([words, shared] {
    for (size_t i = 0; i < 5; ++i) words[i * kPageWords] = Needle(i);
    shared[3] = Needle(5);
    mprotect(words + kPageWords, kPageBytes, PROT_NONE);
    mprotect(words + 3 * kPageWords, kPageBytes, PROT_READ);
  });
  const Seen seen = Walk(child, {});
  EXPECT_EQ(std::vector<int>(seen.counts, seen.counts + 6), (std::vector<int>{1, 0, 1, 1, 1, 1}));
}

TEST_F(RootWalkTest, AProcessThatHasEndedHasNoMappings) {
  const WatchedProcess child([] {});
  platform::StoppedProcess process(child.id());
  ASSERT_EQ(process.Stop(), 0);
  ProcessReader memory(process.reader());
  child.End();
  MappedArray<EngineRange> not_roots;
  EXPECT_FALSE(
      WalkRoots(process, memory, not_roots, [](void*, const uintptr_t*, size_t) {}, nullptr));
}

}  // namespace
}  // namespace bartizan::leaks
