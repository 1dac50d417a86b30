// The live blocks of a process by address, and what is known of each.
#ifndef BARTIZAN_SRC_LEAKS_BLOCK_TABLE_H_
#define BARTIZAN_SRC_LEAKS_BLOCK_TABLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "src/leaks/mapped_array.h"
#include "src/metadata/stack_table.h"

namespace bartizan::leaks {

using BlockIndex = uint32_t;
constexpr BlockIndex kNoBlock = ~BlockIndex{0};

// Those after kRoots are lost.
enum class Reach : uint8_t {
  kNone,      // by nothing that was looked at so far
  kRoots,     // from the program's variables, stacks or registers
  kIndirect,  // only from blocks that are lost themselves
  kDirect,    // lost, and no other lost block leads to it
};

struct Block {
  uintptr_t begin;
  size_t bytes;
  StackId stack;
  BlockIndex leader;  // of one that is lost: the directly lost one that leads to it
  Reach reach;
  bool held_by_epoch;
};

class BlockTable {
 public:
  bool Add(const Block& block) { return blocks_.Push(block); }
  // When all are there.
  void Sort() {
    std::sort(blocks_.begin(), blocks_.end(),
              [](const Block& a, const Block& b) { return a.begin < b.begin; });
    lowest_ = blocks_.empty() ? 0 : blocks_[0].begin;
    span_ = blocks_.empty() ? 0 : blocks_[size() - 1].begin + blocks_[size() - 1].bytes - lowest_;
  }
  void Clear() { blocks_.Clear(); }

  // The block that a word may refer to: it is the address of any of its bytes; of a block without
  // bytes, its address. `is_empty_array` tells of a block of eight bytes whose end it is.
  BlockIndex Find(uintptr_t word, bool* is_empty_array) const {
    if (word - lowest_ > span_) return kNoBlock;
    const Block* const after = std::upper_bound(
        blocks_.begin(), blocks_.end(), word,
        [](uintptr_t address, const Block& block) { return address < block.begin; });
    if (after == blocks_.begin()) return kNoBlock;
    const Block& block = after[-1];
    const size_t offset = word - block.begin;
    *is_empty_array = offset == sizeof(uint64_t) && block.bytes == sizeof(uint64_t);
    if (offset >= block.bytes && offset != 0 && !*is_empty_array) return kNoBlock;
    return static_cast<BlockIndex>(after - 1 - blocks_.begin());
  }

  size_t size() const { return blocks_.size(); }
  bool failed() const { return blocks_.failed(); }
  Block& operator[](BlockIndex i) { return blocks_[i]; }
  const Block& operator[](BlockIndex i) const { return blocks_[i]; }

 private:
  MappedArray<Block> blocks_;
  uintptr_t lowest_ = 0;
  size_t span_ = 0;
};

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_BLOCK_TABLE_H_
