// Threads that free what others allocated, and threads that come and go.
#include <stdlib.h>

#include <atomic>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"
#include "tools/bench/micro/thread.h"

namespace bench {
namespace {

// Producers and consumers: one thread allocates, the other frees, through a queue of batches.

constexpr size_t kBatch = 128;
constexpr size_t kQueue = 64;

class Consumer {
 public:
  Consumer() : batches_(kQueue * kBatch) {}

  // The producer: waits for room, fills it with blocks, hands it over.
  void Produce(size_t size) {
    if (produced_count_ >= kQueue) {
      consumed_.WaitFor(produced_count_ - static_cast<uint32_t>(kQueue) + 1);
    }
    void** const batch = Batch(produced_count_++);
    for (size_t i = 0; i < kBatch; ++i) batch[i] = Allocate(size);
    produced_.Raise();
  }

  void WaitUntilConsumed() { consumed_.WaitFor(produced_count_); }

  // An empty batch: the consumer ends.
  void Finish() {
    Batch(produced_count_)[0] = nullptr;
    produced_.Raise();
  }

  void Work() {
    for (uint32_t i = 0;; ++i) {
      produced_.WaitFor(i + 1);
      void** const batch = Batch(i);
      if (batch[0] == nullptr) return;
      for (size_t k = 0; k < kBatch; ++k) free(batch[k]);
      consumed_.Raise();
    }
  }

 private:
  void** Batch(uint32_t number) { return &batches_[number % kQueue * kBatch]; }

  Table<void*> batches_;
  uint32_t produced_count_ = 0;  // The producer's own.
  alignas(64) Milestone produced_;
  alignas(64) Milestone consumed_;
};

void Producers(Run& run, uint64_t size) {
  Consumer consumer;
  Thread<Consumer> thread;
  thread.Start(consumer);
  const uint64_t batches = run.Amount(1000);
  run.Repeat(batches * kBatch, [&] {
    for (uint64_t i = 0; i < batches; ++i) consumer.Produce(size);
    consumer.WaitUntilConsumed();
  });
  consumer.WaitUntilConsumed();
  consumer.Finish();
  thread.Join();
}

// A server: each client has live blocks that its thread replaces at random; then the thread starts
// another one, which goes on with these blocks, and ends.

constexpr size_t kClientBlocks = 5000;
constexpr uint64_t kGenerationOperations = 100'000;
constexpr uint64_t kGenerations = 4;

class Client {
 public:
  explicit Client(uint64_t stream) : blocks_(kClientBlocks), random_(stream) {
    for (size_t i = 0; i < kClientBlocks; ++i) blocks_.Replace(i, Size());
  }

  void Start(uint64_t operations, uint64_t generations, Milestone& finished) {
    operations_ = operations;
    generations_ = generations;
    finished_ = &finished;
    Thread<Client>::StartDetached(*this);
  }

  void Work() {
    for (uint64_t i = 0; i < operations_; ++i) {
      blocks_.Replace(random_.Below(kClientBlocks), Size());
    }
    if (--generations_ > 0) {
      Thread<Client>::StartDetached(*this);
    } else {
      finished_->Raise();
    }
  }

 private:
  size_t Size() { return random_.Between(8, 1000); }

  LiveBlocks blocks_;
  Random random_;
  uint64_t operations_ = 0;
  uint64_t generations_ = 0;
  Milestone* finished_ = nullptr;
};

void Server(Run& run, uint64_t threads) {
  constexpr size_t kMostClients = 64;
  if (threads > kMostClients) abort();
  Client* clients[kMostClients];
  for (uint64_t i = 0; i < threads; ++i) clients[i] = new Client(i);
  const uint64_t operations = run.Amount(kGenerationOperations);
  Milestone finished;
  uint32_t finished_count = 0;
  run.Repeat(threads * kGenerations * operations, [&] {
    for (uint64_t i = 0; i < threads; ++i) clients[i]->Start(operations, kGenerations, finished);
    finished.WaitFor(finished_count += static_cast<uint32_t>(threads));
  });
  for (uint64_t i = 0; i < threads; ++i) delete clients[i];
}

// Threads that live for a short while, with blocks of all sizes, some of which they hand to others
// and leave behind.

constexpr size_t kShared = 1024;

struct Exchange {
  Exchange() : blocks(kShared) {}
  ~Exchange() {
    for (std::atomic<void*>& block : blocks) free(block.load(std::memory_order_relaxed));
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Table<std::atomic<void*>> blocks;
};

class ShortLife {
 public:
  ShortLife() : blocks_(kOwn) {}

