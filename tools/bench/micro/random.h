// The drivers' random numbers (xorshift64*, Vigna 2014): a few instructions, and the same sequence
// under every allocator.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_RANDOM_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_RANDOM_H_

#include <stddef.h>
#include <stdint.h>

namespace bench {

class Random {
 public:
  // Streams with different numbers share nothing that matters here.
  explicit Random(uint64_t stream) : state_((stream + 1) * 0x9e3779b97f4a7c15u) {}

  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }

  // Uniform in [0, bound).
  size_t Below(uint64_t bound) {
    return static_cast<size_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

  // Uniform in [low, high].
  size_t Between(size_t low, size_t high) { return low + Below(high - low + 1); }

  // Uniform in [2^low, 2^high) on a logarithmic scale: each doubling is equally likely.
  size_t Doublings(unsigned low, unsigned high) {
    const size_t base = size_t{1} << (low + Below(high - low));
    return base + Below(base);
  }

 private:
  uint64_t state_;
};

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_RANDOM_H_
