// Containers in epochs (include/bartizan/new.h), once per profile. They free with the C library's
// names, so here the library is the process's malloc.
#include "bartizan/new.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/api/epoch_steps.h"

namespace bartizan {
namespace {

uintptr_t Address(const void* block) { return reinterpret_cast<uintptr_t>(block); }

TEST(EpochResource, EveryBlockOfAContainerIsInside) {
  const bartizan_epoch epoch = Open();
  {
    EpochResource resource(epoch);
    EXPECT_EQ(resource.Epoch().id, epoch.id);
    EXPECT_EQ(resource.Epoch().era, epoch.era);
    std::pmr::vector<std::pmr::string> texts(&resource);
    texts.reserve(10);
    EXPECT_EQ(Info(epoch).live_blocks, 1U);
    EXPECT_EQ(Info(epoch).live_bytes, 10 * sizeof(std::pmr::string));
    for (int i = 0; i < 10; ++i) texts.emplace_back(1000, 'x');
    EXPECT_EQ(Info(epoch).live_blocks, 11U);
    EXPECT_GE(Info(epoch).live_bytes, 10 * sizeof(std::pmr::string) + 10 * 1001);
    // Of another resource's: not of the epoch.
    const std::pmr::string copy(texts.front(), std::pmr::new_delete_resource());
    EXPECT_EQ(copy.size(), 1000U);
    EXPECT_EQ(Info(epoch).live_blocks, 11U);
    texts.pop_back();
    EXPECT_EQ(Info(epoch).live_blocks, 10U);
  }
  EXPECT_EQ(Info(epoch).live_blocks, 0U);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochResource, AlignsAndIgnoresScopes) {
  const bartizan_epoch epoch = Open();
  const bartizan_epoch other = Open();
  EpochResource resource(epoch);
  std::vector<std::pair<void*, size_t>> blocks;
  blocks.reserve(20);
  {
    const EpochScope scope(other);
    for (size_t alignment = 1; alignment <= 16'384; alignment *= 2) {
      void* const block = resource.allocate(24, alignment);
      EXPECT_EQ(Address(block) % alignment, 0U);
      blocks.emplace_back(block, alignment);
    }
  }
  EXPECT_EQ(Info(epoch).live_blocks, blocks.size());
  EXPECT_EQ(Info(epoch).live_bytes, 24 * blocks.size());
  EXPECT_EQ(Info(other).live_blocks, 0U);
  // By another thread, too.
  std::thread([&] {
    for (const auto& [block, alignment] : blocks) resource.deallocate(block, 24, alignment);
  }).join();
  EXPECT_EQ(Info(epoch).live_blocks, 0U);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(other, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(EpochResource, ThrowsWhenTheEpochTakesNothing) {
  const bartizan_epoch epoch = Open();
  EpochResource resource(epoch);
  std::pmr::string kept(100, 'k', &resource);
  EXPECT_THROW(static_cast<void>(resource.allocate(PTRDIFF_MAX)), std::bad_alloc);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_THROW(static_cast<void>(resource.allocate(1)), std::bad_alloc);
  EXPECT_THROW(kept.append(1000, 'k'), std::bad_alloc);
  EXPECT_STREQ(kept.c_str(), std::string(100, 'k').c_str());
  EXPECT_EQ(Info(epoch).live_blocks, 1U);
  kept = std::pmr::string(&resource);
  kept.shrink_to_fit();
  EXPECT_TRUE(IsGone(epoch));
  EXPECT_THROW(static_cast<void>(resource.allocate(1)), std::bad_alloc);
}

TEST(EpochResource, IsEqualToEveryOtherOne) {
  const bartizan_epoch one = Open();
  const bartizan_epoch two = Open();
  EpochResource first(one);
  EpochResource second(two);
  EXPECT_TRUE(first == second);
  EXPECT_FALSE(first == *std::pmr::new_delete_resource());
  // So a move between them moves no element, and each frees what the other allocated.
  std::pmr::string text(100, 't', &first);
  const char* const place = text.data();
  std::pmr::string moved(std::move(text), &second);
  EXPECT_EQ(moved.data(), place);
  EXPECT_EQ(Info(one).live_blocks, 1U);
  EXPECT_EQ(Info(two).live_blocks, 0U);
  second.deallocate(first.allocate(100), 100);
  EXPECT_EQ(Info(one).live_blocks, 1U);
  moved = std::pmr::string(&second);
  moved.shrink_to_fit();
  EXPECT_EQ(Info(one).live_blocks, 0U);
  EXPECT_EQ(bartizan_epoch_close(one, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(two, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(EpochAllocator, EveryBlockOfAContainerIsInside) {
  const bartizan_epoch epoch = Open();
  {
    std::vector<int, EpochAllocator<int>> numbers(1000, 7, EpochAllocator<int>(epoch));
    EXPECT_EQ(Info(epoch).live_blocks, 1U);
    EXPECT_EQ(Info(epoch).live_bytes, 1000 * sizeof(int));
    // Nodes are of another type than elements.
    std::list<int, EpochAllocator<int>> list({1, 2, 3}, EpochAllocator<int>(epoch));
    EXPECT_EQ(Info(epoch).live_blocks, 4U);
    using Pair = std::pair<const int, int>;
    std::map<int, int, std::less<>, EpochAllocator<Pair>> map{EpochAllocator<Pair>(epoch)};
    for (int i = 0; i < 10; ++i) map[i] = i;
    EXPECT_EQ(Info(epoch).live_blocks, 14U);
    map.erase(3);
    EXPECT_EQ(Info(epoch).live_blocks, 13U);
  }
  EXPECT_EQ(Info(epoch).live_blocks, 0U);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

struct alignas(256) Wide {
  char bytes[256];
};

TEST(EpochAllocator, AlignsAndThrows) {
  const bartizan_epoch epoch = Open();
  EpochAllocator<Wide> allocator(epoch);
  Wide* const wide = allocator.allocate(3);
  EXPECT_EQ(Address(wide) % 256, 0U);
  EXPECT_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / 255)), std::bad_array_new_length);
  EXPECT_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / 512)), std::bad_alloc);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_THROW(static_cast<void>(allocator.allocate(1)), std::bad_alloc);
  EXPECT_EQ(Info(epoch).live_blocks, 1U);
  allocator.deallocate(wide, 3);
  EXPECT_TRUE(IsGone(epoch));
  EXPECT_THROW(static_cast<void>(allocator.allocate(1)), std::bad_alloc);
}

TEST(EpochAllocator, IsEqualToEveryOtherOneAndKeepsItsEpoch) {
  const bartizan_epoch one = Open();
  const bartizan_epoch two = Open();
  const EpochAllocator<int> ints(one);
  const EpochAllocator<char> chars(two);
  EXPECT_TRUE(ints == chars);
  EXPECT_FALSE(ints != chars);
  const EpochAllocator<char> rebound(ints);
  EXPECT_EQ(rebound.Epoch().era, one.era);
  EXPECT_NE(rebound.Epoch().era, chars.Epoch().era);
  EXPECT_EQ(bartizan_epoch_close(one, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(two, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(EpochResource, OfNoEpochGivesNothing) {
  EpochResource nowhere(bartizan_epoch{});
  EXPECT_THROW(static_cast<void>(nowhere.allocate(100)), std::bad_alloc);
}

}  // namespace
}  // namespace bartizan
