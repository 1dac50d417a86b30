// A peak that goes, after which the program goes on with small calls of its own: when is the memory
// back?
#include <stdio.h>

#include "tools/bench/given_back/heap.h"
#include "tools/bench/given_back/modes.h"
#include "tools/bench/micro/clock.h"

namespace given_back {
namespace {

constexpr uint64_t kMebibytes = 1024;
constexpr uint64_t kStaysOneIn = 8;
constexpr uint64_t kBytesPerBlockAtLeast = 1024;
constexpr size_t kSmallBlocks = 1000;
constexpr uint64_t kCallsBetweenLooks = 10'000;
constexpr uint64_t kMostPerCent = 110;

double Seconds() { return bench::Nanoseconds() * 1e-9; }

// The program's own calls: small blocks, replaced at random.
class Work {
 public:
  explicit Work(bench::Random& random) : random_(random), blocks_(kSmallBlocks) {
    for (size_t i = 0; i < kSmallBlocks; ++i) blocks_.Add(Draw());
  }
  void Some() {
    for (uint64_t i = 0; i < kCallsBetweenLooks; ++i) {
      blocks_.Replace(random_.Below(kSmallBlocks), Draw());
    }
  }

 private:
  size_t Draw() { return random_.Doublings(4, 9); }

  bench::Random& random_;
  Blocks blocks_;
};

}  // namespace

bool RunPeak(const Options& options) {
  const uint64_t bytes = (options.mebibytes != 0 ? options.mebibytes : kMebibytes) << 20;
  bench::Random random(1);
  // What lives on is older than the peak: mixed with it, it would hold on to its pages.
  Blocks live(bytes / kStaysOneIn / kBytesPerBlockAtLeast);
  Blocks peak(bytes / kBytesPerBlockAtLeast);
  live.Fill(bytes / kStaysOneIn, random);
  Work work(random);
  work.Some();
  const Held before = Look();
  peak.Fill(bytes - bytes / kStaysOneIn, random);
  const Held top = Look();
  peak.FreeBehind(0, random);

  const double begin = Seconds();
  const uint64_t most = before.resident * kMostPerCent / 100;
  const uint64_t most_calls = options.count != 0 ? options.count : UINT64_MAX;
  const Held freed = Look();
  Held now = freed;
  double until = 0;
  uint64_t calls = 0;
  while (now.resident > most && until < options.seconds && calls < most_calls) {
    work.Some();
    calls += kCallsBetweenLooks;
    now = Look();
    until = Seconds() - begin;
  }
  printf("live %lu\nresident_before %lu\nresident_top %lu\nresident_freed %lu\nresident_end %lu\n",
         live.Bytes(), before.resident, top.resident, freed.resident, now.resident);
  printf("seconds %.2f\ncalls %lu\n", until, calls);
  printf("back %d\n", now.resident <= most);
  return now.resident <= most;
}

}  // namespace given_back
