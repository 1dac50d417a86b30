// What tests do with epochs all the time.
#ifndef BARTIZAN_TESTS_UNIT_API_EPOCH_STEPS_H_
#define BARTIZAN_TESTS_UNIT_API_EPOCH_STEPS_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bartizan/epoch.h"

namespace bartizan {

inline constexpr size_t kLarge = size_t{1} << 20;

inline bartizan_epoch Open(const char* label = "test") {
  bartizan_epoch epoch = {};
  EXPECT_EQ(bartizan_epoch_open(label, &epoch), BARTIZAN_EPOCH_OK);
  EXPECT_NE(epoch.id, 0U);
  return epoch;
}
inline bartizan_epoch_info Info(bartizan_epoch epoch) {
  bartizan_epoch_info info = {};
  info.struct_bytes = sizeof info;
  EXPECT_EQ(bartizan_epoch_get_info(epoch, &info), BARTIZAN_EPOCH_OK);
  return info;
}
inline bool IsGone(bartizan_epoch epoch) {
  bartizan_epoch_info info = {};
  info.struct_bytes = sizeof info;
  return bartizan_epoch_get_info(epoch, &info) == BARTIZAN_EPOCH_STALE;
}
inline char* In(bartizan_epoch epoch, size_t size) {
  bartizan_epoch_status status = BARTIZAN_EPOCH_BUSY;
  void* const block = bartizan_epoch_malloc(epoch, size, &status);
  EXPECT_EQ(status, BARTIZAN_EPOCH_OK);
  EXPECT_NE(block, nullptr);
  memset(block, 0x5a, size);
  return static_cast<char*>(block);
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_API_EPOCH_STEPS_H_
