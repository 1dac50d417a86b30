// A limit on the address space (`ulimit -v`), from 256 MiB to 8 GiB: the program starts, its
// threads start, malloc gives a fair part of the limit and then ENOMEM, live data stays intact, and
// what is freed can be allocated again.
//
// The program runs itself under each limit, because the allocator reserves at its start.
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iterator>
#include <thread>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/exhaust.h"
#include "tests/support/process_memory.h"
#include "tests/support/working_set.h"

namespace {

constexpr uint64_t kMebibyte = 1 << 20;
constexpr uint64_t kLimits[] = {256, 512, 1024, 2048, 4096, 8192};

// One kind of blocks in each process: address space that served small blocks need not serve others.
struct Kind {
  const char* name;
  size_t smallest;
  // 0: a sixteenth of the limit.
  size_t largest;
  test::Coverage coverage;
  // In MiB: above, using up the limit with these blocks would take all of the machine's memory.
  uint64_t largest_limit;
};
constexpr Kind kKinds[] = {
    {"small", 16, 16 << 10, test::Coverage::kEveryPage, 1024},
    {"mixed", 16, 4 << 20, test::Coverage::kEveryPage, 1024},
    {"large", 256 << 10, 0, test::Coverage::kEdges, UINT64_MAX},
};

void UseHeap(uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::TinySize, seed);
  set.Steps(2000);
  set.ReleaseAll();
}

void StartThreads() {
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 4; ++i) threads.emplace_back(UseHeap, i);
  for (std::thread& thread : threads) thread.join();
}

void Exhaust(uint64_t limit, const Kind& kind) {
  size_t largest = kind.largest == 0 ? limit / 16 : kind.largest;
  test::Random random(1);
  test::Hoard hoard(kind.coverage);
  hoard.Fill(random, kind.smallest, largest, 100, UINT64_MAX);
  hoard.Check();
  uint64_t first = hoard.Bytes();
  test::Say("limit %5.0f MiB: %5.0f MiB in %s blocks", test::Mebibytes(limit),
            test::Mebibytes(first), kind.name);
  // The program itself, its libraries and a reserve of the allocator take 64 MiB; of the rest, half
  // must be there for blocks.
  EXPECT(first >= (limit - 64 * kMebibyte) / 2, "malloc gave only %.0f MiB",
         test::Mebibytes(first));
  hoard.TryToGrow(2);
  hoard.Check();
  hoard.ReleaseOneIn(2);
  hoard.Check();
  uint64_t half = hoard.Bytes();
  hoard.Fill(random, kind.smallest, largest, 10, UINT64_MAX);
  hoard.Check();
  EXPECT(hoard.Bytes() > half, "nothing could be allocated after half was freed");
  hoard.ReleaseAll();
  hoard.Fill(random, kind.smallest, largest, 10, first / 2);
  EXPECT(hoard.Bytes() >= first / 2, "only %.0f MiB of %.0f MiB could be allocated again",
         test::Mebibytes(hoard.Bytes()), test::Mebibytes(first));
  hoard.Check();
  hoard.ReleaseAll();
}

void RunUnderLimit(uint64_t limit, const Kind& kind) {
  test::Watchdog(200, "under a limit of the address space");
  StartThreads();
  Exhaust(limit, kind);
  StartThreads();
}

test::Ending RunChild(char* program, uint64_t limit, size_t kind) {
  return test::RunInChild("program under a limit", [=] {
    char limit_argument[64];
    char kind_argument[64];
    snprintf(limit_argument, sizeof limit_argument, "--limit=%llu",
             static_cast<unsigned long long>(limit));
    snprintf(kind_argument, sizeof kind_argument, "--kind=%zu", kind);
    rlimit bounds = {limit, limit};
    EXPECT(setrlimit(RLIMIT_AS, &bounds) == 0, "setrlimit: errno %d", errno);
    char* const arguments[] = {program, limit_argument, kind_argument, nullptr};
    execv("/proc/self/exe", arguments);
    test::Fail(__FILE__, __LINE__, "execv", "errno %d", errno);
  });
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  uint64_t limit = arguments.Number("limit", 0);
  size_t chosen = arguments.Number("kind", 0);
  arguments.RejectUnknown();
  if (limit != 0) {
    EXPECT(chosen < std::size(kKinds), "--kind is too large");
    RunUnderLimit(limit, kKinds[chosen]);
    return 0;
  }
  for (uint64_t mebibytes : kLimits) {
    for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
      if (mebibytes > kKinds[kind].largest_limit) continue;
      test::Ending ending = RunChild(argv[0], mebibytes * kMebibyte, kind);
      EXPECT(ending.Clean(), "under a limit of %llu MiB: %s %d",
             static_cast<unsigned long long>(mebibytes), ending.Kind(), ending.Number());
    }
  }
  return 0;
}