  void Prepare(Exchange& exchange, uint64_t stream, uint64_t operations) {
    exchange_ = &exchange;
    stream_ = stream;
    operations_ = operations;
  }

  void Work() {
    Random random(stream_);
    for (uint64_t i = 0; i < operations_; ++i) {
      void*& block = blocks_[random.Below(kOwn)];
      free(block);
      block = Allocate(Size(random));
      // What the block holds passes from thread to thread with it.
      if (i % 8 == 0) {
        std::atomic<void*>& shared = exchange_->blocks[random.Below(kShared)];
        block = shared.exchange(block, std::memory_order_acq_rel);
      }
    }
    for (void*& block : blocks_) {
      free(block);
      block = nullptr;
    }
  }

 private:
  static constexpr size_t kOwn = 1024;

  // Three of four below 64 bytes, one in a hundred between 4 and 64 KiB.
  static size_t Size(Random& random) {
    const size_t kind = random.Below(100);
    if (kind == 0) return random.Doublings(12, 16);
    return kind < 75 ? random.Between(8, 64) : random.Doublings(6, 10);
  }

  Table<void*> blocks_;
  Exchange* exchange_ = nullptr;
  uint64_t stream_ = 0;
  uint64_t operations_ = 0;
};

void Turnover(Run& run, uint64_t threads) {
  constexpr size_t kMostThreads = 64;
  constexpr uint64_t kLives = 4;
  if (threads > kMostThreads) abort();
  Exchange exchange;
  ShortLife lives[kMostThreads];
  Thread<ShortLife> running[kMostThreads];
  const uint64_t operations = run.Amount(10'000);
  uint64_t stream = 0;
  run.Repeat(threads * kLives * operations, [&] {
    for (uint64_t life = 0; life < kLives; ++life) {
      for (uint64_t i = 0; i < threads; ++i) {
        lives[i].Prepare(exchange, stream++, operations);
        running[i].Start(lives[i]);
      }
      for (uint64_t i = 0; i < threads; ++i) running[i].Join();
    }
  });
}

// A thread that starts, allocates once and ends.
struct OneBlock {
  void Work() { free(Allocate(64)); }
};

void ThreadStart(Run& run, uint64_t /*argument*/) {
  const uint64_t threads = run.Amount(200);
  run.Repeat(threads, [=] {
    for (uint64_t i = 0; i < threads; ++i) {
      OneBlock work;
      Thread<OneBlock> thread;
      thread.Start(work);
      thread.Join();
    }
  });
}

constexpr uint64_t kProducerSizes[] = {64};
constexpr uint64_t kServerThreads[] = {1, 2};
constexpr uint64_t kTurnoverThreads[] = {2};

constexpr Benchmark kList[] = {
    {"producers", "one thread allocates blocks of one size, another one frees them", kProducerSizes,
     Producers},
    {"server", "so many threads replace blocks of 8 to 1000 bytes and pass them to successors",
     kServerThreads, Server},
    {"turnover", "so many threads at a time that live shortly and exchange mixed blocks",
     kTurnoverThreads, Turnover},
    {"thread", "a thread that starts, allocates once, ends", {}, ThreadStart},
};

}  // namespace

constinit const BenchmarkList kThreads = kList;

}  // namespace bench
