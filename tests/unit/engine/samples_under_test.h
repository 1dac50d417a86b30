// What the tests of samples share. The options are in the build: sampling=1, by which every block
// is one, or sampling=10.
#ifndef BARTIZAN_TESTS_UNIT_ENGINE_SAMPLES_UNDER_TEST_H_
#define BARTIZAN_TESTS_UNIT_ENGINE_SAMPLES_UNDER_TEST_H_

#include <gtest/gtest.h>

#include <cstdint>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/engine/samples.h"
#include "src/options/sealed_page.h"

namespace bartizan {

inline bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

inline uintptr_t AddressOf(const void* block) { return reinterpret_cast<uintptr_t>(block); }

inline bool EveryBlockIsOne() {
  bartizan_free(bartizan_malloc(1));  // the options are read at the start
  return OptionsInForce().sample_interval == 1;
}
#define SKIP_UNLESS(condition) \
  if (!(condition)) GTEST_SKIP() << "this build of the test has other options"

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_ENGINE_SAMPLES_UNDER_TEST_H_
