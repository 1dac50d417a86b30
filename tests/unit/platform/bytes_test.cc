// Zeroing and comparing with zero, byte by byte.
#include "src/platform/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <new>
#include <vector>

namespace bartizan::platform {
namespace {

constexpr size_t kLargest = 2000;
constexpr size_t kMargin = 64;
constexpr std::byte kMark{0xa5};

// A slot between neighbours that hold a mark. On the heap of the sanitizers, which see what is read
// or written beyond the outer margin.
class MarkedSlot {
 public:
  explicit MarkedSlot(size_t offset)
      : bytes_(new(std::align_val_t{kMargin}) std::byte[3 * kMargin + kLargest]),
        slot_(kMargin + offset % kMargin) {
    std::fill_n(bytes_, 3 * kMargin + kLargest, kMark);
  }
  ~MarkedSlot() { operator delete[](bytes_, std::align_val_t{kMargin}); }
  MarkedSlot(const MarkedSlot&) = delete;
  MarkedSlot& operator=(const MarkedSlot&) = delete;

  std::byte* slot() { return bytes_ + slot_; }
  // Exactly the first `zeroed` bytes of the slot are zero, all others hold the mark.
  void ExpectZeroed(size_t zeroed) const {
    for (size_t i = 0; i < 3 * kMargin + kLargest; ++i) {
      const bool inside = i >= slot_ && i < slot_ + zeroed;
      ASSERT_EQ(bytes_[i], inside ? std::byte{0} : kMark) << "byte " << i << " of " << zeroed;
    }
  }

 private:
  std::byte* bytes_;
  size_t slot_;
};

// Wide vectors are tried where the processor has them.
std::vector<bool> Widths() {
  if (HasWideVectors()) return {false, true};
  std::cout << "this processor has no wide vectors: only the others are tried\n";
  return {false};
}

// Never less than 16, the size of the smallest slot; otherwise exactly what was asked for.
TEST(ZeroSlot, ZeroesExactly) {
  for (size_t bytes = 0; bytes <= kLargest; bytes += bytes < 300 ? 1 : 37) {
    for (size_t offset : {0, 1, 15, 16, 48}) {
      for (bool wide : Widths()) {
        MarkedSlot marked(offset);
        ZeroSlot(marked.slot(), bytes, wide);
        marked.ExpectZeroed(std::max<size_t>(bytes, wide ? 0 : 16));
      }
    }
  }
}

class Width : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(All, Width, testing::ValuesIn(Widths()));

TEST_P(Width, IsZeroSeesEveryBit) {
  alignas(16) static std::byte memory[1600] = {};
  for (size_t bytes = 16; bytes <= sizeof memory; bytes += bytes < 400 ? 16 : 80) {
    EXPECT_TRUE(IsZero(memory, bytes, GetParam()));
    for (size_t at = 0; at < bytes; ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        memory[at] = std::byte(1u << bit);
        ASSERT_FALSE(IsZero(memory, bytes, GetParam())) << "bit " << bit << " of byte " << at;
      }
      memory[at] = std::byte{0};
    }
  }
}

TEST_P(Width, IsZeroShortSeesEveryByte) {
  alignas(16) std::byte slot[MostShort(true) + 64] = {};
  for (size_t bytes = 16; bytes <= MostShort(GetParam()); bytes += 16) {
    EXPECT_TRUE(IsZeroShort(slot, bytes, GetParam()));
    for (size_t i = 0; i < sizeof slot; ++i) {
      slot[i] = std::byte{1};
      EXPECT_EQ(IsZeroShort(slot, bytes, GetParam()), i >= bytes)
          << "byte " << i << " of " << bytes;
      slot[i] = std::byte{0};
    }
  }
}

TEST_P(Width, IsZeroLooksAtNothingElse) {
  alignas(16) std::byte memory[1200];
  for (size_t begin = 0; begin < 64; begin += 16) {
    for (size_t end = begin + 16; end <= sizeof memory; end += 16) {
      std::memset(memory, 0xff, sizeof memory);
      std::memset(memory + begin, 0, end - begin);
      EXPECT_TRUE(IsZero(memory + begin, end - begin, GetParam()));
    }
  }
}

// Two words that cancel out when they are added or compared with each other.
TEST_P(Width, IsZeroDoesNotCancel) {
  alignas(16) std::byte memory[64] = {};
  for (size_t first = 0; first < 64; first += 8) {
    for (size_t second = 0; second < 64; second += 8) {
      if (first == second) continue;
      const uint64_t one = 0x0123456789abcdef;
      const uint64_t other = 0 - one;
      std::memcpy(memory + first, &one, 8);
      std::memcpy(memory + second, &other, 8);
      EXPECT_FALSE(IsZero(memory, sizeof memory, GetParam()));
      std::memcpy(memory + second, &one, 8);
      EXPECT_FALSE(IsZero(memory, sizeof memory, GetParam()));
      std::memset(memory, 0, sizeof memory);
    }
  }
}

}  // namespace
}  // namespace bartizan::platform
