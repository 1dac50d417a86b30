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

// A thread with live blocks of its own, which works whenever the gate opens.
class Worker {
 public:
  Worker() : blocks_(kLive) {}

  void Prepare(Barrier& gate, uint64_t stream, uint64_t operations) {
    gate_ = &gate;
    stream_ = stream;
    operations_ = operations;
  }

  void End() { operations_ = 0; }

  void Work() {
    Random random(stream_);
    for (;;) {
      gate_->Wait();
      // Written by End() before it came to the gate.
      if (operations_ == 0) return;
      for (uint64_t i = 0; i < operations_; ++i) {
        blocks_.Replace(random.Below(kLive), MixedSize(random));
      }
      gate_->Wait();
    }
  }

 private:
  static constexpr size_t kLive = 512;

  LiveBlocks blocks_;
  Barrier* gate_ = nullptr;
  uint64_t stream_ = 0;
  uint64_t operations_ = 0;
};

constexpr size_t kMostThreads = 64;

void Threads(Run& run, uint64_t threads) {
  if (threads > kMostThreads) abort();
  const uint64_t operations = run.Amount(1'000'000) / threads;
  Barrier gate(static_cast<unsigned>(threads) + 1);
  Worker* const workers = new Worker[threads];
  Thread<Worker> running[kMostThreads];
  for (uint64_t i = 0; i < threads; ++i) {
    workers[i].Prepare(gate, i, operations);
    running[i].Start(workers[i]);
  }
  run.Repeat(operations * threads, [&] {
    gate.Wait();
    gate.Wait();
  });
  for (uint64_t i = 0; i < threads; ++i) workers[i].End();
  gate.Wait();
  for (uint64_t i = 0; i < threads; ++i) running[i].Join();
  delete[] workers;
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
