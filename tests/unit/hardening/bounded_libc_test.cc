// bounded_libc: which calls stay within their block, and what is said of the others.
#include "hardening/bounded_libc.h"

#include <gtest/gtest.h>

#include "tests/unit/hardening/caught_violation.h"

namespace bartizan {
namespace {

constexpr uintptr_t kBlock = 0x2000'0000'0100;
constexpr size_t kBytes = 100;

LibraryCall Call(uintptr_t begin, size_t bytes, MemoryKind kind = MemoryKind::kLive) {
  const size_t requested = kind == MemoryKind::kLive ? kBytes : 0;
  return {"memcpy", true, begin, bytes, {kind, kBlock, requested, 112}};
}

CaughtViolation Verdict(const LibraryCall& call) {
  return ViolationOf([&] { BoundedLibc::OnLibraryCall(call); });
}

TEST(BoundedLibc, LetsEveryRangeWithinTheBlockPass) {
  for (size_t offset = 0; offset < kBytes; ++offset) {
    for (size_t bytes = 1; bytes <= kBytes - offset; ++bytes) {
      ASSERT_EQ(Verdict(Call(kBlock + offset, bytes)).what, "") << offset << " " << bytes;
    }
  }
}

TEST(BoundedLibc, StopsEveryRangeThatLeavesIt) {
  for (size_t offset = 0; offset <= kBytes + 12; ++offset) {
    const size_t left = offset < kBytes ? kBytes - offset : 0;
    for (size_t more : {size_t{1}, size_t{8}, size_t{32}, size_t{1} << 20}) {
      ASSERT_EQ(Verdict(Call(kBlock + offset, left + more)).what, "out-of-bounds library call");
    }
    // The end of the range is beyond the end of memory.
    ASSERT_EQ(Verdict(Call(kBlock + offset, SIZE_MAX)).what, "out-of-bounds library call");
    ASSERT_EQ(Verdict(Call(kBlock + offset, SIZE_MAX - kBlock)).what, "out-of-bounds library call");
  }
}

TEST(BoundedLibc, StopsWhatBeginsBeforeTheBlock) {
  for (size_t before : {1, 8, 4096}) {
    for (size_t bytes : {size_t{1}, before, before + kBytes}) {
      const CaughtViolation caught = Verdict(Call(kBlock - before, bytes));
      EXPECT_EQ(caught.what, "out-of-bounds library call");
      EXPECT_EQ(caught.address, kBlock - before);
      EXPECT_EQ(caught.detail, "memcpy would write " + std::to_string(bytes) +
                                   " bytes from before the block's beginning");
    }
  }
}

TEST(BoundedLibc, StopsWhatBeginsInNoBlock) {
  const CaughtViolation freed = Verdict(Call(kBlock + 5, 1, MemoryKind::kFree));
  EXPECT_EQ(freed.what, "use after free in library call");
  EXPECT_EQ(freed.detail, "memcpy would write 1 bytes in a freed block");
  EXPECT_EQ(freed.requested, Violation::kUnknown);
  const CaughtViolation nothing = Verdict(Call(kBlock, 1, MemoryKind::kNoBlock));
  EXPECT_EQ(nothing.what, "out-of-bounds library call");
  EXPECT_EQ(nothing.detail, "memcpy would write 1 bytes where no block is");
}

TEST(BoundedLibc, LeavesForeignMemoryAlone) {
  EXPECT_EQ(Verdict(Call(kBlock, SIZE_MAX, MemoryKind::kForeign)).what, "");
}

TEST(BoundedLibc, NamesFunctionDirectionAndBlock) {
  LibraryCall call = Call(kBlock + 40, 61);
  call.function = "wcsncpy";
  call.writes = false;
  const CaughtViolation caught = Verdict(call);
  EXPECT_EQ(caught.detail, "wcsncpy would read 61 bytes where the block has 60 left");
  EXPECT_EQ(caught.address, kBlock + 40);
  EXPECT_EQ(caught.slot_bytes, 112u);
  EXPECT_EQ(caught.requested, kBytes);
  // Large blocks have no size class.
  call.memory.slot_bytes = 0;
  EXPECT_EQ(Verdict(call).slot_bytes, Violation::kUnknown);
}

}  // namespace
}  // namespace bartizan
