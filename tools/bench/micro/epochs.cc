// Epochs: how each operation's time changes with what there is already, and with threads. Only
// where the malloc that is preloaded has them (bartizan_epoch_*).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

#include "bartizan/epoch.h"
#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"
#include "tools/bench/micro/find.h"
#include "tools/bench/micro/working_threads.h"

namespace bench {
namespace {

constexpr uint64_t kOperations = 1000;
constexpr size_t kBytes = 100;
constexpr uint64_t kBlocksOfRequest = 100;

struct Functions {
  decltype(bartizan_epoch_open)* open;
  decltype(bartizan_epoch_close)* close;
  decltype(bartizan_epoch_release)* release;
  decltype(bartizan_epoch_enter)* enter;
  decltype(bartizan_epoch_leave)* leave;
  decltype(bartizan_epoch_malloc)* allocate;
};
Functions g_epochs;

bool FindEpochs() {
  const bool found = Find("bartizan_epoch_open", g_epochs.open) &&
                     Find("bartizan_epoch_close", g_epochs.close) &&
                     Find("bartizan_epoch_release", g_epochs.release) &&
                     Find("bartizan_epoch_enter", g_epochs.enter) &&
                     Find("bartizan_epoch_leave", g_epochs.leave) &&
                     Find("bartizan_epoch_malloc", g_epochs.allocate);
  if (!found) fputs("bartizan-bench: this malloc has no epochs\n", stderr);
  return found;
}

void Check(bartizan_epoch_status status) {
  if (status != BARTIZAN_EPOCH_OK) abort();
}

bartizan_epoch Open() {
  bartizan_epoch epoch;
  Check(g_epochs.open("bench", &epoch));
  return epoch;
}

class Scope {
 public:
  explicit Scope(bartizan_epoch epoch) { Check(g_epochs.enter(epoch, 0, &scope_)); }
  ~Scope() { Check(g_epochs.leave(&scope_)); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  bartizan_epoch_scope scope_;
};

// Open epochs, each with one block.
class OpenEpochs {
 public:
  explicit OpenEpochs(size_t count) : epochs_(count) {
    for (bartizan_epoch& epoch : epochs_) {
      epoch = Open();
      Touch(g_epochs.allocate(epoch, kBytes, nullptr), kBytes);
    }
  }
  ~OpenEpochs() {
    for (const bartizan_epoch epoch : epochs_) Check(g_epochs.release(epoch, nullptr));
  }
  OpenEpochs(const OpenEpochs&) = delete;
  OpenEpochs& operator=(const OpenEpochs&) = delete;

  bartizan_epoch operator[](size_t index) { return epochs_[index]; }

 private:
  Table<bartizan_epoch> epochs_;
};

// A request: an epoch, a scope, some blocks, and all of it released.
void Serve(uint64_t blocks) {
  const bartizan_epoch epoch = Open();
  {
    const Scope scope(epoch);
    for (uint64_t i = 0; i < blocks; ++i) Allocate(kBytes);
  }
  Check(g_epochs.release(epoch, nullptr));
}

void OpenAndClose(Run& run, uint64_t others) {
  if (!FindEpochs()) return;
  const OpenEpochs open(std::max<size_t>(run.Amount(others), 1));
  run.Repeat(kOperations, [] {
    for (uint64_t i = 0; i < kOperations; ++i) Check(g_epochs.close(Open(), nullptr));
  });
}

void EnterAndLeave(Run& run, uint64_t count) {
  if (!FindEpochs()) return;
  const size_t epochs = std::max<size_t>(run.Amount(count), 1);
  OpenEpochs open(epochs);
  Random random(0);
  run.Repeat(kOperations, [&] {
    for (uint64_t i = 0; i < kOperations; ++i) const Scope scope(open[random.Below(epochs)]);
  });
}

void Requests(Run& run, uint64_t others) {
  if (!FindEpochs()) return;
  const OpenEpochs open(std::max<size_t>(run.Amount(others), 1));
  run.Repeat(1, [] { Serve(kBlocksOfRequest); });
}

// The time of a block.
void Release(Run& run, uint64_t blocks) {
  if (!FindEpochs()) return;
  const uint64_t count = std::max<uint64_t>(run.Amount(blocks), 1);
  run.Repeat(count, [=] { Serve(count); });
}

// As `live` does without epochs.
void Live(Run& run, uint64_t live) {
  if (!FindEpochs()) return;
  constexpr size_t kWindow = 1000;
  const size_t count = std::max<size_t>(run.Amount(live), kWindow);
  const bartizan_epoch epoch = Open();
  {
    const Scope scope(epoch);
    LiveBlocks blocks(count);
    for (size_t i = 0; i < count; ++i) blocks.Replace(i, kBytes);
    Random random(0);
    run.Repeat(kOperations, [&] {
      const size_t first = random.Below(count - kWindow + 1);
      for (uint64_t i = 0; i < kOperations; ++i) {
        blocks.Replace(first + random.Below(kWindow), kBytes);
      }
    });
  }
  Check(g_epochs.close(epoch, nullptr));
}

struct Request {
  explicit Request(uint64_t) {}
  static void Step() { Serve(kBlocksOfRequest); }
};

void Threads(Run& run, uint64_t threads) {
  if (FindEpochs()) MeasureThreads<Request>(run, threads, run.Amount(2000));
}

constexpr uint64_t kEpochs[] = {1, 10, 100, 1'000, 10'000};
constexpr uint64_t kBlocks[] = {100, 1'000, 10'000, 100'000, 1'000'000};
constexpr uint64_t kThreadCounts[] = {1, 2, 4, 8, 16};

constexpr Benchmark kList[] = {
    {"epoch-open", "an epoch is opened and closed, while so many others are open", kEpochs,
     OpenAndClose},
    {"epoch-scope", "a scope of one of so many epochs is entered and left", kEpochs, EnterAndLeave},
    {"epoch-request", "an epoch with 100 blocks comes and goes, while so many others are open",
     kEpochs, Requests},
    {"epoch-release", "a block of so many that are allocated in an epoch and released with it",
     kBlocks, Release},
    {"epoch-live", "an epoch has so many live blocks, a thousand of which are replaced at a time",
     kBlocks, Live},
    {"epoch-threads", "so many threads, each with epochs of 100 blocks", kThreadCounts, Threads},
};

// They are a program of their own.
constinit const BenchmarkList kEpochList = kList;
constexpr const BenchmarkList* kLists[] = {&kEpochList};

}  // namespace

constinit const std::span<const BenchmarkList* const> kAllLists = kLists;

}  // namespace bench
