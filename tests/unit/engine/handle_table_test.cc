// The table of handles alone: tables of their own, and addresses that nobody looks at for blocks.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <bit>
#include <unordered_set>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/process_memory.h"
#include "tests/unit/engine/handle_table_under_test.h"

namespace bartizan {
namespace {

TEST(HandleTable, AnEmptyOneResolvesNothing) {
  HandleTable table;
  for (unsigned bit = 0; bit < 64; ++bit) {
    EXPECT_EQ(table.Resolve(uint64_t{1} << bit), nullptr);
    EXPECT_EQ(table.Free(uint64_t{1} << bit), Freed::kNone);
    EXPECT_EQ(table.Unpin(uint64_t{1} << bit), Unpinned::kWrong);
  }
  EXPECT_EQ(table.Resolve(0), nullptr);
  EXPECT_EQ(table.Resolve(~uint64_t{0}), nullptr);
}

// Entries that were never used: an index, and the tag that zeroed memory has.
TEST(HandleTable, FreshEntriesResolveToNothing) {
  HandleTable table(kSmall);
  const uint64_t handle = Issue(table, 1);
  void* block = nullptr;
  for (uint64_t index = 0; index < kSmall; ++index) {
    if (index == IndexOf(handle)) continue;
    for (uint64_t tag : {uint64_t{0}, uint64_t{1}, TagOf(handle)}) {
      const uint64_t other = index << HandleTable::kTagBits | tag;
      EXPECT_EQ(table.Resolve(other), nullptr);
      EXPECT_EQ(table.Pin(other, &block), Pinned::kNone);
      EXPECT_EQ(table.Free(other), Freed::kNone);
      EXPECT_EQ(table.Unpin(other), Unpinned::kWrong);
    }
  }
}

TEST(HandleTable, ResolvesToTheBlockUntilItIsFreed) {
  HandleTable table(kSmall);
  const uint64_t handle = Issue(table, 77, 12);
  EXPECT_NE(handle, 0u);
  EXPECT_EQ(table.Resolve(handle), Address(77));
  EXPECT_EQ(table.Free(handle), Freed::kNow);
  EXPECT_EQ(table.Resolve(handle), nullptr);
  EXPECT_EQ(table.BlockOf(handle).block, Address(77));
  EXPECT_EQ(table.BlockOf(handle).distance_log, 12u);
  EXPECT_EQ(table.Free(handle), Freed::kNone);
  table.GiveBack(handle);
  EXPECT_EQ(table.Resolve(handle), nullptr);
  EXPECT_EQ(table.Free(handle), Freed::kNone);
}

// One entry, used again and again: each handle is another one and none of the old ones is live.
TEST(HandleTable, NoHandleComesBack) {
  HandleTable table;
  std::vector<uint64_t> old;
  std::unordered_set<uint64_t> seen;
  for (uint64_t i = 0; i < 200'000; ++i) {
    const uint64_t handle = Issue(table, i + 1);
    ASSERT_TRUE(seen.insert(handle).second) << i;
    ASSERT_EQ(table.Resolve(handle), Address(i + 1));
    for (size_t back = 1; back <= old.size() && back <= 1u << 16; back *= 2) {
      ASSERT_EQ(table.Resolve(old[old.size() - back]), nullptr);
    }
    FreeAndGiveBack(table, handle);
    old.push_back(handle);
  }
  EXPECT_EQ(IndexOf(old.front()), IndexOf(old.back())) << "the entry was not used again";
  const uint64_t live = Issue(table, 1);
  for (uint64_t handle : old) ASSERT_EQ(table.Resolve(handle), nullptr);
  EXPECT_EQ(table.Resolve(live), Address(1));
}

// --- What is certain ----------------------------------------------------------------------------

std::vector<uint64_t> IssueAll(HandleTable& table, uint32_t entries) {
  std::vector<uint64_t> handles(entries, 0);
  for (uint32_t i = 1; i < entries; ++i) {
    const uint64_t handle = Issue(table, i);
    handles[IndexOf(handle)] = handle;
  }
  return handles;
}

// With all entries in use, every single-bit error of every handle.
TEST(HandleTable, NoBitCanBeTurnedOver) {
  HandleTable table(4096);
  const std::vector<uint64_t> handles = IssueAll(table, 4096);
  void* block = nullptr;
  for (uint32_t i = 1; i < 4096; ++i) {
    ASSERT_NE(table.Resolve(handles[i]), nullptr) << i;
    for (unsigned bit = 0; bit < 64; ++bit) {
      const uint64_t turned = handles[i] ^ uint64_t { 1 } << bit;
      ASSERT_EQ(table.Resolve(turned), nullptr) << i << " " << bit;
      ASSERT_EQ(table.Pin(turned, &block), Pinned::kNone) << i << " " << bit;
      ASSERT_EQ(table.Free(turned), Freed::kNone) << i << " " << bit;
    }
  }
}

// That it is no matter of chance: a bit of the tag differs wherever the index differs in an odd
// number of bits. Within one entry, tags are compared whole.
TEST(HandleTable, TagsOfIndicesThatDifferByAnOddNumberOfBitsDiffer) {
  HandleTable table(4096);
  const std::vector<uint64_t> handles = IssueAll(table, 4096);
  for (uint32_t i = 1; i < 4096; ++i) {
    for (uint32_t j = 1; j < 4096; ++j) {
      if (std::popcount(i ^ j) % 2 == 0) continue;
      ASSERT_EQ((handles[i] ^ handles[j]) & 1, 1u) << i << " " << j;
    }
  }
}

// Freed and pinned still, in every state that a word can have.
TEST(HandleTable, NoBitCanBeTurnedOverWhilePinned) {
  HandleTable table(kSmall);
  const uint64_t handle = Issue(table, 5);
  void* block = nullptr;
  for (int pins = 0; pins < 5; ++pins) ASSERT_EQ(table.Pin(handle, &block), Pinned::kDone);
  for (bool freed : {false, true}) {
    if (freed) {
      ASSERT_EQ(table.Free(handle), Freed::kLater);
    }
    for (unsigned bit = 0; bit < 64; ++bit) {
      const uint64_t turned = handle ^ uint64_t { 1 } << bit;
      ASSERT_EQ(table.Resolve(turned), nullptr) << bit;
      ASSERT_EQ(table.Unpin(turned), Unpinned::kWrong) << bit;
      ASSERT_EQ(table.Free(turned), Freed::kNone) << bit;
    }
  }
}

// --- Bounds -------------------------------------------------------------------------------------

TEST(HandleTable, AllEntriesButTheFirstServe) {
  HandleTable table(kSmall);
  std::vector<uint64_t> handles = IssueAll(table, kSmall);
  uint32_t index = 0;
  EXPECT_EQ(table.Take(&index), Taken::kUsedUp);
  for (uint32_t i = 1; i < kSmall; ++i) EXPECT_NE(table.Resolve(handles[i]), nullptr);
  FreeAndGiveBack(table, handles[100]);
  EXPECT_EQ(IndexOf(Issue(table, 1)), 100u);
  EXPECT_EQ(table.Take(&index), Taken::kUsedUp);
}

TEST(HandleTable, AnEntryThatIsReturnedServesOthers) {
  HandleTable table(kSmall);
  for (uint32_t i = 0; i < 10 * kSmall; ++i) {
    uint32_t index = 0;
    ASSERT_EQ(table.Take(&index), Taken::kDone);
    table.Return(index);
  }
  EXPECT_EQ(table.retired(), 0u);
}

// Each entry issues as many handles as there are generations, and is then retired, not begun anew.
TEST(HandleTable, EntriesAreRetiredAndNeverBegunAnew) {
  constexpr uint64_t kGenerations = 5;
  HandleTable table(kSmall, kGenerations);
  std::unordered_set<uint64_t> seen;
  uint32_t index = 0;
  while (table.Take(&index) == Taken::kDone) {
    const uint64_t handle = table.Publish(index, {Address(1), 4});
    ASSERT_TRUE(seen.insert(handle).second);
    ASSERT_EQ(table.Resolve(handle), Address(1));
    FreeAndGiveBack(table, handle);
  }
  EXPECT_EQ(seen.size(), (kSmall - 1) * kGenerations);
  EXPECT_EQ(table.retired(), kSmall - 1);
  EXPECT_EQ(table.Take(&index), Taken::kUsedUp);
  for (uint64_t handle : seen) ASSERT_EQ(table.Resolve(handle), nullptr);
}

TEST(HandleTable, GrowsWithoutMovingWhatThereIs) {
  HandleTable table;
  constexpr uint64_t kMany = 300'000;
  std::vector<uint64_t> handles;
  for (uint64_t i = 0; i < kMany; ++i) handles.push_back(Issue(table, i + 1));
  for (uint64_t i = 0; i < kMany; ++i) ASSERT_EQ(table.Resolve(handles[i]), Address(i + 1));
  for (uint64_t handle : handles) FreeAndGiveBack(table, handle);
  const uint64_t again = Issue(table, 1);
  EXPECT_LE(IndexOf(again), kMany) << "freed entries are not used again";
}

// With less address space than all entries want, there are fewer.
TEST(HandleTable, ServesWithinALimitOfAddressSpace) {
  const test::Ending ending = test::RunInChild("limit of address space", [] {
    constexpr size_t kMore = size_t{64} << 20;
    rlimit limit = {};
    limit.rlim_cur = limit.rlim_max = test::Statm(0) + kMore;
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
    HandleTable table;
    uint32_t index = 0;
    if (table.Take(&index) != Taken::kDone) _exit(2);
    const uint64_t handle = table.Publish(index, {Address(7), 4});
    if (table.Resolve(handle) != Address(7)) _exit(3);
    // Less than the least: none, and no end of the process.
    limit.rlim_cur = limit.rlim_max = 0;
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(4);
    HandleTable other;
    if (other.Take(&index) != Taken::kRefused) _exit(5);
  });
  EXPECT_TRUE(ending.Clean()) << ending.Kind() << " " << ending.Number();
}

// --- Pins ---------------------------------------------------------------------------------------

TEST(HandleTable, AFreeWaitsForTheLastUnpin) {
  HandleTable table(kSmall);
  const uint64_t handle = Issue(table, 9);
  void* block = nullptr;
  ASSERT_EQ(table.Pin(handle, &block), Pinned::kDone);
  EXPECT_EQ(block, Address(9));
  ASSERT_EQ(table.Pin(handle, &block), Pinned::kDone);
  EXPECT_EQ(table.Unpin(handle), Unpinned::kDone);
  EXPECT_EQ(table.Free(handle), Freed::kLater);
  EXPECT_EQ(table.Resolve(handle), nullptr);
  EXPECT_EQ(table.Pin(handle, &block), Pinned::kNone);
  EXPECT_EQ(table.Free(handle), Freed::kNone);
  EXPECT_EQ(table.BlockOf(handle).block, Address(9));
  EXPECT_EQ(table.Unpin(handle), Unpinned::kLast);
  EXPECT_EQ(table.Unpin(handle), Unpinned::kWrong);
  table.GiveBack(handle);
  EXPECT_EQ(table.Unpin(handle), Unpinned::kWrong);
  const uint64_t again = Issue(table, 10);
  ASSERT_EQ(IndexOf(again), IndexOf(handle));
  ASSERT_EQ(table.Pin(again, &block), Pinned::kDone);
  EXPECT_EQ(table.Unpin(handle), Unpinned::kWrong) << "the pin of another handle was undone";
  EXPECT_EQ(table.Unpin(again), Unpinned::kDone);
}

TEST(HandleTable, PinsEndAtTheirNumber) {
  HandleTable table(kSmall);
  const uint64_t handle = Issue(table, 9);
  void* block = nullptr;
  for (uint64_t i = 0; i < HandleTable::kMostPins; ++i) {
    ASSERT_EQ(table.Pin(handle, &block), Pinned::kDone) << i;
  }
  EXPECT_EQ(table.Pin(handle, &block), Pinned::kTooMany);
  EXPECT_EQ(table.Resolve(handle), Address(9));
  EXPECT_EQ(table.Free(handle), Freed::kLater);
  for (uint64_t i = 1; i < HandleTable::kMostPins; ++i) {
    ASSERT_EQ(table.Unpin(handle), Unpinned::kDone) << i;
  }
  EXPECT_EQ(table.Unpin(handle), Unpinned::kLast);
}

}  // namespace
}  // namespace bartizan
