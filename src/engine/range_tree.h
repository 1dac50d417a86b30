// Address ranges in order: which range holds an address, which free range is large enough.
//
// A treap (Seidel and Aragon, 1996): a binary search tree by address whose shape is that of random
// priorities, so that every operation takes logarithmic time whatever the program does. Each node
// knows the longest range below it, which makes first fit logarithmic too. Not thread-safe.
#ifndef BARTIZAN_SRC_ENGINE_RANGE_TREE_H_
#define BARTIZAN_SRC_ENGINE_RANGE_TREE_H_

#include <cstddef>
#include <cstdint>

namespace bartizan {

// Embedded in what a range stands for. Ranges of one tree are disjoint and not empty.
struct RangeNode {
  uintptr_t begin;
  uintptr_t end;
  uint32_t priority;  // random, set before Insert
  size_t longest;     // of the ranges in the subtree
  RangeNode* left;
  RangeNode* right;

  size_t bytes() const { return end - begin; }
};

class RangeTree {
 public:
  void Insert(RangeNode* node);
  void Erase(RangeNode* node);

  // The range that holds the address, or nullptr.
  RangeNode* Find(uintptr_t address) const;
  // The last range that begins at or below the address, and the first that begins at or above.
  RangeNode* AtOrBefore(uintptr_t address) const;
  RangeNode* AtOrAfter(uintptr_t address) const;
  // The lowest range of at least that length.
  RangeNode* FirstFit(size_t bytes) const;

  // Call after changing a node's end or begin in place (its order among the others must not
  // change).
  void Resized(RangeNode* node);

  // For those who read it by copies.
  RangeNode* const* root_place() const { return &root_; }

  // Length of the longest range; 0 when there is none.
  size_t longest() const { return root_ == nullptr ? 0 : root_->longest; }

 private:
  RangeNode* root_ = nullptr;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_RANGE_TREE_H_
