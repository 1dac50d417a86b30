// fork() in a process whose other threads allocate all the time.
//
// The child owns a copy of everything: it checks and frees blocks of the forking thread and of
// threads that it does not have, allocates, starts threads, and forks again.
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kAllocators = 4;
constexpr int kHanded = 200;

std::atomic<bool> stop = false;
std::atomic<int> ready = 0;
test::Block handed[kAllocators][kHanded];

void Allocate(int number, uint64_t seed) {
  test::Random random(seed);
  for (test::Block& block : handed[number]) {
    block.Allocate(test::MixedSize(random), random.Next());
  }
  ready.fetch_add(1);
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, random.Next());
  while (!stop.load(std::memory_order_relaxed)) set.Step();
  set.ReleaseAll();
}

void UseHeap(uint64_t seed, int steps) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  set.Steps(static_cast<uint64_t>(steps));
  set.ReleaseAll();
}

// What every child does with the blocks it inherited.
void UseInherited(test::WorkingSet& own, uint64_t seed) {
  own.CheckAll();
  own.Steps(200);
  own.ReleaseAll();
  for (auto& blocks : handed) {
    for (test::Block& block : blocks) {
      block.CheckContents();
      block.Release();
    }
  }
  UseHeap(seed, 200);
}

void StartThreads(uint64_t seed) {
  std::thread first(UseHeap, seed, 500);
  std::thread second(UseHeap, seed + 1, 500);
  first.join();
  second.join();
}

void ForkAgain(uint64_t seed, int depth) {
  test::Ending ending = test::RunInChild("grandchild", [=] {
    UseHeap(seed, 100);
    if (depth > 1) ForkAgain(seed + 1, depth - 1);
    StartThreads(seed);
  });
  EXPECT(ending.Clean(), "grandchild: %s %d", ending.Kind(), ending.Number());
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t forks = arguments.Amount("forks", 200, 10000);
  arguments.RejectUnknown();
  test::Watchdog(arguments.Long() ? 1800 : 250, "starting threads");

  std::vector<std::thread> allocators;
  for (int i = 0; i < kAllocators; ++i) allocators.emplace_back(Allocate, i, random.Next());
  while (ready.load() < kAllocators) std::this_thread::yield();

  test::Block blocks[64];
  test::WorkingSet own(blocks, test::MixedSize, random.Next());
  for (uint64_t i = 0; i < forks; ++i) {
    own.Steps(20);
    uint64_t seed = random.Next();
    test::watchdog_phase = "fork";
    test::Ending ending = test::RunInChild("child", [&] {
      UseInherited(own, seed);
      if (i % 16 == 3) StartThreads(seed);
      if (i % 16 == 7) ForkAgain(seed, 3);
    });
    EXPECT(ending.Clean(), "child %llu of a fork: %s %d", static_cast<unsigned long long>(i),
           ending.Kind(), ending.Number());
  }

  test::watchdog_phase = "ending threads";
  stop = true;
  for (std::thread& allocator : allocators) allocator.join();
  own.ReleaseAll();
  return 0;
}
