// What addresses that a program passes point at.
#include "src/engine/memory_view.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "src/engine/large_blocks.h"
#include "src/profiles/dynamic.h"

namespace bartizan {
namespace {

constexpr size_t kLarge = 300 * kKiB;

char* Allocate(size_t bytes) {
  return static_cast<char*>(SelectedAllocator::Allocate(bytes, Family::kMalloc));
}
void Free(void* block) { SelectedAllocator::Free(block, FreeClaim{}); }

uintptr_t At(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

TEST(MemoryView, KnowsLiveBlocksFromAnyOfTheirBytes) {
  for (size_t bytes : {size_t{1}, size_t{8}, size_t{100}, size_t{5000}, 100 * kKiB, kLarge}) {
    char* block = Allocate(bytes);
    for (size_t offset : {size_t{0}, bytes / 2, bytes - 1}) {
      const MemoryView view = ViewMemory(At(block) + offset);
      EXPECT_EQ(view.kind, MemoryKind::kLive);
      EXPECT_EQ(view.begin, At(block));
      EXPECT_EQ(view.requested, bytes);
      EXPECT_EQ(view.slot_bytes != 0, bytes < kLarge);
    }
    Free(block);
  }
}

TEST(MemoryView, KnowsFreedBlocks) {
  for (size_t bytes : {size_t{8}, size_t{100}, size_t{5000}, kLarge}) {
    char* block = Allocate(bytes);
    Free(block);
    const MemoryView view = ViewMemory(At(block) + bytes / 2);
    EXPECT_EQ(view.kind, MemoryKind::kFree) << bytes;
    EXPECT_EQ(view.requested, 0u);
  }
}

TEST(MemoryView, KnowsWhatWasNeverABlock) {
  char* block = Allocate(20000);
  size_t never = 0;
  // Far ahead in the slab nothing has been issued yet.
  for (uintptr_t at = At(block); at < At(block) + kMiB && never == 0; at += 16) {
    const MemoryView view = ViewMemory(at);
    if (view.kind == MemoryKind::kNoBlock) never = at;
  }
  EXPECT_NE(never, 0u);
  Free(block);
}

TEST(MemoryView, SaysThatOtherMemoryIsForeign) {
  Free(Allocate(kLarge));
  int on_stack = 0;
  static int global = 0;
  EXPECT_EQ(ViewMemory(At(&on_stack)).kind, MemoryKind::kForeign);
  EXPECT_EQ(ViewMemory(At(&global)).kind, MemoryKind::kForeign);
  EXPECT_EQ(ViewMemory(At(reinterpret_cast<void*>(&strlen))).kind, MemoryKind::kForeign);
  for (uintptr_t address : {uintptr_t{0}, uintptr_t{1}, UINTPTR_MAX, uintptr_t{0x5555'5555'0000},
                            uintptr_t{0x7fff'ffff'0000}, uintptr_t{0x1100'0000'0000}}) {
    EXPECT_EQ(ViewMemory(address).kind, MemoryKind::kForeign) << std::hex << address;
  }
}

TEST(MemoryView, MayBeOursIsTrueOfAllBlocks) {
  for (size_t bytes : {size_t{0}, size_t{8}, size_t{5000}, kLarge}) {
    char* block = Allocate(bytes);
    EXPECT_TRUE(MayBeOurs(At(block)));
    Free(block);
  }
  int on_stack = 0;
  EXPECT_EQ(MayBeOurs(At(&on_stack)), !platform::kChoosesAddresses);
}

// Where the address of a freed block is mapped again by somebody else, it is theirs.
TEST(MemoryView, LeavesAFreedAddressToItsNewOwner) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "freed blocks stay mapped";
  // Too large to be kept.
  const size_t bytes = 64 * kMiB;
  char* block = Allocate(bytes);
  Free(block);
  const uintptr_t page = AlignUp(At(block) + bytes / 2, platform::kPageBytes);
  ASSERT_EQ(ViewMemory(page).kind, MemoryKind::kFree);
  ASSERT_EQ(platform::ClaimAt(page, platform::kPageBytes, platform::Access::kReadWrite),
            platform::Claim::kDone);
  EXPECT_EQ(ViewMemory(page).kind, MemoryKind::kForeign);
  platform::Release(page, platform::kPageBytes);
}

// A signal handler may have interrupted whoever holds the lock.
TEST(MemoryView, DoesNotWaitForTheLock) {
  char* large = Allocate(kLarge);
  char* small = Allocate(100);
  g_large_blocks.lock()->Acquire();
  errno = 77;
  EXPECT_EQ(ViewMemory(At(large)).kind, MemoryKind::kForeign);
  EXPECT_EQ(ViewMemory(At(small)).kind, MemoryKind::kLive);
  EXPECT_EQ(errno, 77);
  std::thread other([&] { EXPECT_EQ(ViewMemory(At(large)).kind, MemoryKind::kForeign); });
  other.join();
  g_large_blocks.lock()->Release();
  EXPECT_EQ(ViewMemory(At(large)).kind, MemoryKind::kLive);
  Free(large);
  Free(small);
}

}  // namespace
}  // namespace bartizan
