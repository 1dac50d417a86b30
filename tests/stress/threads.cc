// Creates and ends threads, each of which allocates, frees its predecessor's blocks and leaves some
// to its successor: `threads [--threads=N] [--together=N] [--slack=BYTES]`.
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/process_memory.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

constexpr size_t kLeft = 8;

// What threads that take turns leave to each other.
struct Seat {
  test::Block left[kLeft];
  uint64_t seed = 0;
};

void Run(Seat& seat) {
  test::Random random(seat.seed);
  for (test::Block& block : seat.left) {
    if (block.at == nullptr) continue;
    block.CheckContents();
    block.Release();
  }
  test::Block blocks[16];
  test::WorkingSet set(blocks, test::BurstySize, random.Next());
  set.Steps(random.Below(60));
  for (test::Block& block : seat.left) {
    if (random.OneIn(2)) block.Allocate(test::MixedSize(random), random.Next());
  }
  set.ReleaseAll();
}

// The blocks that a seat's next thread frees were left by different threads.
void Exchange(std::vector<Seat>& seats, test::Random& random) {
  for (Seat& seat : seats) {
    Seat& other = seats[random.Below(seats.size())];
    size_t mine = random.Below(kLeft);
    size_t theirs = random.Below(kLeft);
    test::Block moved = seat.left[mine];
    seat.left[mine] = other.left[theirs];
    other.left[theirs] = moved;
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t threads = arguments.Amount("threads", 20000, 1000000);
  uint64_t together = arguments.Number("together", 4);
  uint64_t slack = arguments.Number("slack", 32 << 20);
  arguments.RejectUnknown();
  std::vector<Seat> seats(together);
  std::vector<std::thread> running(together);
  test::Progress progress("threads", threads);
  uint64_t early = 0;
  for (uint64_t created = 0; created < threads; created += together) {
    for (uint64_t i = 0; i < together; ++i) {
      seats[i].seed = random.Next();
      running[i] = std::thread(Run, std::ref(seats[i]));
    }
    for (std::thread& thread : running) thread.join();
    Exchange(seats, random);
    progress.At(created);
    // Caches fill for some thousand threads: what they come to is the most of the first half.
    if (created % 64 == 0 && created < threads / 2) {
      early = std::max<uint64_t>(early, test::ResidentBytes());
    }
  }
  for (Seat& seat : seats) {
    for (test::Block& block : seat.left) {
      if (block.at == nullptr) continue;
      block.CheckContents();
      block.Release();
    }
  }
  uint64_t late = test::ResidentBytes();
  test::Say("%llu threads; resident %.1f MiB at most in the first half, %.1f MiB at the end",
            static_cast<unsigned long long>(threads), test::Mebibytes(early),
            test::Mebibytes(late));
  bartizan_statistics statistics;
  if (test::Statistics(&statistics)) {
    EXPECT(statistics.heaps <= 4 * together + 16, "%llu heaps for %llu threads at a time",
           static_cast<unsigned long long>(statistics.heaps),
           static_cast<unsigned long long>(together));
  }
  // What a thread leaves behind is adopted, not added up.
  EXPECT(late <= early + early / 10 + slack, "resident memory grows with every thread");
  return 0;
}
