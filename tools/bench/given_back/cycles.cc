// Cycles of pressure beside an old phase of which a fifth of the blocks stays: what is held at the
// top of a cycle and after it must not grow.
#include <stdio.h>

#include <algorithm>

#include "tools/bench/given_back/heap.h"
#include "tools/bench/given_back/modes.h"

namespace given_back {
namespace {

constexpr uint64_t kCycles = 2000;
constexpr uint64_t kMebibytes = 32;
constexpr uint64_t kPinnedOneIn = 5;
constexpr uint64_t kBytesPerBlockAtLeast = 1024;  // they have 1.7 KiB on average
constexpr uint64_t kMostDriftPerMille = 10;

// Means over cycles.
class Mean {
 public:
  void Add(const Held& held) {
    resident_ += held.resident;
    committed_ += held.committed;
    ++count_;
  }
  Held Get() const { return {resident_ / count_, committed_ / count_}; }

 private:
  uint64_t resident_ = 0;
  uint64_t committed_ = 0;
  uint64_t count_ = 0;
};

// A stretch of cycles.
struct Stretch {
  Mean top;    // all is allocated
  Mean after;  // all is freed
};

bool GrowsLittle(uint64_t early, uint64_t late) {
  return late <= early + early * kMostDriftPerMille / 1000;
}

bool GrowsLittle(const char* when, const Held& early, const Held& late) {
  printf("%s_resident_early %lu\n%s_resident_late %lu\n", when, early.resident, when,
         late.resident);
  if (KnowsCommitted()) {
    printf("%s_committed_early %lu\n%s_committed_late %lu\n", when, early.committed, when,
           late.committed);
  }
  return GrowsLittle(early.resident, late.resident) && GrowsLittle(early.committed, late.committed);
}

}  // namespace

bool RunCycles(const Options& options) {
  const uint64_t cycles = options.count != 0 ? options.count : kCycles;
  const uint64_t bytes = (options.mebibytes != 0 ? options.mebibytes : kMebibytes) << 20;
  // The twentieth of all cycles that is compared, and the one to compare with after a warm-up.
  const uint64_t stretch = std::max<uint64_t>(cycles / 20, 1);
  bench::Random random(1);
  Blocks old(bytes / kBytesPerBlockAtLeast);
  Blocks blocks(bytes / kBytesPerBlockAtLeast);

  Phase first(!options.plain);
  old.Fill(bytes, random);
  old.Shuffle(random);
  old.FreeBehind(old.Count() / kPinnedOneIn, random);
  first.End();
  printf("pinned %lu\n", old.Bytes());

  Stretch early;
  Stretch late;
  for (uint64_t i = 0; i < cycles; ++i) {
    Phase phase(!options.plain);
    // The same blocks each time: only what the heap makes of them may differ.
    bench::Random sizes(2);
    blocks.Fill(bytes, sizes);
    const Held top = Look();
    blocks.FreeBehind(0, random);
    phase.End();
    const Held after = Look();
    if (i % stretch == 0 || i + 1 == cycles) {
      printf("cycle %lu %lu %lu\n", i, top.resident, after.resident);
    }
    const bool is_early = i >= stretch && i < 2 * stretch;
    if (!is_early && i + stretch < cycles) continue;
    Stretch& which = is_early ? early : late;
    which.top.Add(top);
    which.after.Add(after);
  }
  const bool top = GrowsLittle("top", early.top.Get(), late.top.Get());
  return GrowsLittle("after", early.after.Get(), late.after.Get()) && top;
}

}  // namespace given_back
