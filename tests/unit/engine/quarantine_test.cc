// How soon a freed slot comes back: never before as many others of its class were freed as the
// quarantine holds, however the program goes about it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/engine/runtime.h"
#include "src/platform/entropy.h"

namespace bartizan {
namespace {

// What the layers in force say of blocks of this size.
uint64_t SaidFor(size_t bytes) {
  RandomStream random;
  uint32_t key[RandomStream::kKeyWords];
  platform::FillRandom(key, sizeof key);
  random.Seed(key);
  BinPlan plan{.id = ClassOf(bytes + g_runtime.trailer_bytes), .random = random};
  kComposition.plan_bin(plan);
  return plan.quarantine_slots;
}

// The least number of frees between that of a slot and its next issue, when `batch` blocks are
// allocated and freed at a time.
uint64_t LeastDistance(size_t bytes, size_t batch) {
  constexpr uint64_t kFrees = 20000;
  std::unordered_map<void*, uint64_t> freed_as;
  uint64_t least = UINT64_MAX;
  std::vector<void*> blocks(batch);
  for (uint64_t frees = 0; frees < kFrees;) {
    for (void*& block : blocks) {
      block = bartizan_malloc(bytes);
      const auto before = freed_as.find(block);
      if (before != freed_as.end()) least = std::min(least, frees - before->second - 1);
    }
    for (void* block : blocks) {
      bartizan_free(block);
      freed_as[block] = frees++;
    }
  }
  return least;
}

TEST(Quarantine, ASlotWaitsForAsManyFreesAsIsSaid) {
  bartizan_free(bartizan_malloc(1));  // starts the allocator
  if (bartizan_layer_in_force("quarantine") != 1) GTEST_SKIP() << "nothing waits";
  for (size_t bytes : {8, 100, 1000, 3000, 10000, 100000}) {
    for (size_t batch : {1, 5, 60}) {
      SCOPED_TRACE(testing::Message() << bytes << " bytes, " << batch << " at a time");
      EXPECT_GE(LeastDistance(bytes, batch), SaidFor(bytes));
    }
  }
}

}  // namespace
}  // namespace bartizan
