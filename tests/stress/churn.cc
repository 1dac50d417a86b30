// Allocation and freeing at random, for long, with a constant number of live blocks: memory must
// be flat after a warm-up, the resident memory that the kernel counts and the committed memory that
// the allocator counts (bartizan_get_statistics, where it exists). Freed large blocks that wait for
// reuse are left out: their number follows the demand of the moment, up to `large_cache`.
//
// Each number of live blocks meets each distribution of sizes. Between rounds the threads exchange
// their blocks, so half of what a thread frees at first was allocated by another.
// `churn [--operations=N] [--threads=N] [--slack=BYTES]`.
#include <algorithm>
#include <barrier>
#include <thread>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/process_memory.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

// Rounds are the moments of measuring: the first half warms up, the last two quarters are compared.
constexpr int kRounds = 40;
constexpr int kWarm = kRounds / 2;
constexpr int kMiddle = kWarm + (kRounds - kWarm) / 2;

// More blocks need more operations to be exchanged as often: weights of the total.
struct Live {
  size_t blocks;
  uint64_t weight;
};
constexpr Live kLive[] = {{512, 1}, {8192, 2}, {100000, 7}};

struct Distribution {
  const char* name;
  test::SizeDistribution size;
};
constexpr Distribution kDistributions[] = {
    {"tiny", test::TinySize}, {"mixed", test::MixedSize}, {"bursty", test::BurstySize}};

// What is measured at the end of a round, without the bytes that the program itself holds and
// those of freed large blocks.
struct Overhead {
  int64_t resident = 0;
  int64_t committed = 0;
};

struct Measured {
  Overhead rounds[kRounds];
  uint64_t live = 0;

  int64_t Highest(int64_t Overhead::* what, int from, int to) const {
    int64_t highest = rounds[from].*what;
    for (int i = from; i < to; ++i) highest = std::max(highest, rounds[i].*what);
    return highest;
  }
};

class Churn {
 public:
  Churn(size_t threads, uint64_t slack) : threads_(threads), slack_(slack) {
    bartizan_statistics statistics;
    counts_committed_ = test::Statistics(&statistics);
    if (!counts_committed_) test::Say("no counter of committed memory: only resident is checked");
  }

  void Run(size_t live, const Distribution& distribution, uint64_t operations, uint64_t seed) {
    std::vector<test::Block> blocks(live);
    std::vector<test::WorkingSet> sets;
    size_t each = live / threads_;
    test::Random random(seed);
    for (size_t i = 0; i < threads_; ++i) {
      std::span<test::Block> mine(blocks.data() + i * each, each);
      for (test::Block& block : mine) block.Allocate(distribution.size(random), random.Next());
      sets.emplace_back(mine, distribution.size, random.Next());
    }
    Measured measured;
    RunRounds(blocks, sets, operations / kRounds / threads_, measured);
    for (test::Block& block : blocks) {
      if (block.at == nullptr) continue;
      block.CheckContents();
      block.Release();
    }
    CheckFlat(live, distribution.name, measured);
  }

 private:
  void RunRounds(const std::vector<test::Block>& blocks, std::vector<test::WorkingSet>& sets,
                 uint64_t steps, Measured& measured) {
    int round = 0;
    // Runs in one thread while the others wait.
    auto at_end_of_round = [&]() noexcept {
      measured.live = 0;
      for (const test::Block& block : blocks) {
        if (block.at != nullptr) measured.live += block.size;
      }
      bartizan_statistics statistics;
      const bool counted = test::Statistics(&statistics);
      const uint64_t cached = counted ? statistics.large_cached_bytes : 0;
      const auto left_out = static_cast<int64_t>(measured.live + cached);
      measured.rounds[round].resident = static_cast<int64_t>(test::ResidentBytes()) - left_out;
      if (counted) {
        measured.rounds[round].committed =
            static_cast<int64_t>(statistics.committed_bytes) - left_out;
      }
      ++round;
    };
    std::barrier barrier(static_cast<ptrdiff_t>(threads_), at_end_of_round);
    auto work = [&](size_t thread) {
      for (int i = 0; i < kRounds; ++i) {
        sets[(thread + static_cast<size_t>(i)) % threads_].Steps(steps);
        barrier.arrive_and_wait();
      }
    };
    std::vector<std::thread> threads;
    for (size_t i = 1; i < threads_; ++i) threads.emplace_back(work, i);
    work(0);
    for (std::thread& thread : threads) thread.join();
  }

  void CheckFlat(size_t live, const char* name, const Measured& measured) const {
    CheckFlat(live, name, "resident", measured, &Overhead::resident);
    if (counts_committed_) CheckFlat(live, name, "committed", measured, &Overhead::committed);
  }

  void CheckFlat(size_t live, const char* name, const char* what, const Measured& measured,
                 int64_t Overhead::* kind) const {
    int64_t early = measured.Highest(kind, kWarm, kMiddle);
    int64_t late = measured.Highest(kind, kMiddle, kRounds);
    double mebibytes = 1 << 20;
    test::Say("%6zu live, %-6s %7.1f MiB, %-9s %+8.1f MiB, later %+8.1f MiB", live, name,
              test::Mebibytes(measured.live), what, static_cast<double>(early) / mebibytes,
              static_cast<double>(late) / mebibytes);
    int64_t whole = early + static_cast<int64_t>(measured.live);
    int64_t allowed = early + whole / 100 + static_cast<int64_t>(slack_);
    EXPECT(late <= allowed, "%s memory grew by %.1f MiB after the warm-up", what,
           static_cast<double>(late - early) / mebibytes);
  }

  size_t threads_;
  uint64_t slack_;
  bool counts_committed_;
};

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t operations = arguments.Amount("operations", 5000000, 100000000);
  size_t threads = arguments.Number("threads", 2);
  // Only the long form exchanges the blocks of the largest set often enough to be really warm.
  uint64_t slack = arguments.Number("slack", arguments.Long()    ? 4 << 20
                                             : arguments.Short() ? 64 << 20
                                                                 : 16 << 20);
  arguments.RejectUnknown();
  EXPECT(threads > 0, "--threads must be above 0");
  uint64_t weights = 0;
  for (const Live& live : kLive) weights += live.weight * std::size(kDistributions);
  Churn churn(threads, slack);
  test::Progress progress("churn", weights);
  uint64_t done = 0;
  for (const Live& live : kLive) {
    for (const Distribution& distribution : kDistributions) {
      churn.Run(live.blocks, distribution, operations * live.weight / weights, random.Next());
      progress.At(done += live.weight);
    }
  }
  return 0;
}
