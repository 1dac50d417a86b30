// Memory for records.
#include "src/metadata/metadata_memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "src/metadata/address_map.h"
#include "src/platform/memory.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

RandomStream Seeded(uint32_t seed) {
  RandomStream random;
  const uint32_t key[RandomStream::kKeyWords] = {0x6d6d, seed};
  random.Seed(key);
  return random;
}

// Where the map lies is where its regions will grow. One place in ten or so would be there.
TEST(MetadataMemory, LiesOutsideOfTheMap) {
  RandomStream random = Seeded(1);
  ASSERT_TRUE(g_address_map.Initialize(random));
  const platform::AddressRange layout = g_address_map.layout();
  const MemoryProbe probe;
  std::vector<uintptr_t> places;
  for (int i = 0; i < 300; ++i) {
    const size_t bytes = (1 + i % 3) * platform::kPageBytes;
    const uintptr_t place = ClaimMetadata(random, bytes);
    ASSERT_NE(place, 0u);
    EXPECT_TRUE(probe.Accessible(place, bytes));
    EXPECT_TRUE(place + bytes <= layout.begin || place >= layout.end);
    EXPECT_EQ(*reinterpret_cast<uint64_t*>(place), 0u);
    places.push_back(place);
  }
  for (uintptr_t place : places) platform::Release(place, platform::kPageBytes);
}

TEST(MetadataMemory, HasNothingBesideIt) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
  RandomStream random = Seeded(2);
  const MemoryProbe probe;
  for (int i = 0; i < 100; ++i) {
    const uintptr_t place = ClaimMetadata(random, platform::kPageBytes);
    EXPECT_FALSE(probe.Readable(place - 1));
    EXPECT_FALSE(probe.Readable(place + platform::kPageBytes));
    platform::Release(place, platform::kPageBytes);
  }
}

}  // namespace
}  // namespace bartizan
