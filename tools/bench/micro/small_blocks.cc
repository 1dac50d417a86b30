// Small blocks in one thread: pairs, batches, mixes, calloc, aligned_alloc.
#include <stdlib.h>

#include <algorithm>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"

namespace bench {
namespace {

// Short against the repetitions, long against the clock.
constexpr uint64_t kOperations = 10'000;

void Pair(Run& run, uint64_t size) {
  const uint64_t operations = run.Amount(kOperations);
  run.Repeat(operations, [=] {
    for (uint64_t i = 0; i < operations; ++i) free(Allocate(size));
  });
}

constexpr size_t kBatch = 1000;
// So many orders in turn that no predictor learns them by heart.
constexpr size_t kOrders = 16;

enum class Order { kFirstInFirstOut, kLastInFirstOut, kRandom };

void FillOrders(Order order, Table<uint32_t>& orders) {
  Random random(0);
  for (size_t i = 0; i < kOrders; ++i) {
    uint32_t* const places = &orders[i * kBatch];
    for (uint32_t k = 0; k < kBatch; ++k) {
      places[k] = order == Order::kLastInFirstOut ? kBatch - 1 - k : k;
    }
    if (order != Order::kRandom) continue;
    for (size_t k = kBatch; k > 1; --k) std::swap(places[k - 1], places[random.Below(k)]);
  }
}

template <Order kOrder>
void Batch(Run& run, uint64_t size) {
  Table<uint32_t> orders(kOrders * kBatch);
  FillOrders(kOrder, orders);
  Table<void*> blocks(kBatch);
  const uint64_t batches = run.Amount(kOrders);
  run.Repeat(batches * kBatch, [&] {
    for (uint64_t i = 0; i < batches; ++i) {
      for (void*& block : blocks) block = Allocate(size);
      const uint32_t* const order = &orders[i * kBatch];
      for (size_t k = 0; k < kBatch; ++k) free(blocks[order[k]]);
    }
  });
}

void Mix(Run& run, uint64_t live) {
  ReplaceAtRandom(run, live, run.Amount(kOperations), MixedSize);
}

// Zeroed blocks of which the program uses the beginning.
void Calloc(Run& run, uint64_t size) {
  const uint64_t operations = run.Amount(std::max<uint64_t>(kOperations * 64 / size, 100));
  run.Repeat(operations, [=] {
    for (uint64_t i = 0; i < operations; ++i) free(Touch(calloc(1, size), size));
  });
}

void Aligned(Run& run, uint64_t alignment) {
  constexpr size_t kLive = 64;
  Table<void*> blocks(kLive);
  Random random(0);
  const uint64_t operations = run.Amount(kOperations);
  run.Repeat(operations, [&] {
    for (uint64_t i = 0; i < operations; ++i) {
      void*& block = blocks[random.Below(kLive)];
      const size_t size = random.Between(1, 4) * alignment;
      free(block);
      block = Touch(aligned_alloc(alignment, size), size);
    }
  });
  for (void* block : blocks) free(block);
}

constexpr uint64_t kPairSizes[] = {16, 64, 256, 1024, 8192, 65536};
constexpr uint64_t kBatchSizes[] = {64, 256, 1024};
constexpr uint64_t kMixLive[] = {512};
constexpr uint64_t kCallocSizes[] = {64, 1024, 65536, 1048576};
constexpr uint64_t kAlignments[] = {64, 4096};

constexpr Benchmark kList[] = {
    {"pair", "malloc and free of one size", kPairSizes, Pair},
    {"batch-fifo", "1000 blocks, freed in the order of allocation", kBatchSizes,
     Batch<Order::kFirstInFirstOut>},
    {"batch-lifo", "1000 blocks, the last one freed first", kBatchSizes,
     Batch<Order::kLastInFirstOut>},
    {"batch-random", "1000 blocks, freed in random order", kBatchSizes, Batch<Order::kRandom>},
    {"mix", "so many live blocks of mixed sizes, replaced at random", kMixLive, Mix},
    {"calloc", "calloc and free of one size", kCallocSizes, Calloc},
    {"aligned", "aligned_alloc, 64 live blocks of 1 to 4 times the alignment", kAlignments,
     Aligned},
};

}  // namespace

constinit const BenchmarkList kSmallBlocks = kList;

}  // namespace bench
