// A cryptographic random stream: ChaCha with 8 rounds (D. J. Bernstein, 2008), buffered.
//
// One stream per heap, seeded by the kernel and reseeded in fork children. Output already handed
// out cannot be recomputed from the state: the key is replaced from each buffer's own output.
#ifndef BARTIZAN_SRC_BASE_RANDOM_H_
#define BARTIZAN_SRC_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace bartizan {

class RandomStream {
 public:
  static constexpr size_t kKeyWords = 8;

  // `key` is 32 bytes of entropy. Discards what was buffered.
  void Seed(const uint32_t key[kKeyWords]) {
    for (size_t i = 0; i < kKeyWords; ++i) key_[i] = key[i];
    next_ = kBufferWords;
  }

  uint32_t Next32() {
    if (next_ == kBufferWords) Refill();
    const uint32_t word = buffer_[next_];
    buffer_[next_++] = 0;  // a later leak of the heap's memory does not tell the past
    return word;
  }
  uint64_t Next64() {
    const uint64_t high = Next32();
    return high << 32 | Next32();
  }
  // Uniform in [0, bound) up to a bias of bound / 2^32; bound > 0.
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(static_cast<uint64_t>(Next32()) * bound >> 32);
  }

  // As many at once, for little: for bounds below 2^16 and with a bias of bound / 2^16.
  void BelowSmall(uint32_t bound, uint16_t* out, size_t count) {
    for (size_t i = 0; i < count; i += 2) {
      const uint32_t word = Next32();
      out[i] = static_cast<uint16_t>((word & 0xffff) * bound >> 16);
      if (i + 1 < count) out[i + 1] = static_cast<uint16_t>((word >> 16) * bound >> 16);
    }
  }

 private:
  // Four blocks at once: one key replacement is paid for by 56 words of output.
  static constexpr size_t kBufferWords = 64;

  void Refill();

  uint32_t key_[kKeyWords] = {};
  uint32_t buffer_[kBufferWords] = {};
  size_t next_ = kBufferWords;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_RANDOM_H_
