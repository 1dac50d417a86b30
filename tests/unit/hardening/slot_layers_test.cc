// The layers that look at single slots: canaries, zero_on_free, reuse_check, size_check,
// origin_check.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "hardening/canaries.h"
#include "hardening/origin_check.h"
#include "hardening/reuse_check.h"
#include "hardening/size_check.h"
#include "hardening/zero_on_free.h"
#include "tests/unit/hardening/caught_violation.h"

namespace bartizan {
namespace {

// A slot with a margin that no layer may touch.
class Slot {
 public:
  explicit Slot(size_t bytes, std::byte filled_with = std::byte{0x11}) : bytes_(bytes) {
    memory_.resize(bytes + 2 * kMargin, kMark);
    std::fill_n(at(), bytes, filled_with);
  }
  ~Slot() {
    for (size_t i = 0; i < kMargin; ++i) {
      EXPECT_EQ(memory_[i], kMark);
      EXPECT_EQ(memory_[kMargin + bytes_ + i], kMark);
    }
  }
  std::byte* at() { return memory_.data() + kMargin; }
  SlotUse Use(size_t requested, size_t trailer = 8) { return {at(), requested, bytes_ - trailer}; }
  SlotReturn Return(size_t requested, size_t trailer = 8) {
    return {.use = Use(requested, trailer),
            .came_from = Family::kMalloc,
            .freed_by = Family::kMalloc,
            .stated_size = SlotReturn::kNotStated,
            .trailer = trailer,
            .zeroed = OptionsInForce().Has(Toggle::kZeroOnFree),
            .word = StateWord::Live(0, Family::kMalloc)};
  }
  bool IsZero(size_t from, size_t to) {
    return std::all_of(at() + from, at() + to, [](std::byte b) { return b == std::byte{0}; });
  }

