// A set of live blocks that changes at random and is checked at every step: the workload that
// contract and stress tests run while something else happens (a fork, a signal, a cancellation).
#ifndef BARTIZAN_TESTS_SUPPORT_WORKING_SET_H_
#define BARTIZAN_TESTS_SUPPORT_WORKING_SET_H_

#include <stddef.h>
#include <stdint.h>

#include <span>

#include "tests/support/expect.h"
#include "tests/support/heap.h"
#include "tests/support/pattern.h"
#include "tests/support/random.h"

namespace test {

// Size distributions.
inline size_t TinySize(Random& random) { return random.Between(1, 256); }
inline size_t MixedSize(Random& random) { return random.Logarithmic(1, 32 << 10); }
// Mostly small; one in 1,000 is large enough for a mapping of its own.
inline size_t BurstySize(Random& random) {
  if (random.OneIn(1000)) return random.Logarithmic(256 << 10, 4 << 20);
  return random.Logarithmic(8, 2048);
}

using SizeDistribution = size_t (*)(Random&);

struct Block {
  void* at = nullptr;
  size_t size = 0;
  uint64_t seed = 0;

  void Allocate(size_t new_size, uint64_t new_seed) {
    at = Malloc(new_size);
    EXPECT(at != nullptr, "malloc(%zu) failed", new_size);
    size = new_size;
    seed = new_seed;
    FillSparse(at, size, seed);
  }

  void CheckContents() const { CheckSparse("live block", at, size, seed); }

  // The common prefix is checked, then the whole block is filled anew.
  void Resize(size_t new_size) {
    at = Realloc(at, new_size);
    EXPECT(at != nullptr, "realloc(%zu) failed", new_size);
    CheckPrefix("reallocated block", at, size < new_size ? size : new_size, size, seed);
    size = new_size;
    FillSparse(at, size, seed);
  }

  void Release() {
    Free(at);
    at = nullptr;
  }
};

// Not thread-safe. The caller provides the table of blocks.
class WorkingSet {
 public:
  WorkingSet(std::span<Block> blocks, SizeDistribution distribution, uint64_t seed)
      : blocks_(blocks), distribution_(distribution), random_(seed) {}

  // One allocation, free or reallocation of a random member, whose contents are checked first.
  void Step() {
    Block& block = blocks_[random_.Below(blocks_.size())];
    if (block.at == nullptr) {
      block.Allocate(distribution_(random_), random_.Next());
      live_bytes_ += block.size;
      return;
    }
    block.CheckContents();
    live_bytes_ -= block.size;
    if (random_.OneIn(8)) {
      block.Resize(distribution_(random_));
      live_bytes_ += block.size;
      return;
    }
    block.Release();
    if (random_.OneIn(8)) return;
    block.Allocate(distribution_(random_), random_.Next());
    live_bytes_ += block.size;
  }

  void Steps(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) Step();
  }

  void CheckAll() const {
    for (const Block& block : blocks_) {
      if (block.at != nullptr) block.CheckContents();
    }
  }

  void ReleaseAll() {
    for (Block& block : blocks_) {
      if (block.at == nullptr) continue;
      block.CheckContents();
      block.Release();
    }
    live_bytes_ = 0;
  }

  uint64_t LiveBytes() const { return live_bytes_; }

 private:
  std::span<Block> blocks_;
  SizeDistribution distribution_;
  Random random_;
  uint64_t live_bytes_ = 0;
};

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_WORKING_SET_H_
