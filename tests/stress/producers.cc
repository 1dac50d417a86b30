// Blocks that one thread allocates and another one checks and frees, through bounded queues: a
// pair, both directions at once, and a ring in which every thread also resizes what it passes on.
// `producers [--blocks=N] [--ring=N]`.
#include <sched.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

// One producer, one consumer. The release of `tail_` pairs with the consumer's acquire and
// publishes the block; the release of `head_` pairs with the producer's and gives the place back.
class Queue {
 public:
  void Push(const test::Block& block) {
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (tail - head_.load(std::memory_order_acquire) == kRoom) sched_yield();
    blocks_[tail % kRoom] = block;
    tail_.store(tail + 1, std::memory_order_release);
  }

  test::Block Pop() {
    uint64_t head = head_.load(std::memory_order_relaxed);
    while (tail_.load(std::memory_order_acquire) == head) sched_yield();
    test::Block block = blocks_[head % kRoom];
    head_.store(head + 1, std::memory_order_release);
    return block;
  }

  bool Empty() const {
    return tail_.load(std::memory_order_acquire) == head_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr uint64_t kRoom = 512;

  alignas(64) std::atomic<uint64_t> head_ = 0;
  alignas(64) std::atomic<uint64_t> tail_ = 0;
  test::Block blocks_[kRoom];
};

void Produce(Queue& queue, uint64_t blocks, uint64_t seed, test::SizeDistribution distribution) {
  test::Random random(seed);
  for (uint64_t i = 0; i < blocks; ++i) {
    test::Block block;
    block.Allocate(distribution(random), random.Next());
    queue.Push(block);
  }
}

void Consume(Queue& queue, uint64_t blocks) {
  for (uint64_t i = 0; i < blocks; ++i) {
    test::Block block = queue.Pop();
    block.CheckContents();
    block.Release();
  }
}

void OneDirection(uint64_t blocks, uint64_t seed, test::SizeDistribution distribution) {
  auto queue = std::make_unique<Queue>();
  std::thread producer([&] { Produce(*queue, blocks, seed, distribution); });
  std::thread consumer([&] { Consume(*queue, blocks); });
  producer.join();
  consumer.join();
}

// Each thread sends and receives in turn, so each heap gets frees while it allocates.
void Exchange(Queue& to, Queue& from, uint64_t blocks, uint64_t seed) {
  test::Random random(seed);
  test::Block own[64];
  test::WorkingSet set(own, test::MixedSize, random.Next());
  for (uint64_t i = 0; i < blocks; ++i) {
    test::Block block;
    block.Allocate(test::BurstySize(random), random.Next());
    to.Push(block);
    set.Step();
    if (i >= 100) {
      block = from.Pop();
      block.CheckContents();
      block.Release();
    }
  }
  Consume(from, blocks < 100 ? blocks : 100);
  set.ReleaseAll();
}

void BothDirections(uint64_t blocks, uint64_t seed) {
  auto there = std::make_unique<Queue>();
  auto back = std::make_unique<Queue>();
  std::thread other([&] { Exchange(*back, *there, blocks, seed + 1); });
  Exchange(*there, *back, blocks, seed);
  other.join();
}

// A block goes round the whole ring, resized or replaced at every stop.
void PassOn(Queue& from, Queue& to, uint64_t blocks, uint64_t seed) {
  test::Random random(seed);
  for (uint64_t i = 0; i < blocks; ++i) {
    test::Block block = from.Pop();
    block.CheckContents();
    switch (random.Below(4)) {
      case 0:
        block.Resize(test::BurstySize(random));
        break;
      case 1:
        block.Release();
        block.Allocate(test::BurstySize(random), random.Next());
        break;
      default:
        break;
    }
    to.Push(block);
  }
}

void Ring(size_t members, uint64_t blocks, uint64_t seed) {
  auto queues = std::make_unique<Queue[]>(members);
  test::Random random(seed);
  constexpr uint64_t kUnderWay = 100;
  for (size_t i = 0; i < members; ++i)
    Produce(queues[i], kUnderWay, random.Next(), test::MixedSize);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < members; ++i) {
    threads.emplace_back(PassOn, std::ref(queues[i]), std::ref(queues[(i + 1) % members]), blocks,
                         random.Next());
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < members; ++i) {
    while (!queues[i].Empty()) Consume(queues[i], 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t blocks = arguments.Amount("blocks", 500000, 20000000);
  uint64_t members = arguments.Number("ring", 5);
  arguments.RejectUnknown();
  test::Progress progress("producers", 5);
  OneDirection(blocks, random.Next(), [](test::Random&) { return size_t{64}; });
  progress.At(1);
  OneDirection(blocks, random.Next(), test::TinySize);
  progress.At(2);
  OneDirection(blocks / 2, random.Next(), test::BurstySize);
  progress.At(3);
  BothDirections(blocks / 2, random.Next());
  progress.At(4);
  Ring(members, blocks / members, random.Next());
  return 0;
}
