// What a benchmark is, and how it is timed.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_BENCHMARK_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_BENCHMARK_H_

#include <stdint.h>

#include <span>

#include "tools/bench/micro/clock.h"

namespace bench {

// One run of one benchmark. Prints a line for each figure: "NAME [ARGUMENT] [FIGURE]: VALUE UNIT".
class Run {
 public:
  // With `minimal` the benchmark does as little as it can: to see that it works, not to measure.
  Run(const char* name, double seconds, bool minimal)
      : name_(name), seconds_(seconds), minimal_(minimal) {}

  // Times `chunk`, which does `operations` operations each time it is called: once to warm up, then
  // in repetitions of as many calls as fill the time. Prints the median over the repetitions, in
  // nanoseconds for one operation. What takes seconds the first time is not repeated.
  template <typename Chunk>
  void Repeat(uint64_t operations, const Chunk& chunk) {
    const double first = Time(1, chunk);
    Plan(first);
    took_[0] = first / static_cast<double>(operations);
    for (int i = 0; i < repetitions_ && first < kTooLong; ++i) {
      took_[i] = Time(calls_, chunk) / static_cast<double>(calls_ * operations);
    }
    PrintMedian();
  }

  // Prints a figure that the benchmark found in its own way.
  void Print(const char* figure, double value, const char* unit) const;

  double Seconds() const { return seconds_; }

  // `usual`, or a small part of it in the minimal form.
  uint64_t Amount(uint64_t usual) const {
    return !minimal_ ? usual : usual < kMinimalPart ? 1 : usual / kMinimalPart;
  }

 private:
  static constexpr uint64_t kMinimalPart = 100;
  // Enough for a median that one disturbance does not move; few enough that each is long against
  // the clock's own cost.
  static constexpr int kMostRepetitions = 11;
  static constexpr int kLeastRepetitions = 3;
  static constexpr double kTooLong = 2e9;

  // Nanoseconds for `calls` calls.
  template <typename Chunk>
  static double Time(uint64_t calls, const Chunk& chunk) {
    const double begin = Nanoseconds();
    for (uint64_t i = 0; i < calls; ++i) chunk();
    return Nanoseconds() - begin;
  }

  // How many repetitions, of how many calls each, when one call takes `nanoseconds`.
  void Plan(double nanoseconds);
  void PrintMedian();

  const char* name_;
  double seconds_;
  bool minimal_;
  int repetitions_ = 0;
  uint64_t calls_ = 0;
  double took_[kMostRepetitions] = {};
};

struct Benchmark {
  const char* name;
  const char* does;
  // What it is run with, one after another; none: it is run once, with 0.
  std::span<const uint64_t> arguments;
  void (*measure)(Run& run, uint64_t argument);
};

using BenchmarkList = std::span<const Benchmark>;

// By file.
extern const BenchmarkList kSmallBlocks;
extern const BenchmarkList kGrowingAndLargeBlocks;
extern const BenchmarkList kThreads;
extern const BenchmarkList kProcesses;
extern const BenchmarkList kSingleCalls;
extern const BenchmarkList kScaling;

// What the program consists of: one file for each program.
extern const std::span<const BenchmarkList* const> kAllLists;

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_BENCHMARK_H_
