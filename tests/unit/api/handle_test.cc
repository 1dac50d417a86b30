// Handles as programs use them, once per profile.
#include "bartizan/handle.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "tests/support/random.h"

namespace bartizan {
namespace {

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
  return statistics;
}

bartizan_handle Make(size_t size) {
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  EXPECT_EQ(bartizan_handle_malloc(size, &handle), BARTIZAN_HANDLE_OK) << size;
  EXPECT_NE(handle, BARTIZAN_NO_HANDLE);
  return handle;
}
char* Resolve(bartizan_handle handle) {
  return static_cast<char*>(bartizan_handle_resolve(handle));
}
bool IsAligned(const void* block, size_t alignment) {
  return reinterpret_cast<uintptr_t>(block) % alignment == 0;
}

TEST(Handle, CallsLeaveErrno) {
  errno = 77;
  const bartizan_handle handle = Make(10);
  void* block = Resolve(handle);
  EXPECT_EQ(bartizan_handle_pin(handle, &block), BARTIZAN_HANDLE_OK);
  EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
  EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_NOT_LIVE);
  bartizan_handle_unpin(handle);
  EXPECT_EQ(errno, 77);
}

TEST(Handle, StatusesHaveNames) {
  EXPECT_STREQ(bartizan_handle_status_name(BARTIZAN_HANDLE_OK), "BARTIZAN_HANDLE_OK");
  EXPECT_STREQ(bartizan_handle_status_name(BARTIZAN_HANDLE_NOT_LIVE), "BARTIZAN_HANDLE_NOT_LIVE");
  EXPECT_STREQ(bartizan_handle_status_name(BARTIZAN_HANDLE_NO_MEMORY), "BARTIZAN_HANDLE_NO_MEMORY");
  EXPECT_STREQ(bartizan_handle_status_name(BARTIZAN_HANDLE_NO_ENTRY), "BARTIZAN_HANDLE_NO_ENTRY");
  EXPECT_STREQ(bartizan_handle_status_name(BARTIZAN_HANDLE_BAD_ALIGNMENT),
               "BARTIZAN_HANDLE_BAD_ALIGNMENT");
  EXPECT_STREQ(bartizan_handle_status_name(BARTIZAN_HANDLE_TOO_MANY_PINS),
               "BARTIZAN_HANDLE_TOO_MANY_PINS");
  EXPECT_STREQ(bartizan_handle_status_name(static_cast<bartizan_handle_status>(7)), "unknown");
}

