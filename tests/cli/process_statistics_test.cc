// Another process's statistics: here this one's, read as if it were another.
#include "tools/cli/process_statistics.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bartizan/handle.h"
#include "src/api/embedded.h"
#include "src/engine/runtime.h"
#include "tools/cli/remote_memory.h"

namespace bartizan::cli {
namespace {

// All that is in them.
std::string Json(const EngineStatistics& statistics) {
  const ProcessInfo info = {};
  const auto no_heap = [](void*, HeapId, HeapStatistics*) { return false; };
  std::string text;
  const auto append = [](void* to, std::string_view part) {
    static_cast<std::string*>(to)->append(part);
  };
  Output out(append, &text);
  WriteStatisticsJson({.statistics = &statistics,
                       .info = &info,
                       .heaps = {no_heap, nullptr, 1},
                       .process = 1,
                       .program = ""},
                      out);
  out.Flush();
  return text;
}

TEST(ProcessStatistics, AreThoseThatTheProcessReadsItself) {
  std::vector<void*> blocks;
  for (size_t i = 0; i < 5000; ++i) blocks.push_back(bartizan_malloc(i * 7 % 3000));
  for (size_t i = 0; i < blocks.size(); i += 3) bartizan_free(blocks[i]);
  void* large = bartizan_malloc(10 << 20);
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  void* pinned = nullptr;
  ASSERT_EQ(bartizan_handle_malloc(10, &handle), BARTIZAN_HANDLE_OK);
  ASSERT_EQ(bartizan_handle_pin(handle, &pinned), BARTIZAN_HANDLE_OK);
  CountCatch("canaries");
  g_sample_counters.Add(Sampled::kSize, 100, 7);
  auto from_inside = std::make_unique<EngineStatistics>();
  ReadStatistics(from_inside.get());
  RemoteMemory memory(getpid());
  auto from_outside = std::make_unique<EngineStatistics>();
  WalkStatistics(memory.reader(), g_runtime.roots, from_outside.get());
  EXPECT_EQ(Json(*from_inside), Json(*from_outside));
  EXPECT_GT(from_outside->small_live_blocks, 3000u);
  EXPECT_GE(from_outside->large.live_bytes, size_t{10} << 20);
  EXPECT_EQ(from_outside->handles.live, 1u);
  EXPECT_EQ(from_outside->handles.pins, 1u);
  EXPECT_EQ(from_outside->AllCatches(), 1u);
  EXPECT_GE(from_outside->Of(Sampled::kSize).count(), 7u);
  HeapStatistics inside;
  HeapStatistics outside;
  ASSERT_TRUE(ReadHeapStatistics(1, &inside));
  ASSERT_TRUE(WalkHeap(memory.reader(), g_runtime.roots, 1, &outside));
  EXPECT_EQ(inside.cached_bytes, outside.cached_bytes);
  EXPECT_EQ(inside.quarantined_bytes, outside.quarantined_bytes);
  bartizan_handle_unpin(handle);
  bartizan_handle_free(handle);
  bartizan_free(large);
}

TEST(ProcessStatistics, AChildIsFoundByItsPage) {
  void* block = bartizan_malloc(123456);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    _exit(read(pipe_ends[0], &byte, 1) == 1 ? 0 : 1);
  }
  const StatisticsFinding found = ReadProcessStatistics(child, StatisticsRequest{});
  EXPECT_EQ(found.reading, Reading::kDone) << found.message;
  if (found.statistics != nullptr) {
    EXPECT_GE(found.statistics->statistics.small_live_bytes, 123456u);
    EXPECT_FALSE(found.statistics->statistics.incomplete);
    EXPECT_TRUE(found.statistics->knows_resident);
    EXPECT_FALSE(found.statistics->heaps.empty());
  }
  EXPECT_EQ(write(pipe_ends[1], "", 1), 1);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(ReadProcessStatistics(child, StatisticsRequest{}).reading, Reading::kCannotTell);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  bartizan_free(block);
}

TEST(ProcessStatistics, AnotherLayoutIsRefused) {
  void* block = bartizan_malloc(1);
  EngineRoots roots = g_runtime.roots;
  ProcessInfoFinding found;
  found.finding = Finding::kPageFound;
  found.info = bartizan_sealed_page.info;
  found.info.engine_roots = reinterpret_cast<uint64_t>(&roots);
  const auto reading = [&] {
    return ReadProcessStatistics(getpid(), found, StatisticsRequest{}).reading;
  };
  EXPECT_EQ(reading(), Reading::kDone);
  roots.fingerprint++;
  EXPECT_EQ(reading(), Reading::kCannotTell);
  roots = g_runtime.roots;
  roots.layout++;
  EXPECT_EQ(reading(), Reading::kCannotTell);
  roots = g_runtime.roots;
  roots.magic++;
  EXPECT_EQ(reading(), Reading::kCannotTell);
  found.info.engine_roots = 0;
  EXPECT_EQ(reading(), Reading::kCannotTell) << "a page of the first layout";
  found.info.state = StartState::kOptionsLoaded;
  EXPECT_EQ(reading(), Reading::kCannotTell);
  found.info.state = StartState::kNotStarted;
  EXPECT_EQ(reading(), Reading::kNotProtected);
  bartizan_free(block);
}

// A walk that a process leads on without end ends with what may be copied.
TEST(ProcessStatistics, AWalkEndsWithItsBudget) {
  void* block = bartizan_malloc(1);
  RemoteMemory memory(getpid(), 1 << 16);
  auto statistics = std::make_unique<EngineStatistics>();
  WalkStatistics(memory.reader(), g_runtime.roots, statistics.get());
  EXPECT_TRUE(statistics->incomplete);
  EXPECT_TRUE(memory.budget_spent());
  bartizan_free(block);
}

TEST(RemoteMemory, ReadsWhatIsThereUpToItsEnd) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto* pages = static_cast<unsigned char*>(
      mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(munmap(pages, page), 0);
  ASSERT_EQ(munmap(pages + 2 * page, page), 0);
  for (size_t i = 0; i < page; ++i) pages[page + i] = static_cast<unsigned char>(i % 251);
  RemoteMemory memory(getpid());
  const auto at = [&](size_t offset) { return reinterpret_cast<uint64_t>(pages + offset); };
  unsigned char bytes[100];
  EXPECT_TRUE(memory.Read(at(page), bytes, sizeof bytes));
  EXPECT_EQ(bytes[50], 50);
  EXPECT_TRUE(memory.Read(at(2 * page - 100), bytes, sizeof bytes));
  EXPECT_EQ(bytes[99], (page - 1) % 251);
  EXPECT_FALSE(memory.Read(at(2 * page - 99), bytes, sizeof bytes));
  EXPECT_FALSE(memory.Read(at(page - 1), bytes, sizeof bytes));
  EXPECT_FALSE(memory.Read(0, bytes, sizeof bytes));
  EXPECT_FALSE(memory.Read(UINT64_MAX - 10, bytes, sizeof bytes));
  EXPECT_FALSE(memory.process_ended());
  munmap(pages + page, page);
}

TEST(ResidentIn, AddsMappingsInTheSpans) {
  constexpr char kSmaps[] =
      "1000-3000 rw-p 00000000 00:00 0 \nSize: 8 kB\nRss:                   8 kB\nPss: 1 kB\n"
      "3000-5000 rw-p 00000000 00:00 0 \nRss:                   4 kB\n"
      "7f00-8f00 r--p 00000000 00:00 1   /lib/x\nRss:                   100 kB\n";
  EXPECT_EQ(ResidentIn(kSmaps, {{0x1000, 0x5000}}), 12u * 1024);
  EXPECT_EQ(ResidentIn(kSmaps, {{0x1000, 0x4fff}}), 8u * 1024);
  EXPECT_EQ(ResidentIn(kSmaps, {{0x1000, 0x3000}, {0x7000, 0x9000}}), 108u * 1024);
  EXPECT_EQ(ResidentIn("", {{0, UINT64_MAX}}), 0u);
  EXPECT_EQ(ResidentIn("nonsense\nRss: x\n\n-\n", {{0, UINT64_MAX}}), 0u);
}

TEST(Processes, ThisOneIsAmongAll) {
  const std::vector<pid_t> all = AllProcesses();
  EXPECT_NE(std::find(all.begin(), all.end(), getpid()), all.end());
  EXPECT_NE(StartTime(getpid()), 0u);
  EXPECT_EQ(StartTime(getpid()), StartTime(getpid()));
}

}  // namespace
}  // namespace bartizan::cli
