// Planning repetitions, printing figures.
#include <stdio.h>

#include <algorithm>

#include "tools/bench/micro/benchmark.h"

namespace bench {

void Run::Plan(double nanoseconds) {
  if (minimal_ || nanoseconds >= kTooLong) {
    repetitions_ = 1;
    calls_ = 1;
    return;
  }
  const double calls_in_all = std::max(1.0, seconds_ * 1e9 / std::max(nanoseconds, 1.0));
  repetitions_ = static_cast<int>(std::clamp(calls_in_all, static_cast<double>(kLeastRepetitions),
                                             static_cast<double>(kMostRepetitions)));
  calls_ = std::max<uint64_t>(1, static_cast<uint64_t>(calls_in_all / repetitions_));
}

void Run::PrintMedian() {
  std::sort(took_, took_ + repetitions_);
  const int middle = repetitions_ / 2;
  const double median =
      repetitions_ % 2 == 1 ? took_[middle] : (took_[middle - 1] + took_[middle]) / 2;
  printf("%s: %.2f ns (least %.2f of %d)\n", name_, median, took_[0], repetitions_);
}

void Run::Print(const char* figure, double value, const char* unit) const {
  printf("%s%s%s: %.2f %s\n", name_, *figure == '\0' ? "" : " ", figure, value, unit);
}

}  // namespace bench
