#include "src/metadata/seeding.h"

#include "src/platform/entropy.h"

namespace bartizan {
namespace {

// The seed is no secret, whatever is made of it; so these need not hide it, only keep apart what
// they are made from. Stafford's variant 13 of the MurmurHash3 finalizer.
constexpr uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
constexpr uint64_t Join(uint64_t before, uint64_t more) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
  return Mix(before * kOdd + Mix(more + kOdd));
}

constinit uint64_t g_seed = 0;
// The numbers of the forks that led here, joined; 0 in the first process.
constinit uint64_t g_fork_path = 0;
// Forks of this process. The locks that are held before a fork guard both.
constinit uint64_t g_forks = 0;

}  // namespace

StreamKey DeriveKey(uint64_t seed, uint64_t fork_path, StreamUse use, uint32_t number) {
  uint64_t state = Join(Join(Join(seed, fork_path), static_cast<uint64_t>(use)), number);
  StreamKey key;
  for (uint32_t& word : key.words) {
    state = Join(state, 1);
    word = static_cast<uint32_t>(state >> 32);
  }
  return key;
}

RandomStream NewStream(StreamUse use, uint32_t number) {
  StreamKey key;
  if (g_seed != 0) {
    key = DeriveKey(g_seed, g_fork_path, use, number);
  } else {
    platform::FillRandom(key.words, sizeof key.words);
  }
  RandomStream random;
  random.Seed(key.words);
  return random;
}

namespace seeding {

void Start(uint64_t seed) { g_seed = seed; }

void BeginFork() { ++g_forks; }

void BeginChild() {
  g_fork_path = Join(g_fork_path, g_forks);
  g_forks = 0;
}

}  // namespace seeding
}  // namespace bartizan
