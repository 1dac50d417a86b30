#include "src/metadata/stack_table.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace bartizan {
namespace {

using Stack = std::vector<uintptr_t>;

// Kept mapped when a test ends, as that of a process is.
std::unique_ptr<StackTable> Small() {
  return std::make_unique<StackTable>(StackTable::kLeastBytes);
}

Stack Numbered(uintptr_t number, size_t frames) {
  Stack stack(frames);
  for (size_t i = 0; i < frames; ++i) stack[i] = 0x400000 + number * 1000 + i;
  return stack;
}

Stack Read(const StackTable& table, StackId id) {
  Stack stack(StackTable::kMostFrames + 1);
  stack.resize(table.Frames(id, stack.data(), stack.size()));
  return stack;
}

StackId Insert(StackTable& table, const Stack& stack) {
  return table.Insert(stack.data(), stack.size());
}

TEST(StackTable, KeepsEachStackOnce) {
  const auto table = Small();
  std::map<StackId, Stack> stacks;
  for (uintptr_t n = 0; n < 200; ++n) {
    const Stack stack = Numbered(n % 20, 1 + n % 20);
    const StackId id = Insert(*table, stack);
    ASSERT_NE(id, 0u);
    stacks.insert({id, stack});
    EXPECT_EQ(stacks[id], stack);
  }
  EXPECT_EQ(stacks.size(), 20u);
  EXPECT_EQ(table->stacks(), 20u);
  for (const auto& [id, stack] : stacks) EXPECT_EQ(Read(*table, id), stack);
  EXPECT_EQ(table->refused(), 0u);
}

TEST(StackTable, TellsApartWhatDiffersInOneFrameOrInLength) {
  const auto table = Small();
  const Stack stack = Numbered(1, 8);
  std::vector<StackId> ids = {Insert(*table, stack)};
  for (size_t i = 0; i < stack.size(); ++i) {
    Stack other = stack;
    other[i] += 1;
    ids.push_back(Insert(*table, other));
  }
  ids.push_back(table->Insert(stack.data(), 7));
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
  EXPECT_NE(ids.front(), 0u);
}

TEST(StackTable, NoFramesAreNoStack) {
  const auto table = Small();
  EXPECT_EQ(table->Insert(nullptr, 0), 0u);
  EXPECT_EQ(table->refused(), 0u);
}

TEST(StackTable, LongStacksAreCut) {
  const auto table = Small();
  const Stack stack = Numbered(1, StackTable::kMostFrames + 10);
  const StackId id = Insert(*table, stack);
  EXPECT_EQ(Read(*table, id), Stack(stack.begin(), stack.begin() + StackTable::kMostFrames));
}

TEST(StackTable, CopiesNoMoreThanThereIsRoomFor) {
  const auto table = Small();
  const StackId id = Insert(*table, Numbered(1, 8));
  uintptr_t frames[4] = {1, 1, 1, 1};
  EXPECT_EQ(table->Frames(id, frames, 3), 3u);
  EXPECT_EQ(frames[2], 0x400000u + 1000 + 2);
  EXPECT_EQ(frames[3], 1u);
}

TEST(StackTable, WrongNumbersNameNothing) {
  const auto table = Small();
  uintptr_t frames[StackTable::kMostFrames];
  EXPECT_EQ(table->Frames(1, frames, 64), 0u);  // nothing is there yet
  const StackId id = Insert(*table, Numbered(1, StackTable::kMostFrames));
  for (const StackId wrong : {StackId{0}, StackId{1}, id - 1, id + 1000, ~StackId{0}}) {
    EXPECT_EQ(table->Frames(wrong, frames, 64), 0u) << wrong;
  }
  // In the middle of a stack, where a frame is taken for its length.
  for (StackId inside = id + 1; inside < id + 33; ++inside) {
    EXPECT_LE(table->Frames(inside, frames, 64), StackTable::kMostFrames);
  }
}

TEST(StackTable, AFullTableKeepsWhatItHasAndCounts) {
  const auto table = Small();
  std::vector<StackId> ids;
  uintptr_t n = 0;
  for (;; ++n) {
    const StackId id = Insert(*table, Numbered(n, 32));
    if (id == 0) break;
    ids.push_back(id);
    ASSERT_LT(n, StackTable::kLeastBytes);
  }
  EXPECT_GT(ids.size(), StackTable::kLeastBytes / 320);
  EXPECT_LE(table->used_bytes(), StackTable::kLeastBytes);
  EXPECT_EQ(table->refused(), 1u);
  EXPECT_EQ(Insert(*table, Numbered(n + 1, 32)), 0u);
  EXPECT_EQ(table->refused(), 2u);
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(Read(*table, ids[i]), Numbered(i, 32));
    ASSERT_EQ(Insert(*table, Numbered(i, 32)), ids[i]);
  }
  EXPECT_EQ(table->refused(), 2u);
}

