// The extended interface, once per profile (the build names it in EXPECTED_PROFILE).
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/options/option_table.h"
#include "src/options/version.h"
#include "tests/support/random.h"

namespace bartizan {
namespace {

std::string ExpectedProfile() { return getenv("EXPECTED_PROFILE"); }

// Comes first in this file and so in this program: the very first allocation of the process.
TEST(ExtendedInterface, TheFirstBlockOfTheProcessIsAnOrdinaryOne) {
  void* block = bartizan_calloc(1, 10);
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  ASSERT_EQ(bartizan_get_statistics(&statistics), 0);
  EXPECT_EQ(statistics.live_blocks, 1u);
  EXPECT_EQ(statistics.live_bytes, 10u);
  EXPECT_EQ(statistics.large_live_blocks, 0u);
  bartizan_free(block);
}

TEST(ExtendedInterface, TellsVersionAndProfile) {
  EXPECT_EQ(bartizan_version(), kVersion);
  EXPECT_EQ(bartizan_profile(), ExpectedProfile());
}

TEST(ExtendedInterface, TellsWhichLayersAreInForce) {
  ProfileId profile;
  ASSERT_TRUE(FindProfile(ExpectedProfile(), &profile));
  for (size_t i = 0; i < kToggleCount; ++i) {
    const OptionSpec& spec = kOptionTable[i];
    EXPECT_EQ(bartizan_layer_in_force(std::string(spec.name).c_str()),
              spec.defaults[profile] != 0 ? 1 : 0)
        << spec.name;
  }
  for (const char* name :
       {"", "no_such_layer", "canarie", "canariess", "CANARIES", "profile", "decay", "verbose"}) {
    EXPECT_EQ(bartizan_layer_in_force(name), -1) << name;
  }
}

// --- Objects ------------------------------------------------------------------------------------

testing::AssertionResult Finds(const char* inside, const char* begin, size_t bytes) {
  bartizan_object object = {};
  if (bartizan_find_object(inside, &object) != 1) {
    return testing::AssertionFailure() << "nothing at +" << inside - begin << " of " << bytes;
  }
  if (object.begin != begin || object.size != bytes) {
    return testing::AssertionFailure()
           << "another object at +" << inside - begin << " of " << bytes;
  }
  return testing::AssertionSuccess();
}
bool FindsNothing(const void* inside) {
  bartizan_object object = {};
  return bartizan_find_object(inside, &object) == 0;
}

TEST(FindObject, FindsBlocksByAnyOfTheirBytes) {
  test::Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const size_t bytes = random.Logarithmic(1, 4 << 20);
    const char* block = static_cast<char*>(random.OneIn(4) ? bartizan_aligned_alloc(512, bytes)
                                                           : bartizan_malloc(bytes));
    ASSERT_TRUE(Finds(block, block, bytes));
    ASSERT_TRUE(Finds(block + bytes - 1, block, bytes));
    ASSERT_TRUE(Finds(block + random.Below(bytes), block, bytes));
    bartizan_free(const_cast<char*>(block));
    ASSERT_TRUE(FindsNothing(block));
    ASSERT_TRUE(FindsNothing(block + bytes / 2));
  }
}

// Where the slot is not full, and where the address after the last byte is another block's first.
TEST(FindObject, FindsBlocksByTheirEnd) {
  for (size_t bytes : {size_t{1}, size_t{15}, size_t{100}, size_t{5000}, size_t{300001}}) {
    const char* block = static_cast<char*>(bartizan_malloc(bytes));
    EXPECT_TRUE(Finds(block + bytes, block, bytes));
    EXPECT_TRUE(FindsNothing(block + bytes + 17) || !Finds(block + bytes + 17, block, bytes));
    bartizan_free(const_cast<char*>(block));
  }
}

TEST(FindObject, FindsBlocksByTheirEndInFullSlotsToo) {
  for (size_t bytes : {size_t{16}, size_t{64}, size_t{1024}, size_t{131072}, size_t{1} << 20}) {
    std::vector<char*> blocks;
    for (int i = 0; i < 50; ++i) blocks.push_back(static_cast<char*>(bartizan_malloc(bytes)));
    for (const char* block : blocks) {
      bartizan_object object = {};
      ASSERT_EQ(bartizan_find_object(block + bytes, &object), 1) << bytes;
      // The block that begins there, if there is one; else the one that ends.
      EXPECT_TRUE(object.begin == block || object.begin == block + bytes);
      EXPECT_TRUE(Finds(block, block, bytes));
    }
    for (char* block : blocks) bartizan_free(block);
  }
}

TEST(FindObject, FindsBlocksOfNothingByTheirAddress) {
  const char* block = static_cast<char*>(bartizan_malloc(0));
  EXPECT_TRUE(Finds(block, block, 0));
  EXPECT_TRUE(FindsNothing(block + 1) || !Finds(block + 1, block, 0));
  bartizan_free(const_cast<char*>(block));
  EXPECT_TRUE(FindsNothing(block));
}

TEST(FindObject, FindsTheNewSizeOfAResizedBlock) {
  auto* block = static_cast<char*>(bartizan_malloc(100));
  for (size_t bytes : {size_t{90}, size_t{97}, size_t{5000}, size_t{300000}, size_t{200000}}) {
    block = static_cast<char*>(bartizan_realloc(block, bytes));
    EXPECT_TRUE(Finds(block + bytes / 2, block, bytes));
  }
  bartizan_free(block);
}

TEST(FindObject, FindsNothingElsewhere) {
  int on_stack;
  static int global;
  EXPECT_TRUE(FindsNothing(nullptr));
  EXPECT_TRUE(FindsNothing(&on_stack));
  EXPECT_TRUE(FindsNothing(&global));
  for (uintptr_t address : {uintptr_t{1}, UINTPTR_MAX, uintptr_t{1} << 47, uintptr_t{1} << 63}) {
    EXPECT_TRUE(FindsNothing(reinterpret_cast<void*>(address)));
  }
}

// --- Statistics ---------------------------------------------------------------------------------

TEST(Statistics, AreForTheSizeThatTheCallerKnows) {
  struct {
    bartizan_statistics statistics;
    unsigned char newer[64];
    unsigned char behind[16];
  } caller;
  std::memset(&caller, 0xa5, sizeof caller);
  constexpr size_t kFirstVersion = offsetof(bartizan_statistics, slab_bytes);
  caller.statistics.struct_bytes = kFirstVersion - 1;
  const auto before = caller;
  EXPECT_EQ(bartizan_get_statistics(&caller.statistics), -1);
  EXPECT_EQ(std::memcmp(&caller, &before, sizeof caller), 0) << "a refused call wrote something";
  caller.statistics.struct_bytes = kFirstVersion;
  EXPECT_EQ(bartizan_get_statistics(&caller.statistics), 0);
  EXPECT_GE(caller.statistics.heaps, 1u);
  const auto* behind = reinterpret_cast<const unsigned char*>(&caller) + kFirstVersion;
  for (; behind != caller.newer; ++behind) ASSERT_EQ(*behind, 0xa5) << "beyond the caller's struct";
  caller.statistics.struct_bytes = sizeof caller.statistics + sizeof caller.newer;
  EXPECT_EQ(bartizan_get_statistics(&caller.statistics), 0);
  EXPECT_EQ(caller.statistics.struct_bytes, sizeof caller.statistics + sizeof caller.newer);
  for (unsigned char byte : caller.newer) EXPECT_EQ(byte, 0) << "members of a later version";
  for (unsigned char byte : caller.behind) EXPECT_EQ(byte, 0xa5);
}

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

TEST(Statistics, CountWhatIsLiveExactly) {
  test::Random random(1);
  const bartizan_statistics start = Statistics();
  std::vector<std::pair<void*, size_t>> live;
  size_t bytes = 0;
  size_t large = 0;
  size_t large_bytes = 0;
  for (int i = 0; i < 3000; ++i) {
    if (live.empty() || random.Below(3) != 0) {
      const size_t size = random.OneIn(20) ? random.Between(140000, 400000)
                                           : random.Logarithmic(1, 60000) - random.OneIn(30);
      live.push_back({bartizan_malloc(size), size});
      bytes += size;
      large += size >= 140000;
      large_bytes += size >= 140000 ? size : 0;
    } else {
      std::swap(live[random.Below(live.size())], live.back());
      const auto [block, size] = live.back();
      live.pop_back();
      bartizan_free(block);
      bytes -= size;
      large -= size >= 140000;
      large_bytes -= size >= 140000 ? size : 0;
    }
    if (i % 50 != 0) continue;
    const bartizan_statistics now = Statistics();
    ASSERT_EQ(now.live_blocks - start.live_blocks, live.size());
    ASSERT_EQ(now.live_bytes - start.live_bytes, bytes);
    ASSERT_EQ(now.large_live_blocks - start.large_live_blocks, large);
    ASSERT_EQ(now.large_live_bytes - start.large_live_bytes, large_bytes);
    ASSERT_GE(now.committed_bytes, now.live_bytes);
    ASSERT_GE(now.committed_bytes, now.quarantined_bytes + now.cached_bytes + now.free_bytes);
  }
  for (const auto& [block, size] : live) bartizan_free(block);
  EXPECT_EQ(Statistics().live_blocks, start.live_blocks);
  EXPECT_EQ(Statistics().nodes, 1u);
  EXPECT_GE(Statistics().heaps, 1u);
}

TEST(Statistics, FreedSlotsWaitWhereThereIsAQuarantine) {
  std::vector<void*> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(bartizan_malloc(3000));
  for (void* block : blocks) bartizan_free(block);
  const uint64_t after = Statistics().quarantined_bytes;
  if (bartizan_layer_in_force("quarantine") == 1) {
    EXPECT_GE(after, 4 * 3000u);
  } else {
    EXPECT_EQ(after, 0u);
  }
}

}  // namespace
}  // namespace bartizan