 private:
  // Multiples of 16, as slots are.
  static constexpr size_t kMargin = 64;
  static constexpr std::byte kMark{0xa5};
  size_t bytes_;
  std::vector<std::byte> memory_;
};

class CanariesTest : public testing::Test {
 protected:
  void SetUp() override {
    bartizan_sealed_page.options.toggles = Bit(Toggle::kZeroOnFree);
    const uint64_t secrets[] = {0xcd613e30d8f16adf, 0x612e7696a6cecc1b, 0x8f14e45fceea167a,
                                0x45c48cce2e2d7fbd};
    std::copy(std::begin(secrets), std::end(secrets), bartizan_sealed_page.secrets);
  }
  static uint64_t CanaryOf(Slot& slot) {
    Canaries::OnAllocate(slot.Use(0));
    uint64_t value;
    std::memcpy(&value, slot.at(), sizeof value);
    return value;
  }
  static std::string AtFree(Slot& slot, size_t requested) {
    return ViolationOf([&] { Canaries::OnFree(slot.Return(requested)); }).what;
  }
};

TEST_F(CanariesTest, FollowTheLastByte) {
  for (size_t requested = 0; requested <= 120; ++requested) {
    Slot slot(128);
    Canaries::OnAllocate(slot.Use(requested));
    for (size_t i = 0; i < requested; ++i) ASSERT_EQ(slot.at()[i], std::byte{0x11});
    EXPECT_EQ(AtFree(slot, requested), "");
    for (size_t at = 0; at < 8; ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        slot.at()[requested + at] ^= std::byte(1u << bit);
        ASSERT_EQ(AtFree(slot, requested), "heap overflow");
        slot.at()[requested + at] ^= std::byte(1u << bit);
      }
    }
    EXPECT_EQ(AtFree(slot, requested), "");
  }
}

TEST_F(CanariesTest, SayWhichBlockOverflowed) {
  Slot slot(64);
  Canaries::OnAllocate(slot.Use(30));
  slot.at()[30] ^= std::byte{1};
  const CaughtViolation caught = ViolationOf([&] { Canaries::OnFree(slot.Return(30)); });
  EXPECT_EQ(caught.address, reinterpret_cast<uintptr_t>(slot.at()));
  EXPECT_EQ(caught.requested, 30u);
  EXPECT_EQ(caught.slot_bytes, Violation::kUnknown) << "this memory is no class's";
}

// The first byte shows an overflow by a zero; the second ends a string that is read too far.
TEST_F(CanariesTest, BeginWithSomethingThenZero) {
  std::set<uint64_t> values;
  std::vector<std::byte> memory(16 * 4096);
  for (size_t at = 0; at + 16 <= memory.size(); at += 16) {
    Canaries::OnAllocate({memory.data() + at, 0, 8});
    EXPECT_NE(memory[at], std::byte{0});
    EXPECT_EQ(memory[at + 1], std::byte{0});
    uint64_t value;
    std::memcpy(&value, memory.data() + at, sizeof value);
    values.insert(value);
  }
  EXPECT_EQ(values.size(), memory.size() / 16) << "two slots share a canary";
}

TEST_F(CanariesTest, DependOnEverySecret) {
  Slot slot(32);
  std::set<uint64_t> values = {CanaryOf(slot)};
  for (size_t i = 0; i < 4; ++i) {
    bartizan_sealed_page.secrets[i] ^= 0xff00;
    values.insert(CanaryOf(slot));
  }
  EXPECT_EQ(values.size(), 5u);
}

// Where nothing zeroes it, a freed slot keeps a mark at its end.
TEST_F(CanariesTest, AreVerifiedInFreedSlotsThatAreNotZeroed) {
  bartizan_sealed_page.options.toggles = 0;
  RandomStream random;
  Slot slot(64);
  const auto at_reuse = [&] {
    return ViolationOf([&] { Canaries::OnReuse({slot.at(), 64, random, nullptr}); }).what;
  };
  Canaries::OnAllocate(slot.Use(20));
  Canaries::OnFree(slot.Return(20));
  EXPECT_EQ(at_reuse(), "");
  for (size_t at = 56; at < 64; ++at) {
    slot.at()[at] ^= std::byte{4};
    EXPECT_EQ(at_reuse(), "write after free");
    slot.at()[at] ^= std::byte{4};
  }
  Slot unused(64, std::byte{0});
  Canaries::OnReuse({unused.at(), 64, random, nullptr});
}

// Behind a large block zeros follow, as far as its memory goes.
TEST_F(CanariesTest, SeeWritesRightBehindLargeBlocks) {
  for (size_t slack : {0, 1, 15, 64, 100}) {
    Slot block(1000, std::byte{0});
    const SlotUse use{block.at(), 1000 - slack, 1000};
    EXPECT_EQ(ViolationOf([&] { Canaries::OnResizeLarge(use); }).what, "");
    for (size_t i = 0; i < slack; ++i) {
      block.at()[1000 - slack + i] = std::byte{1};
      EXPECT_EQ(ViolationOf([&] { Canaries::OnResizeLarge(use); }).what,
                i < kLargeSlack ? "heap overflow" : "");
      block.at()[1000 - slack + i] = std::byte{0};
    }
  }
}

TEST_F(CanariesTest, MoveWhenTheBlockIsResized) {
  for (size_t before = 0; before <= 56; ++before) {
    for (size_t after = 0; after <= 56; ++after) {
      Slot slot(64, std::byte{0});
      Canaries::OnAllocate(slot.Use(before));
      Canaries::OnResize({slot.Use(after), before, 8});
      ASSERT_EQ(AtFree(slot, after), "");
      // Nothing of the old one is left behind the new one: reuse_check will look there.
      ASSERT_TRUE(slot.IsZero(after + 8, 64));
      slot.at()[after] ^= std::byte{1};
      ASSERT_EQ(ViolationOf([&] { Canaries::OnResize({slot.Use(20), after, 8}); }).what,
                "heap overflow");
    }
  }
}

// --- zero_on_free -------------------------------------------------------------------------------

// Exactly what the block held and the trailer behind it; without wide vectors never less than a
// slot of sixteen bytes.
TEST(ZeroOnFreeTest, ZeroesWhatTheBlockHeld) {
  const bool wide = OptionsInForce().wide_vectors;
  for (size_t trailer : {size_t{0}, size_t{8}}) {
    for (size_t requested = 0; requested + trailer <= 1024; requested += requested < 200 ? 1 : 37) {
      Slot slot(1024);
      ZeroOnFree::OnFree(slot.Return(requested, trailer));
      const size_t zeroed = std::max<size_t>(requested + trailer, wide ? 0 : 16);
      ASSERT_TRUE(slot.IsZero(0, zeroed));
      for (size_t i = zeroed; i < 1024; ++i) ASSERT_EQ(slot.at()[i], std::byte{0x11});
    }
  }
}

TEST(ZeroOnFreeTest, ZeroesShortSlotsOnTheCommonPath) {
  const bool wide = OptionsInForce().wide_vectors;
  for (size_t requested = 0; requested + 8 <= platform::MostShort(wide); ++requested) {
    Slot slot(256);
    SlotReturn op = slot.Return(requested);
    op.use.is_short = true;
    ZeroOnFree::OnFree(op);
    const size_t zeroed = std::max<size_t>(requested + 8, wide ? 0 : 16);
    ASSERT_TRUE(slot.IsZero(0, zeroed));
    for (size_t i = zeroed; i < 256; ++i) ASSERT_EQ(slot.at()[i], std::byte{0x11});
  }
}

TEST(ZeroOnFreeTest, ZeroesWhatAShrinkingBlockGivesUp) {
  for (size_t before = 0; before <= 56; ++before) {
    for (size_t after = 0; after <= 56; ++after) {
      Slot slot(64);
      ZeroOnFree::OnResize({slot.Use(after), before, 8});
      for (size_t i = 0; i < 64; ++i) {
        const bool zeroed = i >= after + 8 && i < before;
        ASSERT_EQ(slot.at()[i], zeroed ? std::byte{0} : std::byte{0x11});
      }
    }
  }
}

// --- reuse_check --------------------------------------------------------------------------------

class ReuseCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    const uint32_t key[RandomStream::kKeyWords] = {1};
    random_.Seed(key);
  }
  std::string OnReuse(const std::byte* slot, size_t bytes) {
    return ViolationOf([&] {
             ReuseCheck::OnReuse({const_cast<std::byte*>(slot), bytes, random_, nullptr});
           })
        .what;
  }
  std::string AtIssue(size_t bytes, bool fresh) {
    const SlotUse use{.slot = memory_,
                      .requested = 5,
                      .capacity = bytes - 8,
                      .is_short = bytes <= platform::MostShort(OptionsInForce().wide_vectors),
                      .fresh = fresh};
    return ViolationOf([&] { ReuseCheck::OnAllocate(use); }).what;
  }
  RandomStream random_;
  alignas(16) std::byte memory_[20480 + 16] = {};
};

