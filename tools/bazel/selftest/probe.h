#ifndef BARTIZAN_TOOLS_BAZEL_SELFTEST_PROBE_H_
#define BARTIZAN_TOOLS_BAZEL_SELFTEST_PROBE_H_

extern "C" {

// Counts calls per thread; exported by the shared library under test.
__attribute__((visibility("default"))) int bartizan_probe();

// The number of the highest memory node, from libnuma inside the library; 0 where there is none.
__attribute__((visibility("default"))) int bartizan_highest_node();

// Hidden in the shared library and local in the archive.
int HiddenProbe();
}

#endif  // BARTIZAN_TOOLS_BAZEL_SELFTEST_PROBE_H_
