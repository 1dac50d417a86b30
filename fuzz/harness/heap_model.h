// What a program may rely on, as plain as it can be: which blocks are live, how long they are, what
// they hold. Knows nothing of how the allocator works; targets check the allocator against it.
#ifndef BARTIZAN_FUZZ_HARNESS_HEAP_MODEL_H_
#define BARTIZAN_FUZZ_HARNESS_HEAP_MODEL_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "fuzz/harness/memory.h"
#include "src/metadata/slot_state.h"

namespace fuzz {

struct Block {
  uint8_t* at = nullptr;
  size_t size = 0;
  size_t alignment = 16;  // asked for
  bartizan::Family family = bartizan::Family::kMalloc;
  uint8_t seed = 0;
  bool live = false;
  bool written = false;  // by a fault: contents are not known any more

  uintptr_t begin() const { return reinterpret_cast<uintptr_t>(at); }
  uintptr_t end() const { return begin() + size; }
};

class HeapModel {
 public:
  static constexpr size_t kMost = 64;

  explicit HeapModel(const Memory& memory) : memory_(memory) {}

  // The allocator has handed out a block: aligned, inside the allocator's memory, overlapping no
  // live one. It is filled with a pattern. The block must have been checked for zeros before.
  Block& Enter(void* at, size_t size, size_t alignment, bartizan::Family family);
  // The program gives the block up.
  void Leave(Block& block);
  // A block has another size or place now, its contents up to the shorter size being the same.
  void Resize(Block& block, void* at, size_t size);

  // nullptr: there is no live one, or no room for another.
  bool HasRoom() const { return live_count_ < kMost; }
  Block* Live(size_t choice);
  // Any that ever was, the live ones included.
  Block* Any(size_t choice);
  // The live block that has a byte of the range.
  Block* LiveAt(uintptr_t begin, size_t bytes);

  Block* LiveBeginningAt(uintptr_t address);
  std::span<Block> All() { return blocks_; }
  size_t IndexOf(const Block& block) const { return static_cast<size_t>(&block - blocks_); }

  void CheckContents(const Block& block) const;
  void CheckAll() const;

  size_t live_count() const { return live_count_; }
  size_t live_bytes() const { return live_bytes_; }

 private:
  // Calls the function with each live block, in order, until it returns true; that block.
  template <class Function>
  const Block* FindLive(Function function) const {
    for (size_t word = 0; word < std::size(live_); ++word) {
      for (uint64_t left = live_[word]; left != 0; left &= left - 1) {
        const Block& block = blocks_[64 * word + static_cast<size_t>(std::countr_zero(left))];
        if (function(block)) return &block;
      }
    }
    return nullptr;
  }
  void SetLive(Block& block, bool live);
  static void CheckKept(const Block& block, size_t kept);
  void CheckPlace(const Block& block, size_t alignment) const;

  const Memory& memory_;
  Block blocks_[2 * kMost];
  uint64_t live_[2 * kMost / 64] = {};  // a bit for each block
  size_t next_ = 0;
  size_t live_count_ = 0;
  size_t live_bytes_ = 0;
  uint8_t next_seed_ = 1;
};

// Whether the bytes of a block that was just handed out are all zero, as far as anybody looks:
// large ones at some places.
bool IsZero(uint8_t* at, size_t size);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_HEAP_MODEL_H_