// Blocks of any size: aligned, all of their bytes the block's own, gone when freed.
TEST(Handle, NamesBlocksOfAnySize) {
  test::Random random(1);
  struct Named {
    bartizan_handle handle;
    size_t size;
  };
  std::vector<Named> live;
  std::vector<bartizan_handle> dead;
  const bartizan_statistics before = Statistics();
  for (int i = 0; i < 3000; ++i) {
    if (live.size() < 200 && random.Below(3) != 0) {
      const size_t size = random.OneIn(30)   ? random.Between(130'000, 3'000'000)
                          : random.OneIn(10) ? 0
                                             : random.Logarithmic(1, 60'000);
      live.push_back({Make(size), size});
      char* const block = Resolve(live.back().handle);
      ASSERT_TRUE(IsAligned(block, 16));
      memset(block, static_cast<char>(live.back().handle), size);
      continue;
    }
    if (live.empty()) continue;
    std::swap(live[random.Below(live.size())], live.back());
    const auto [handle, size] = live.back();
    live.pop_back();
    const char* block = Resolve(handle);
    for (size_t byte = 0; byte < size; ++byte) {
      ASSERT_EQ(block[byte], static_cast<char>(handle)) << byte << " of " << size;
    }
    ASSERT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
    dead.push_back(handle);
    ASSERT_EQ(Statistics().live_blocks - before.live_blocks, live.size());
  }
  for (const Named& named : live) {
    EXPECT_EQ(bartizan_handle_free(named.handle), BARTIZAN_HANDLE_OK);
    dead.push_back(named.handle);
  }
  for (bartizan_handle handle : dead) {
    EXPECT_EQ(Resolve(handle), nullptr);
    EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_NOT_LIVE);
  }
  EXPECT_EQ(Statistics().live_blocks, before.live_blocks);
}

TEST(Handle, CallocGivesZeros) {
  for (int round = 0; round < 50; ++round) {
    for (size_t size : {size_t{1}, size_t{100}, size_t{5000}, size_t{300'000}}) {
      bartizan_handle handle = BARTIZAN_NO_HANDLE;
      ASSERT_EQ(bartizan_handle_calloc(size, 3, &handle), BARTIZAN_HANDLE_OK);
      char* const block = Resolve(handle);
      for (size_t i = 0; i < 3 * size; ++i) ASSERT_EQ(block[i], 0) << i << " of " << 3 * size;
      memset(block, 0xee, 3 * size);
      ASSERT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
    }
  }
}

TEST(Handle, AlignsAsAsked) {
  for (size_t alignment = 1; alignment <= size_t{4} << 20; alignment *= 2) {
    for (size_t size : {size_t{0}, size_t{1}, alignment, 3 * alignment + 7}) {
      bartizan_handle handle = BARTIZAN_NO_HANDLE;
      ASSERT_EQ(bartizan_handle_aligned_alloc(alignment, size, &handle), BARTIZAN_HANDLE_OK);
      char* const block = Resolve(handle);
      ASSERT_TRUE(IsAligned(block, alignment) && IsAligned(block, 16)) << alignment;
      memset(block, 1, size);
      ASSERT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
    }
  }
}

void ExpectRefused(bartizan_handle_status expected, bartizan_handle_status status,
                   const bartizan_handle& handle) {
  EXPECT_EQ(status, expected);
  EXPECT_EQ(handle, BARTIZAN_NO_HANDLE);
  EXPECT_EQ(errno, 77);
}

TEST(Handle, RefusesWhatCannotBe) {
  const uint64_t before = Statistics().live_blocks;
  errno = 77;
  for (size_t size : {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 16, size_t{PTRDIFF_MAX},
                      size_t{PTRDIFF_MAX} - 15, size_t{1} << 47}) {
    bartizan_handle handle = 5;
    ExpectRefused(BARTIZAN_HANDLE_NO_MEMORY, bartizan_handle_malloc(size, &handle), handle);
    handle = 5;
    ExpectRefused(BARTIZAN_HANDLE_NO_MEMORY, bartizan_handle_calloc(size, 1, &handle), handle);
    handle = 5;
    ExpectRefused(BARTIZAN_HANDLE_NO_MEMORY, bartizan_handle_aligned_alloc(4096, size, &handle),
                  handle);
  }
  bartizan_handle handle = 5;
  ExpectRefused(BARTIZAN_HANDLE_NO_MEMORY,
                bartizan_handle_calloc(size_t{1} << 33, (size_t{1} << 31) + 1, &handle), handle);
  handle = 5;
  ExpectRefused(BARTIZAN_HANDLE_NO_MEMORY,
                bartizan_handle_aligned_alloc(size_t{1} << 63, 1, &handle), handle);
  for (size_t alignment : {size_t{0}, size_t{3}, size_t{24}, SIZE_MAX}) {
    handle = 5;
    ExpectRefused(BARTIZAN_HANDLE_BAD_ALIGNMENT,
                  bartizan_handle_aligned_alloc(alignment, 1, &handle), handle);
  }
  EXPECT_EQ(Statistics().live_blocks, before);
}

// The entry that was taken for a block that could not be had is not lost.
TEST(Handle, RefusalsUseNothingUp) {
  const bartizan_handle first = Make(1);
  EXPECT_EQ(bartizan_handle_free(first), BARTIZAN_HANDLE_OK);
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(bartizan_handle_malloc(size_t{1} << 47, &handle), BARTIZAN_HANDLE_NO_MEMORY);
  }
  const bartizan_handle second = Make(1);
  EXPECT_EQ(first >> 40, second >> 40);
  EXPECT_EQ(bartizan_handle_free(second), BARTIZAN_HANDLE_OK);
}

TEST(Handle, StrangersNameNothing) {
  const bartizan_handle handle = Make(100);
  void* block = nullptr;
  test::Random random(1);
  for (int i = 0; i < 100'000; ++i) {
    // With the entry's index, with one nearby, with any.
    const uint64_t number = random.Next();
    const uint64_t tag = number & ((uint64_t{1} << 40) - 1);
    const uint64_t tries[] = {(handle >> 40) << 40 | tag, (handle >> 40 ^ 1) << 40 | tag, number};
    for (bartizan_handle stranger : tries) {
      ASSERT_EQ(Resolve(stranger), nullptr);
      ASSERT_EQ(bartizan_handle_free(stranger), BARTIZAN_HANDLE_NOT_LIVE);
      ASSERT_EQ(bartizan_handle_pin(stranger, &block), BARTIZAN_HANDLE_NOT_LIVE);
      ASSERT_EQ(block, nullptr);
    }
  }
  EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
}

// --- Pins ---------------------------------------------------------------------------------------

TEST(HandlePin, KeepsTheBlockThatIsFreedMeanwhile) {
  const uint64_t before = Statistics().live_blocks;
  const bartizan_handle handle = Make(100);
  void* block = nullptr;
  ASSERT_EQ(bartizan_handle_pin(handle, &block), BARTIZAN_HANDLE_OK);
  EXPECT_EQ(block, Resolve(handle));
  memset(block, 7, 100);
  EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_OK);
  EXPECT_EQ(Resolve(handle), nullptr);
  EXPECT_EQ(bartizan_handle_free(handle), BARTIZAN_HANDLE_NOT_LIVE);
  EXPECT_EQ(Statistics().live_blocks, before + 1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bartizan_handle_free(Make(100)), BARTIZAN_HANDLE_OK);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(static_cast<char*>(block)[i], 7);
  bartizan_handle_unpin(handle);
  EXPECT_EQ(Statistics().live_blocks, before);
}

// --- C++ ----------------------------------------------------------------------------------------

struct Point {
  Point(int a, int b) noexcept : x(a), y(b) {}
  int x;
  int y;
};
struct alignas(256) Wide {
  char bytes[300];
};

TEST(HandleOfType, MakesAndFreesObjects) {
  const Handle<Point> point = Handle<Point>::Make(3, 4);
  ASSERT_TRUE(point);
  EXPECT_EQ(point.Get()->x, 3);
  EXPECT_EQ(point.Get()->y, 4);
  EXPECT_EQ(Handle<Point>(point.Value()), point);
  EXPECT_TRUE(point.Free());
  EXPECT_FALSE(point.Free());
  EXPECT_EQ(point.Get(), nullptr);
  EXPECT_FALSE(Handle<Point>());
  EXPECT_NE(Handle<Point>(), point);
  const Handle<Wide> wide = Handle<Wide>::Make();
  EXPECT_TRUE(IsAligned(wide.Get(), 256));
  EXPECT_TRUE(wide.Free());
}

TEST(HandleOfType, PinsUnpinOnce) {
  const uint64_t before = Statistics().live_blocks;
  const Handle<Point> point = Handle<Point>::Make(3, 4);
  {
    Pin<Point> pin = point.Pinned();
    ASSERT_TRUE(pin);
    Pin<Point> moved = std::move(pin);
    EXPECT_TRUE(point.Free());
    EXPECT_EQ(moved->x + (*moved).y, 7);
    Pin<Point> late = point.Pinned();
    EXPECT_FALSE(late) << "a freed handle was pinned";
    late = std::move(moved);
    EXPECT_EQ(late.Get()->x, 3);
    EXPECT_EQ(Statistics().live_blocks, before + 1);
    late = Pin<Point>();
    EXPECT_EQ(Statistics().live_blocks, before);
  }
  const Handle<Point> other = Handle<Point>::Make(1, 2);
  Pin<Point> pin = other.Pinned();
  pin.Reset();
  pin.Reset();
  EXPECT_TRUE(other.Free());
  EXPECT_EQ(Statistics().live_blocks, before);
}

// --- Reports ------------------------------------------------------------------------------------

// The whole line, in which `what` comes first.
void ExpectReport(const std::string& what, void (*fault)()) {
  EXPECT_EXIT(fault(), testing::KilledBySignal(SIGABRT), "^bartizan: fatal: " + what + "[^\n]*\n$");
}

constexpr char kInside[] = ": the address is inside a live block, not its beginning; address 0x";

// The plain functions do not take what is a handle's, small or large, aligned or not.
TEST(HandleDeath, TheBlockIsTheHandles) {
  ExpectReport(std::string("invalid free") + kInside, [] { bartizan_free(Resolve(Make(0))); });
  ExpectReport(std::string("invalid free") + kInside, [] { bartizan_free(Resolve(Make(16))); });
  ExpectReport(std::string("invalid free") + kInside, [] { bartizan_free(Resolve(Make(5000))); });
  ExpectReport(std::string("invalid free") + kInside,
               [] { bartizan_free(Resolve(Make(500'000))); });
  ExpectReport(std::string("invalid free") + kInside, [] {
    bartizan_handle handle = BARTIZAN_NO_HANDLE;
    bartizan_handle_aligned_alloc(1024, 1024, &handle);
    bartizan_free(Resolve(handle));
  });
  ExpectReport(std::string("invalid realloc") + kInside,
               [] { bartizan_realloc(Resolve(Make(100)), 200); });
  ExpectReport(std::string("invalid malloc_usable_size") + kInside,
               [] { bartizan_usable_size(Resolve(Make(100))); });
}

// Who computes where the slot begins frees it behind the handle's back; the handle's own free
// tells.
TEST(HandleDeath, ABlockThatIsGoneIsReported) {
  ExpectReport("double free: the block was freed before; address 0x", [] {
    const bartizan_handle handle = Make(100);
    bartizan_free(Resolve(handle) - 16);
    bartizan_handle_free(handle);
  });
}

TEST(HandleDeath, UnpinsMustHavePins) {
  constexpr char kWrong[] =
      "invalid unpin: the handle is not pinned: it was unpinned more often than pinned, or is none;"
      " address 0x";
  ExpectReport(kWrong, [] { bartizan_handle_unpin(Make(100)); });
  ExpectReport(kWrong, [] { bartizan_handle_unpin(BARTIZAN_NO_HANDLE); });
  ExpectReport(kWrong, [] { bartizan_handle_unpin(~uint64_t{0}); });
  ExpectReport(kWrong, [] {
    const bartizan_handle handle = Make(100);
    void* block = nullptr;
    bartizan_handle_pin(handle, &block);
    bartizan_handle_unpin(handle);
    bartizan_handle_unpin(handle);
  });
  ExpectReport(kWrong, [] {
    const bartizan_handle handle = Make(100);
    bartizan_handle_free(handle);
    bartizan_handle_unpin(handle);
  });
}

// Layers look at it as at any other block.
TEST(HandleDeath, LayersApply) {
  if (bartizan_layer_in_force("canaries") != 1) GTEST_SKIP() << "there are no canaries";
  ExpectReport("heap overflow: ", [] {
    const bartizan_handle handle = Make(100);
    Resolve(handle)[100] ^= 1;
    bartizan_handle_free(handle);
  });
  ExpectReport("heap overflow: ", [] {
    const bartizan_handle handle = Make(100);
    void* block = nullptr;
    bartizan_handle_pin(handle, &block);
    bartizan_handle_free(handle);
    static_cast<char*>(block)[100] ^= 1;
    bartizan_handle_unpin(handle);
  });
}

TEST(Handle, FreedMemoryIsZero) {
  if (bartizan_layer_in_force("zero_on_free") != 1) GTEST_SKIP() << "memory is left as it is";
  const bartizan_handle handle = Make(100);
  const volatile char* block = Resolve(handle);
  memset(Resolve(handle), 7, 100);
  bartizan_handle_free(handle);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(block[i], 0);
}

}  // namespace
}  // namespace bartizan
