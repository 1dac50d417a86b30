// The generator of the tests (SplitMix64, Steele et al. 2014): one word of state, so that a seed
// replays a run and a forked child or a thread gets a stream of its own with Split().
#ifndef BARTIZAN_TESTS_SUPPORT_RANDOM_H_
#define BARTIZAN_TESTS_SUPPORT_RANDOM_H_

#include <stddef.h>
#include <stdint.h>

namespace test {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t word = (state_ += 0x9e3779b97f4a7c15u);
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
  }

  // Uniform in [0, bound); bound > 0. The bias is below 2^-32 for the bounds of tests.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

  // Uniform in [low, high].
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }

  bool OneIn(uint64_t n) { return Below(n) == 0; }

  // Uniform on a logarithmic scale in [low, high], low > 0: each doubling is equally likely.
  uint64_t Logarithmic(uint64_t low, uint64_t high) {
    int low_bits = 63 - __builtin_clzll(low);
    int high_bits = 63 - __builtin_clzll(high);
    uint64_t base =
        uint64_t{1} << Between(static_cast<uint64_t>(low_bits), static_cast<uint64_t>(high_bits));
    uint64_t value = base + Below(base);
    return value < low ? low : value > high ? high : value;
  }

  Random Split() { return Random(Next()); }

 private:
  uint64_t state_;
};

// Fisher-Yates.
template <typename T>
void Shuffle(T* values, size_t count, Random& random) {
  for (size_t i = count; i > 1; --i) {
    size_t j = random.Below(i);
    T moved = values[i - 1];
    values[i - 1] = values[j];
    values[j] = moved;
  }
}

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_RANDOM_H_
