// The tree of address ranges against std::map.
#include "src/engine/range_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "tests/support/random.h"

namespace bartizan {
namespace {

RangeNode MakeNode(uintptr_t begin, uintptr_t end, uint32_t priority) {
  RangeNode node{};
  node.begin = begin;
  node.end = end;
  node.priority = priority;
  return node;
}

// What must hold of every subtree: order by address, heap order of priorities, the longest range.
struct Summary {
  size_t count = 0;
  size_t longest = 0;
  size_t depth = 0;
};
Summary Check(const RangeNode* node, uintptr_t low, uintptr_t high) {
  if (node == nullptr) return {};
  EXPECT_GE(node->begin, low);
  EXPECT_LE(node->end, high);
  const Summary left = Check(node->left, low, node->begin);
  const Summary right = Check(node->right, node->end, high);
  for (const RangeNode* child : {node->left, node->right}) {
    if (child != nullptr) {
      EXPECT_LE(child->priority, node->priority);
    }
  }
  const size_t below = std::max(left.longest, right.longest);
  EXPECT_EQ(node->longest, std::max(below, node->bytes()));
  return {left.count + right.count + 1, std::max(below, node->bytes()),
          std::max(left.depth, right.depth) + 1};
}

// The node that is nobody's child.
template <class Nodes>
const RangeNode* Root(const Nodes& nodes) {
  std::set<const RangeNode*> children;
  for (const auto& [begin, node] : nodes) children.insert({node->left, node->right});
  for (const auto& [begin, node] : nodes) {
    if (children.count(node) == 0) return node;
  }
  return nullptr;
}

// The same ranges in a map by their beginning.
class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {}

  // Between the ranges that are there; nothing when the place is taken.
  void InsertSome() {
    const uintptr_t begin = random_.Below(kSpan);
    const uintptr_t end = begin + random_.Between(1, 300);
    const auto after = map_.lower_bound(begin);
    if (after != map_.end() && after->second->begin < end) return;
    if (after != map_.begin() && std::prev(after)->second->end > begin) return;
    RangeNode* node = NewNode();
    node->begin = begin;
    node->end = end;
    // Equal priorities are rare and must do no harm.
    node->priority = static_cast<uint32_t>(random_.OneIn(4) ? random_.Below(4) : random_.Next());
    tree_.Insert(node);
    map_[begin] = node;
  }
  void EraseSome() {
    RangeNode* node = AtOrAfter(random_.Below(kSpan));
    if (node == nullptr) return;
    tree_.Erase(node);
    EXPECT_EQ(node->left, nullptr);
    EXPECT_EQ(node->right, nullptr);
    map_.erase(node->begin);
    spare_.push_back(node);
  }
  // Grows or shrinks a range at either end, as far as its neighbours let it.
  void ResizeSome() {
    RangeNode* node = AtOrAfter(random_.Below(kSpan));
    if (node == nullptr) return;
    const auto here = map_.find(node->begin);
    const uintptr_t low = here == map_.begin() ? 0 : std::prev(here)->second->end;
    const auto next = std::next(here);
    const uintptr_t high = next == map_.end() ? kSpan + 1000 : next->second->begin;
    map_.erase(here);
    node->begin = random_.Between(low, node->end - 1);
    node->end = random_.Between(node->begin + 1, high);
    map_[node->begin] = node;
    tree_.Resized(node);
  }
  void Compare() {
    const uintptr_t address = random_.Below(kSpan + 1000);
    ASSERT_EQ(tree_.AtOrAfter(address), AtOrAfter(address));
    ASSERT_EQ(tree_.AtOrBefore(address), AtOrBefore(address));
    RangeNode* before = AtOrBefore(address);
    const bool inside = before != nullptr && address < before->end;
    ASSERT_EQ(tree_.Find(address), inside ? before : nullptr);
  }
  void CompareFit() {
    const size_t bytes = random_.Between(1, 600);
    RangeNode* fit = nullptr;
    for (const auto& [begin, node] : map_) {
      if (node->bytes() < bytes) continue;
      fit = node;
      break;
    }
    ASSERT_EQ(tree_.FirstFit(bytes), fit);
  }
  void CheckWhole() const {
    const Summary summary = Check(Root(map_), 0, UINTPTR_MAX);
    EXPECT_EQ(summary.count, map_.size());
    EXPECT_EQ(tree_.longest(), summary.longest);
  }
  size_t size() const { return map_.size(); }

