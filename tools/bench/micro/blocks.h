// Blocks as programs use them: allocated, written to at their beginning, freed; calls that no
// compiler removes.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_BLOCKS_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_BLOCKS_H_

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/random.h"

namespace bench {

// The compiler must believe that somebody reads what `block` points to.
inline void Publish(void* block) { asm volatile("" : : "r"(block) : "memory"); }

// Writes to the first bytes of a block. A block that could not be had ends the run: nothing is
// measured then.
inline void* Touch(void* block, size_t size) {
  if (block == nullptr) abort();
  if (size >= sizeof(uint64_t)) {
    *static_cast<uint64_t*>(block) = size;
  } else {
    *static_cast<char*>(block) = 1;
  }
  Publish(block);
  return block;
}

inline void* Allocate(size_t size) { return Touch(malloc(size), size); }

// The sizes of many programs in brief: up to 256 bytes, and one in sixteen eight times as large.
inline size_t MixedSize(Random& random) {
  const uint64_t word = random.Next();
  const size_t size = (word >> 32) % 256 + 1;
  return size << ((word & 15) == 0 ? 3 : 0);
}

// What the driver itself needs, zeros at first. It does not come from the heap that is measured,
// and its pages are there before the clock starts.
template <typename T>
class Table {
 public:
  explicit Table(size_t count) : count_(count) {
    void* const memory = mmap(nullptr, Bytes(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) abort();
    data_ = static_cast<T*>(memory);
  }
  ~Table() { munmap(static_cast<void*>(data_), Bytes()); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  T& operator[](size_t index) { return data_[index]; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }
  size_t Count() const { return count_; }

 private:
  size_t Bytes() const { return count_ * sizeof(T); }

  size_t count_;
  T* data_;
};

// Live blocks, of which one after another is replaced.
class LiveBlocks {
 public:
  explicit LiveBlocks(size_t count) : blocks_(count) {}
  ~LiveBlocks() {
    for (void* block : blocks_) free(block);
  }
  LiveBlocks(const LiveBlocks&) = delete;
  LiveBlocks& operator=(const LiveBlocks&) = delete;

  void Replace(size_t index, size_t size) {
    free(blocks_[index]);
    blocks_[index] = Allocate(size);
  }

  void* Get(size_t index) { return blocks_[index]; }
  void Set(size_t index, void* block) { blocks_[index] = block; }
  size_t Count() const { return blocks_.Count(); }

 private:
  Table<void*> blocks_;
};

// Fills with live blocks of sizes that `size_of` draws; each chunk replaces `operations` of them at
// random.
template <typename SizeOf>
void ReplaceAtRandom(Run& run, size_t live, uint64_t operations, SizeOf size_of) {
  LiveBlocks blocks(live);
  Random random(0);
  for (size_t i = 0; i < live; ++i) blocks.Replace(i, size_of(random));
  run.Repeat(operations, [&] {
    for (uint64_t i = 0; i < operations; ++i) blocks.Replace(random.Below(live), size_of(random));
  });
}

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_BLOCKS_H_