TEST_F(ReuseCheckTest, SeesEveryByteOfASlotOfEightKibibytes) {
  for (size_t bytes : {16, 32, 64, 80, 112, 128, 160, 256, 320, 448, 512, 1024, 1280, 5120, 8192}) {
    EXPECT_EQ(AtIssue(bytes, false), "");
    for (size_t at = 0; at < bytes; ++at) {
      memory_[at] = std::byte{0x80};
      ASSERT_EQ(AtIssue(bytes, false), "write after free") << at << " of " << bytes;
      memory_[at] = std::byte{0};
    }
    memory_[bytes] = std::byte{1};  // the next slot's business
    EXPECT_EQ(AtIssue(bytes, false), "");
    memory_[bytes] = std::byte{0};
  }
}

TEST_F(ReuseCheckTest, SeesEveryByteOfThatBeforePagesGo) {
  for (size_t at = 0; at < 8192; ++at) {
    memory_[at] = std::byte{0x80};
    ASSERT_EQ(OnReuse(memory_, 8192), "write after free") << at;
    memory_[at] = std::byte{0};
  }
}

// Where that might fault.
TEST_F(ReuseCheckTest, DoesNotReadWhatWasNeverIssued) {
  for (size_t bytes : {1024, 5120, 20480}) {
    memory_[5] = std::byte{1};
    EXPECT_EQ(AtIssue(bytes, true), "");
    EXPECT_EQ(AtIssue(bytes, false), "write after free");
    memory_[5] = std::byte{0};
  }
}

