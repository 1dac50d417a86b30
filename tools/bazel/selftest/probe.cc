#include "tools/bazel/selftest/probe.h"

#include <numa.h>

// Libnuma's constructor was taken out (system_numa.BUILD).
extern "C" void numa_init(void);

namespace {
thread_local int calls = 0;

// Template code of the standard library's kind, without its run-time.
template <typename T>
T Twice(T value) {
  return value + value;
}
}  // namespace

int HiddenProbe() { return Twice(++calls); }

int bartizan_probe() { return HiddenProbe() / 2; }

int bartizan_highest_node() {
  numa_init();
  return numa_available() < 0 ? 0 : numa_max_node();
}
