// Permutations of the 39-bit numbers, one for each key and tweak: a Feistel network (M. Luby and
// C. Rackoff, 1988) of four rounds over SipHash-1-3 (J.-P. Aumasson and D. J. Bernstein, 2012).
//
// Two numbers never have the same image, and who does not know the key cannot tell an image from a
// number drawn at random.
#ifndef BARTIZAN_SRC_BASE_KEYED_PERMUTATION_H_
#define BARTIZAN_SRC_BASE_KEYED_PERMUTATION_H_

#include <bit>
#include <cstdint>

namespace bartizan {

struct HashKey {
  uint64_t words[2];
};

// SipHash-kCompress-kFinish of the eight bytes of `message`, lowest first.
template <int kCompress, int kFinish>
constexpr uint64_t SipHash(const HashKey& key, uint64_t message) {
  uint64_t a = 0x736f6d6570736575u ^ key.words[0];
  uint64_t b = 0x646f72616e646f6du ^ key.words[1];
  uint64_t c = 0x6c7967656e657261u ^ key.words[0];
  uint64_t d = 0x7465646279746573u ^ key.words[1];
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
      c += d, d = std::rotl(d, 16) ^ c;
      a += d, d = std::rotl(d, 21) ^ a;
      c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    }
  };
  const auto compress = [&](uint64_t word) {
    d ^= word;
    rounds(kCompress);
    a ^= word;
  };
  compress(message);
  compress(uint64_t{sizeof message} << 56);  // the length, as the standard's padding has it
  c ^= 0xff;
  rounds(kFinish);
  return a ^ b ^ c ^ d;
}

class KeyedPermutation {
 public:
  static constexpr unsigned kBits = 39;

  constexpr KeyedPermutation() = default;
  constexpr explicit KeyedPermutation(const HashKey& key) : key_(key) {}

  // `number` below 2^39.
  constexpr uint64_t Map(uint32_t tweak, uint64_t number) const {
    uint64_t high = number >> kLowBits;
    uint64_t low = number & kLowMask;
    high ^= Round(0, tweak, low) & kHighMask;
    low ^= Round(1, tweak, high) & kLowMask;
    high ^= Round(2, tweak, low) & kHighMask;
    low ^= Round(3, tweak, high) & kLowMask;
    return high << kLowBits | low;
  }

 private:
  static constexpr unsigned kLowBits = 20;
  static constexpr uint64_t kLowMask = (uint64_t{1} << kLowBits) - 1;
  static constexpr uint64_t kHighMask = (uint64_t{1} << (kBits - kLowBits)) - 1;

  // The parts do not overlap: a half has 20 bits at most, the round's number 2.
  constexpr uint64_t Round(uint64_t round, uint32_t tweak, uint64_t half) const {
    return SipHash<1, 3>(key_, uint64_t{tweak} << 32 | round << kLowBits | half);
  }

  HashKey key_ = {};
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_KEYED_PERMUTATION_H_
