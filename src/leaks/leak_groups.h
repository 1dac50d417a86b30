// Lost blocks by what they have in common: how they were lost, the stack that allocated them or,
// where that is not known, their size, and the stack of the block that leads to them.
#ifndef BARTIZAN_SRC_LEAKS_LEAK_GROUPS_H_
#define BARTIZAN_SRC_LEAKS_LEAK_GROUPS_H_

#include <cstddef>
#include <cstdint>

#include "src/leaks/block_table.h"
#include "src/leaks/mapped_array.h"

namespace bartizan::leaks {

struct LeakGroup {
  Reach reach;
  StackId stack;
  size_t size;  // of each block, where the stack is not known; else 0
  // The same of the directly lost block that leads to those that are indirectly lost.
  StackId leader_stack;
  size_t leader_size;
  uint64_t blocks;
  uint64_t bytes;
  uintptr_t example;  // the address of one of them
};

struct LeakSums {
  uint64_t direct_blocks, direct_bytes;
  uint64_t indirect_blocks, indirect_bytes;
  uint64_t reachable_blocks, reachable_bytes;
};

class LeakGroups {
 public:
  // False: the system gives no memory. Directly lost ones come first, the largest of them first.
  bool Make(const BlockTable& blocks, bool reachable);

  const LeakGroup* begin() const { return groups_.begin(); }
  const LeakGroup* end() const { return groups_.end(); }
  const LeakSums& sums() const { return sums_; }

 private:
  MappedArray<LeakGroup> groups_;
  LeakSums sums_ = {};
};

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_LEAK_GROUPS_H_
