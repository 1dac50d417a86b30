// Phases one after the other, of which some keep a block for ever: what that costs.
#include <stdio.h>

#include "tools/bench/given_back/heap.h"
#include "tools/bench/given_back/modes.h"

namespace given_back {
namespace {

constexpr uint64_t kPhases = 100'000;
constexpr uint64_t kWarmUp = 1000;  // phases that keep nothing
constexpr size_t kBlocks = 64;      // of a phase
constexpr uint64_t kSlab = uint64_t{64} * 1024;
// Of epochs and slabs that were never used before: so much may become resident all the same.
constexpr uint64_t kTables = uint64_t{64} * 1024;

void DoPhase(const Options& options, bool keep, Blocks& blocks, Blocks& kept,
             bench::Random& random) {
  Phase phase(!options.plain);
  const size_t place = random.Below(kBlocks);
  for (size_t i = 0; i < kBlocks; ++i) {
    const size_t size = random.Doublings(4, 11);
    if (keep && i == place) {
      kept.Add(size);
    } else {
      blocks.Add(size);
    }
  }
  blocks.FreeBehind(0, random);
  phase.End();
}

uint64_t Growth(uint64_t before, uint64_t after) { return after > before ? after - before : 0; }

}  // namespace

bool RunPhases(const Options& options) {
  const uint64_t phases = options.count != 0 ? options.count : kPhases;
  bench::Random random(1);
  Blocks blocks(kBlocks);
  Blocks kept(phases);
  for (uint64_t i = 0; i < kWarmUp; ++i) DoPhase(options, false, blocks, kept, random);

  const Held before = Look();
  const auto wanted = static_cast<uint64_t>(options.keep * static_cast<double>(phases));
  for (uint64_t i = 0; i < phases; ++i) {
    // Evenly among all.
    const bool keep = kept.Count() * phases < (i + 1) * wanted;
    DoPhase(options, keep, blocks, kept, random);
  }
  const Held after = Look();

  const uint64_t resident = Growth(before.resident, after.resident);
  const uint64_t committed = Growth(before.committed, after.committed);
  printf("kept_blocks %zu\nkept %lu\n", kept.Count(), kept.Bytes());
  printf("resident_before %lu\nresident_growth %lu\n", before.resident, resident);
  if (KnowsCommitted()) {
    printf("committed_before %lu\ncommitted_growth %lu\n", before.committed, committed);
  }
  const uint64_t most = kept.Count() * kSlab;
  return resident <= most + kTables && committed <= most;
}

}  // namespace given_back
