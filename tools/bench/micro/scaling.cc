// What changes as live blocks and threads become more.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"
#include "tools/bench/micro/thread.h"
#include "tools/bench/micro/working_threads.h"

namespace bench {
namespace {

// Most blocks rest while a thousand of them are replaced, then another thousand: so the processor's
// caches miss about as often with ten million blocks as with a thousand, and what grows is the
// allocator's own cost.
constexpr size_t kWindow = 1000;
constexpr uint64_t kWindowOperations = 10'000;

size_t RestingSize(Random& random) { return random.Between(1, 128); }

void Live(Run& run, uint64_t live) {
  const size_t count = std::max<size_t>(run.Amount(live), kWindow);
  LiveBlocks blocks(count);
  Random random(0);
  for (size_t i = 0; i < count; ++i) blocks.Replace(i, RestingSize(random));
  const uint64_t operations = run.Amount(kWindowOperations);
  run.Repeat(operations, [&] {
    const size_t window = random.Below(count - kWindow + 1);
    for (uint64_t i = 0; i < operations; ++i) {
      blocks.Replace(window + random.Below(kWindow), RestingSize(random));
    }
  });
}

void LiveRandom(Run& run, uint64_t live) {
  ReplaceAtRandom(run, run.Amount(live), run.Amount(kWindowOperations), RestingSize);
}

// A thread with live blocks of its own.
class Replacing {
 public:
  explicit Replacing(uint64_t stream) : blocks_(kLive), random_(stream) {}
  void Step() { blocks_.Replace(random_.Below(kLive), MixedSize(random_)); }

 private:
  static constexpr size_t kLive = 512;

  LiveBlocks blocks_;
  Random random_;
};

void Threads(Run& run, uint64_t threads) {
  MeasureThreads<Replacing>(run, threads, run.Amount(1'000'000));
}

// Memory of threads that have allocated and freed some of every small size and then sleep.

double ResidentBytes() {
  char text[128];
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (length <= 0) abort();
  close(file);
  text[length] = '\0';
  char* rest = text;
  strtoull(text, &rest, 10);
  return static_cast<double>(strtoull(rest, nullptr, 10)) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

class Sleeper {
 public:
  static void Prepare(Barrier& asleep, Barrier& awake) {
    asleep_ = &asleep;
    awake_ = &awake;
  }

  void Work() {
    void* blocks[kEach];
    for (size_t size = 16; size <= 1024; size += 16) {
      for (void*& block : blocks) block = Allocate(size);
      for (void* block : blocks) free(block);
    }
    asleep_->Wait();
    awake_->Wait();
  }

 private:
  static constexpr size_t kEach = 4;

  static constinit Barrier* asleep_;
  static constinit Barrier* awake_;
};

constinit Barrier* Sleeper::asleep_ = nullptr;
constinit Barrier* Sleeper::awake_ = nullptr;

void IdleThreads(Run& run, uint64_t usual) {
  const uint64_t count = run.Amount(usual);
  Barrier asleep(static_cast<unsigned>(count) + 1);
  Barrier awake(static_cast<unsigned>(count) + 1);
  Sleeper::Prepare(asleep, awake);
  Table<Thread<Sleeper>> threads(count);
  Sleeper sleeper;
  const double before = ResidentBytes();
  for (Thread<Sleeper>& thread : threads) thread.Start(sleeper);
  asleep.Wait();
  run.Print("", (ResidentBytes() - before) / static_cast<double>(count), "bytes");
  awake.Wait();
  for (Thread<Sleeper>& thread : threads) thread.Join();
}

constexpr uint64_t kLive[] = {1'000, 10'000, 100'000, 1'000'000, 10'000'000};
constexpr uint64_t kLiveRandom[] = {1'000'000};
constexpr uint64_t kThreadCounts[] = {1, 2, 4, 8, 16, 32, 64};
constexpr uint64_t kIdle[] = {1'000};

constexpr Benchmark kList[] = {
    {"live", "so many live blocks, a thousand of which are replaced at a time", kLive, Live},
    {"live-random", "so many live blocks, replaced at random", kLiveRandom, LiveRandom},
    {"threads", "so many threads, each with 512 live blocks of its own, replaced at random",
     kThreadCounts, Threads},
    {"idle-threads", "resident memory for each of so many threads that allocated and sleep", kIdle,
     IdleThreads},
};

}  // namespace

constinit const BenchmarkList kScaling = kList;

}  // namespace bench
