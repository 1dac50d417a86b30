// The benchmarks of the suite.
#include "tools/bench/micro/benchmark.h"

namespace bench {
namespace {

constexpr const BenchmarkList* kLists[] = {&kSmallBlocks, &kGrowingAndLargeBlocks, &kThreads,
                                           &kProcesses,   &kSingleCalls,           &kScaling};

}  // namespace

constinit const std::span<const BenchmarkList* const> kAllLists = kLists;

}  // namespace bench
