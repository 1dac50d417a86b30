// Forks while other threads allocate; parent and children check what they hold:
// `fork [--forks=N] [--allocators=N]`.
#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

constexpr size_t kBlocks = 256;

std::atomic<bool> stop = false;
std::atomic<uint64_t> started = 0;

void Allocate(uint64_t seed) {
  test::Block blocks[kBlocks];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  started.fetch_add(1);
  while (!stop.load(std::memory_order_relaxed)) set.Step();
  set.ReleaseAll();
}

void AllocateAWhile(uint64_t seed, uint64_t steps) {
  test::Block blocks[kBlocks];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  set.Steps(steps);
  set.ReleaseAll();
}

void RunChild(test::WorkingSet& inherited, uint64_t seed) {
  inherited.CheckAll();
  inherited.Steps(200);
  AllocateAWhile(seed, 100);
  if (seed % 4 == 0) {
    std::thread thread(AllocateAWhile, seed, 100);
    AllocateAWhile(seed + 1, 100);
    thread.join();
  }
  inherited.CheckAll();
  if (seed % 2 == 0) inherited.ReleaseAll();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t forks = arguments.Amount("forks", 500, 10000);
  uint64_t allocators = arguments.Number("allocators", 4);
  arguments.RejectUnknown();
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < allocators; ++i) threads.emplace_back(Allocate, random.Next());
  while (started.load() < allocators) std::this_thread::yield();

  test::Block blocks[kBlocks];
  test::WorkingSet own(blocks, test::BurstySize, random.Next());
  test::Progress progress("forks", forks);
  for (uint64_t i = 0; i < forks; ++i) {
    own.Steps(50);
    uint64_t seed = random.Next();
    test::Ending ending = test::RunInChild("child", [&] { RunChild(own, seed); });
    EXPECT(ending.Clean(), "child %llu: %s %d", static_cast<unsigned long long>(i), ending.Kind(),
           ending.Number());
    progress.At(i);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  own.ReleaseAll();
  return 0;
}
