#include "src/engine/range_tree.h"

namespace bartizan {
namespace {

size_t Longest(const RangeNode* node) { return node == nullptr ? 0 : node->longest; }

void Update(RangeNode* node) {
  size_t longest = node->bytes();
  if (Longest(node->left) > longest) longest = Longest(node->left);
  if (Longest(node->right) > longest) longest = Longest(node->right);
  node->longest = longest;
}

// Into ranges below and ranges at or above an address.
void Split(RangeNode* tree, uintptr_t address, RangeNode** below, RangeNode** above) {
  if (tree == nullptr) {
    *below = *above = nullptr;
  } else if (tree->begin < address) {
    Split(tree->right, address, &tree->right, above);
    *below = tree;
    Update(tree);
  } else {
    Split(tree->left, address, below, &tree->left);
    *above = tree;
    Update(tree);
  }
}

// All of `low` lies below all of `high`.
RangeNode* Merge(RangeNode* low, RangeNode* high) {
  if (low == nullptr) return high;
  if (high == nullptr) return low;
  if (low->priority > high->priority) {
    low->right = Merge(low->right, high);
    Update(low);
    return low;
  }
  high->left = Merge(low, high->left);
  Update(high);
  return high;
}

RangeNode* InsertInto(RangeNode* tree, RangeNode* node) {
  if (tree == nullptr || node->priority > tree->priority) {
    Split(tree, node->begin, &node->left, &node->right);
    Update(node);
    return node;
  }
  if (node->begin < tree->begin) {
    tree->left = InsertInto(tree->left, node);
  } else {
    tree->right = InsertInto(tree->right, node);
  }
  Update(tree);
  return tree;
}

RangeNode* EraseFrom(RangeNode* tree, const RangeNode* node) {
  if (tree == node) return Merge(tree->left, tree->right);
  if (node->begin < tree->begin) {
    tree->left = EraseFrom(tree->left, node);
  } else {
    tree->right = EraseFrom(tree->right, node);
  }
  Update(tree);
  return tree;
}

void UpdatePath(RangeNode* tree, const RangeNode* node) {
  if (tree != node) UpdatePath(node->begin < tree->begin ? tree->left : tree->right, node);
  Update(tree);
}

}  // namespace

void RangeTree::Insert(RangeNode* node) {
  node->left = node->right = nullptr;
  root_ = InsertInto(root_, node);
}

void RangeTree::Erase(RangeNode* node) {
  root_ = EraseFrom(root_, node);
  node->left = node->right = nullptr;
}

void RangeTree::Resized(RangeNode* node) { UpdatePath(root_, node); }

RangeNode* RangeTree::AtOrBefore(uintptr_t address) const {
  RangeNode* best = nullptr;
  for (RangeNode* node = root_; node != nullptr;) {
    if (node->begin <= address) {
      best = node;
      node = node->right;
    } else {
      node = node->left;
    }
  }
  return best;
}

RangeNode* RangeTree::AtOrAfter(uintptr_t address) const {
  RangeNode* best = nullptr;
  for (RangeNode* node = root_; node != nullptr;) {
    if (node->begin >= address) {
      best = node;
      node = node->left;
    } else {
      node = node->right;
    }
  }
  return best;
}

RangeNode* RangeTree::Find(uintptr_t address) const {
  RangeNode* node = AtOrBefore(address);
  return node != nullptr && address < node->end ? node : nullptr;
}

RangeNode* RangeTree::FirstFit(size_t bytes) const {
  if (Longest(root_) < bytes) return nullptr;
  RangeNode* node = root_;
  for (;;) {
    if (Longest(node->left) >= bytes) {
      node = node->left;
    } else if (node->bytes() >= bytes) {
      return node;
    } else {
      node = node->right;
    }
  }
}

}  // namespace bartizan