 private:
  static constexpr uintptr_t kSpan = 100000;

  RangeNode* NewNode() {
    if (spare_.empty()) {
      nodes_.emplace_back();
      return &nodes_.back();
    }
    RangeNode* node = spare_.back();
    spare_.pop_back();
    return node;
  }
  RangeNode* AtOrAfter(uintptr_t address) const {
    const auto found = map_.lower_bound(address);
    return found == map_.end() ? nullptr : found->second;
  }
  RangeNode* AtOrBefore(uintptr_t address) const {
    const auto found = map_.upper_bound(address);
    return found == map_.begin() ? nullptr : std::prev(found)->second;
  }

  test::Random random_;
  RangeTree tree_;
  std::map<uintptr_t, RangeNode*> map_;
  std::deque<RangeNode> nodes_;
  std::vector<RangeNode*> spare_;  // erased ones, with what was in them
};

TEST(RangeTree, AgreesWithAMap) {
  Model model(1);
  test::Random random(2);
  size_t largest = 0;
  for (int i = 0; i < 100000; ++i) {
    // The set grows and shrinks in turns.
    const bool grows = i / 10000 % 2 == 0;
    const uint64_t choice = random.Below(10);
    if (choice < (grows ? 6 : 2)) {
      model.InsertSome();
    } else if (choice < 8) {
      model.EraseSome();
    } else {
      model.ResizeSome();
    }
    model.Compare();
    if (i % 16 == 0) model.CompareFit();
    if (i % 1000 == 0) model.CheckWhole();
    ASSERT_FALSE(testing::Test::HasFailure()) << "operation " << i;
    largest = std::max(largest, model.size());
  }
  EXPECT_GT(largest, 200u);
}

TEST(RangeTree, FindsNothingWhenEmpty) {
  RangeTree tree;
  EXPECT_EQ(tree.longest(), 0u);
  for (uintptr_t address : {uintptr_t{0}, uintptr_t{1}, UINTPTR_MAX}) {
    EXPECT_EQ(tree.Find(address), nullptr);
    EXPECT_EQ(tree.AtOrBefore(address), nullptr);
    EXPECT_EQ(tree.AtOrAfter(address), nullptr);
  }
  EXPECT_EQ(tree.FirstFit(1), nullptr);
}

TEST(RangeTree, ReachesTheEndsOfTheAddressSpace) {
  RangeTree tree;
  RangeNode first = MakeNode(0, 16, 1);
  RangeNode last = MakeNode(UINTPTR_MAX - 15, UINTPTR_MAX, 2);
  tree.Insert(&first);
  tree.Insert(&last);
  EXPECT_EQ(tree.Find(0), &first);
  EXPECT_EQ(tree.Find(15), &first);
  EXPECT_EQ(tree.Find(16), nullptr);
  EXPECT_EQ(tree.Find(UINTPTR_MAX - 1), &last);
  EXPECT_EQ(tree.Find(UINTPTR_MAX), nullptr);
}

// Addresses that rise, as those of a program that only allocates: a tree that did not mind its
// priorities would be a list.
TEST(RangeTree, StaysShallowWhateverTheOrder) {
  constexpr size_t kNodes = 100000;
  std::vector<RangeNode> nodes(kNodes);
  RangeTree tree;
  std::map<uintptr_t, RangeNode*> map;
  test::Random random(3);
  for (size_t i = 0; i < kNodes; ++i) {
    nodes[i] = MakeNode(i * 16, i * 16 + 16, static_cast<uint32_t>(random.Next()));
    tree.Insert(&nodes[i]);
    map[i] = &nodes[i];
  }
  const Summary summary = Check(Root(map), 0, UINTPTR_MAX);
  EXPECT_EQ(summary.count, kNodes);
  // About 40 are expected; more than 80 has a chance below one in 10^12.
  EXPECT_LT(summary.depth, 80u);
}

}  // namespace
}  // namespace bartizan
