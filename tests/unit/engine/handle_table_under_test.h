// What the tests of the table of handles share: blocks that are numbers, for nobody looks at them.
#ifndef BARTIZAN_TESTS_UNIT_ENGINE_HANDLE_TABLE_UNDER_TEST_H_
#define BARTIZAN_TESTS_UNIT_ENGINE_HANDLE_TABLE_UNDER_TEST_H_

#include <gtest/gtest.h>

#include <cstdint>

#include "src/engine/handle_table.h"

namespace bartizan {

using Taken = HandleTable::Taken;
using Freed = HandleTable::Freed;
using Pinned = HandleTable::Pinned;
using Unpinned = HandleTable::Unpinned;

inline constexpr uint32_t kSmall = 512;

inline void* Address(uint64_t number) { return reinterpret_cast<void*>(number); }

inline uint64_t Issue(HandleTable& table, uint64_t block, unsigned distance_log = 4) {
  uint32_t index = 0;
  EXPECT_EQ(table.Take(&index), Taken::kDone);
  return table.Publish(index, {Address(block), distance_log});
}
inline void FreeAndGiveBack(HandleTable& table, uint64_t handle) {
  ASSERT_EQ(table.Free(handle), Freed::kNow);
  table.GiveBack(handle);
}
inline uint32_t IndexOf(uint64_t handle) {
  return static_cast<uint32_t>(handle >> HandleTable::kTagBits);
}
inline uint64_t TagOf(uint64_t handle) {
  return handle & ((uint64_t{1} << HandleTable::kTagBits) - 1);
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_ENGINE_HANDLE_TABLE_UNDER_TEST_H_
