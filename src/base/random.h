// A cryptographic random stream: ChaCha with 8 rounds (D. J. Bernstein, 2008), buffered.
//
// One stream per heap, seeded by the kernel and reseeded in fork children. Output already handed
// out cannot be recomputed from the state: the key is replaced from each buffer's own output.
#ifndef BARTIZAN_SRC_BASE_RANDOM_H_
#define BARTIZAN_SRC_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

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

  // As many numbers of sixteen bits, and room for one more.
  void Fill16(uint16_t* out, size_t count) {
    for (size_t words = (count + 1) / 2; words != 0;) {
      if (next_ == kBufferWords) Refill();
      const size_t run = words < kBufferWords - next_ ? words : kBufferWords - next_;
      std::memcpy(out, buffer_ + next_, run * sizeof(uint32_t));
      std::memset(buffer_ + next_, 0, run * sizeof(uint32_t));
      next_ += run;
      out += 2 * run;
      words -= run;
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
