// What the program does, and what it is told.
#ifndef BARTIZAN_TOOLS_BENCH_GIVEN_BACK_MODES_H_
#define BARTIZAN_TOOLS_BENCH_GIVEN_BACK_MODES_H_

#include <stdint.h>

namespace given_back {

struct Options {
  uint64_t count = 0;      // of cycles, phases, or calls after a peak; 0: as many as the mode wants
  uint64_t mebibytes = 0;  // of a cycle, or of the peak; 0: as the mode wants
  double keep = 0;         // the share of phases that keep a block for ever
  double seconds = 30;     // after which nothing more is expected to go back
  bool plain = false;      // no epochs, even where there are
  bool check = false;      // fail when a limit of Bartizan's is missed
};

// Each prints lines "name value", bytes unless the name says otherwise, and returns whether the
// limits were kept.
bool RunCycles(const Options& options);
bool RunPhases(const Options& options);
bool RunPeak(const Options& options);

}  // namespace given_back

#endif  // BARTIZAN_TOOLS_BENCH_GIVEN_BACK_MODES_H_