TEST(StackTable, KeepsErrno) {
  const auto table = Small();
  errno = 77;
  Insert(*table, Numbered(1, 3));
  EXPECT_EQ(errno, 77);
}

TEST(StackTable, IsTheSameInAForkChild) {
  const auto table = Small();
  const StackId id = Insert(*table, Numbered(1, 5));
  const pid_t child = fork();
  if (child == 0) {
    const bool same = Read(*table, id) == Numbered(1, 5) && Insert(*table, Numbered(1, 5)) == id &&
                      Insert(*table, Numbered(2, 5)) != 0;
    _exit(same ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(table->stacks(), 1u);
}

TEST(StackTable, IsReadFromElsewhere) {
  const auto table = Small();
  const Stack stack = Numbered(1, 9);
  const StackId id = Insert(*table, stack);
  const auto place = reinterpret_cast<uintptr_t>(table.get());
  int reads_left = 100;
  const auto read = [&reads_left](uintptr_t from, void* to, size_t bytes) {
    if (reads_left-- == 0) return false;
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    return true;
  };
  uintptr_t frames[StackTable::kMostFrames];
  ASSERT_EQ(StackTable::FramesElsewhere(read, place, id, frames, 64), 9u);
  EXPECT_EQ(Stack(frames, frames + 9), stack);
  EXPECT_EQ(StackTable::FramesElsewhere(read, place, id, frames, 4), 4u);
  EXPECT_EQ(StackTable::FramesElsewhere(read, place, 0, frames, 64), 0u);
  EXPECT_EQ(StackTable::FramesElsewhere(read, place, ~StackId{0}, frames, 64), 0u);
  for (int reads = 0; reads < 3; ++reads) {
    reads_left = reads;
    EXPECT_EQ(StackTable::FramesElsewhere(read, place, id, frames, 64), 0u) << reads;
  }
}

TEST(StackTable, CountsByStack) {
  const auto table = Small();
  const StackId first = Insert(*table, Numbered(1, 9));
  const StackId second = Insert(*table, Numbered(2, 5));
  table->CountAllocated(first, 10, 1000);
  table->CountAllocated(first, 1, 7);
  table->CountFreed(first, 10, 1000);
  table->CountAllocated(0, 3, 30);
  const auto read = [](uintptr_t from, void* to, size_t bytes) {
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    return true;
  };
  std::map<StackId, std::vector<uint64_t>> counts;
  std::map<StackId, Stack> stacks;
  const auto place = reinterpret_cast<uintptr_t>(table.get());
  ASSERT_TRUE(StackTable::VisitElsewhere(read, place, [&](const StackTable::Visited& stack) {
    counts[stack.id] = {stack.allocated_blocks, stack.allocated_bytes, stack.freed_blocks,
                        stack.freed_bytes};
    stacks[stack.id] = Stack(stack.frames, stack.frames + stack.count);
  }));
  const std::map<StackId, std::vector<uint64_t>> expected = {
      {0, {3, 30, 0, 0}}, {first, {11, 1007, 10, 1000}}, {second, {0, 0, 0, 0}}};
  EXPECT_EQ(counts, expected);
  EXPECT_EQ(stacks[first], Numbered(1, 9));
  EXPECT_EQ(stacks[second], Numbered(2, 5));
}

// Threads meet the same stacks in another order each: all get the same numbers, and every stack is
// there once.
TEST(StackTable, ThreadsAgree) {
  constexpr int kThreads = 4;
  constexpr uintptr_t kStacks = 1000;
  StackTable table(StackTable::kMostBytes);
  Insert(table, Numbered(kStacks, 3));
  std::vector<std::vector<StackId>> ids(kThreads, std::vector<StackId>(kStacks));
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      ready.fetch_add(1);
      while (ready.load() < kThreads) {
      }
      for (uintptr_t i = 0; i < kStacks; ++i) {
        const uintptr_t n = t % 2 == 0 ? i : kStacks - 1 - i;
        ids[static_cast<size_t>(t)][n] = Insert(table, Numbered(n, 1 + n % 40));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 1; t < kThreads; ++t) EXPECT_EQ(ids[static_cast<size_t>(t)], ids[0]);
  EXPECT_EQ(table.stacks(), kStacks + 1);
  EXPECT_EQ(table.refused(), 0u);
  for (uintptr_t n = 0; n < kStacks; ++n) {
    ASSERT_EQ(Read(table, ids[0][n]), Numbered(n, 1 + n % 40));
  }
}

}  // namespace
}  // namespace bartizan