TEST_F(ReuseCheckTest, LooksOnceAtWhatItReadsWholeUnlessPagesMayGo) {
  RandomStream random;
  for (ClassId id = 1; id < kClasses; ++id) {
    BinPlan plan{.id = id, .random = random};
    ReuseCheck::OnPlanBin(plan);
    EXPECT_EQ(plan.examined, HasOwnPages(id));
  }
}

// Of larger slots both ends at each look, and any line of the middle in the end.
TEST_F(ReuseCheckTest, SeesTheEndsAndInTheEndTheMiddleOfLargerSlots) {
  constexpr size_t kBytes = 20480;
  for (size_t at : {size_t{0}, size_t{255}, kBytes - 256, kBytes - 1}) {
    memory_[at] = std::byte{1};
    for (int i = 0; i < 100; ++i) ASSERT_EQ(OnReuse(memory_, kBytes), "write after free") << at;
    memory_[at] = std::byte{0};
  }
  for (size_t at = 256; at < kBytes - 256; at += 64) {
    memory_[at + at % 61] = std::byte{1};
    int looks = 1;
    while (OnReuse(memory_, kBytes).empty() && looks < 20000) ++looks;
    EXPECT_LT(looks, 20000) << "the line at " << at << " is never looked at";
    memory_[at + at % 61] = std::byte{0};
  }
  EXPECT_EQ(OnReuse(memory_, kBytes), "");
}

TEST_F(ReuseCheckTest, SeesAllOfThemWhereAsked) {
  bartizan_sealed_page.options.reuse_check_whole = true;
  constexpr size_t kBytes = 20480;
  for (size_t at = 0; at < kBytes; at += 61) {
    memory_[at] = std::byte{1};
    ASSERT_EQ(OnReuse(memory_, kBytes), "write after free") << at;
    memory_[at] = std::byte{0};
  }
  bartizan_sealed_page.options.reuse_check_whole = false;
}

// --- size_check, origin_check -------------------------------------------------------------------

TEST(SizeCheckTest, TheStatedSizeIsTheRequestedOne) {
  Slot slot(128);
  for (size_t requested = 0; requested <= 120; requested += 15) {
    SlotReturn op = slot.Return(requested);
    EXPECT_EQ(ViolationOf([&] { SizeCheck::OnFree(op); }).what, "") << "nothing is stated";
    for (size_t stated = 0; stated <= 130; ++stated) {
      op.stated_size = stated;
      const CaughtViolation slots = ViolationOf([&] { SizeCheck::OnFree(op); });
      const CaughtViolation large = ViolationOf([&] { SizeCheck::OnFreeLarge(op); });
      ASSERT_EQ(slots.what, stated == requested ? "" : "size mismatch");
      ASSERT_EQ(large.what, slots.what);
      if (slots.what.empty()) continue;
      ASSERT_EQ(slots.requested, requested);
      ASSERT_EQ(slots.stated, stated);
    }
  }
}

TEST(OriginCheckTest, FamiliesHaveOneCounterpart) {
  constexpr Family kFamilies[] = {Family::kMalloc, Family::kNew, Family::kNewArray,
                                  Family::kAligned};
  Slot slot(128);
  SlotReturn op = slot.Return(100);
  for (const Family made_by : kFamilies) {
    for (const Family freed_by : kFamilies) {
      op.came_from = made_by;
      op.freed_by = freed_by;
      const bool c_made = made_by == Family::kMalloc || made_by == Family::kAligned;
      const bool c_freed = freed_by == Family::kMalloc || freed_by == Family::kAligned;
      const bool right = (c_made && c_freed) || made_by == freed_by;
      EXPECT_EQ(ViolationOf([&] { OriginCheck::OnFree(op); }).what, right ? "" : "origin mismatch");
      EXPECT_EQ(ViolationOf([&] { OriginCheck::OnFreeLarge(op); }).what,
                right ? "" : "origin mismatch");
    }
  }
}

}  // namespace
}  // namespace bartizan
