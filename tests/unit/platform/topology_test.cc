// Topology of machines that do not exist.
#include "src/platform/topology.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstring>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "src/platform/memory.h"
#include "tests/unit/memory_probe.h"

namespace bartizan::platform {
namespace {

// The machine that the functions below describe.
struct Machine {
  std::set<int> usable_nodes;
  int highest_node = -1;
  std::map<int, int> node_of_processor;
  int highest_processor = -1;
};
Machine g_machine;

constexpr TopologySource kInvented = {
    .highest_node = [] { return g_machine.highest_node; },
    .highest_processor = [] { return g_machine.highest_processor; },
    .node_usable = [](int node) { return g_machine.usable_nodes.count(node) != 0; },
    .node_of_processor =
        [](int processor) {
          const auto found = g_machine.node_of_processor.find(processor);
          return found == g_machine.node_of_processor.end() ? -1 : found->second;
        },
};

std::vector<int> ProcessorsAtHand() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  }
  return processors;
}

class InventedMachine : public testing::Test {
 protected:
  void SetUp() override {
    sched_getaffinity(0, sizeof affinity_, &affinity_);
    processors_ = ProcessorsAtHand();
    g_machine = {};
  }
  void TearDown() override {
    sched_setaffinity(0, sizeof affinity_, &affinity_);
    ForgetTopology();
  }

  void Nodes(const std::set<int>& usable, int highest) {
    g_machine.usable_nodes = usable;
    g_machine.highest_node = highest;
  }
  void Processor(int number, int node) {
    g_machine.node_of_processor[number] = node;
    if (number > g_machine.highest_processor) g_machine.highest_processor = number;
  }
  static void RunOn(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
  }
  static uint32_t NodeOn(int processor) {
    RunOn(processor);
    return CurrentNode();
  }

  cpu_set_t affinity_;
  std::vector<int> processors_;
};

TEST_F(InventedMachine, NothingKnownIsOneNode) {
  for (int highest : {-1, 0, 7}) {
    Nodes({}, highest);
    g_machine.highest_processor = highest;
    LearnTopology(kInvented);
    EXPECT_EQ(NodeCount(), 1u);
    EXPECT_EQ(NodeNumber(0), 0);
    EXPECT_EQ(CurrentNode(), 0u);
  }
}

TEST_F(InventedMachine, OneUsableNodeIsOneNode) {
  Nodes({3}, 7);
  Processor(processors_[0], 3);
  LearnTopology(kInvented);
  EXPECT_EQ(NodeCount(), 1u);
  EXPECT_EQ(NodeOn(processors_[0]), 0u);
}

TEST_F(InventedMachine, SparseNodeNumbersBecomeIndices) {
  Nodes({2, 5, 300, 1023}, 1023);
  LearnTopology(kInvented);
  ASSERT_EQ(NodeCount(), 4u);
  EXPECT_EQ(NodeNumber(0), 2);
  EXPECT_EQ(NodeNumber(1), 5);
  EXPECT_EQ(NodeNumber(2), 300);
  EXPECT_EQ(NodeNumber(3), 1023);
  for (const int node : g_machine.usable_nodes) {
    for (int processor : processors_) Processor(processor, node);
    LearnTopology(kInvented);
    EXPECT_EQ(NodeNumber(NodeOn(processors_[0])), node);
  }
}

TEST_F(InventedMachine, ProcessorsAreOnTheirNodes) {
  Nodes({4, 9}, 9);
  for (size_t i = 0; i < processors_.size(); ++i) Processor(processors_[i], i % 2 == 0 ? 9 : 4);
  LearnTopology(kInvented);
  for (size_t i = 0; i < processors_.size(); ++i) {
    EXPECT_EQ(NodeOn(processors_[i]), i % 2 == 0 ? 1u : 0u);
  }
}

// Numbers between those of processors belong to nothing, as where some were taken out.
TEST_F(InventedMachine, ProcessorNumbersMayBeSparse) {
  Nodes({0, 1}, 1);
  Processor(processors_.back(), 1);
  Processor(processors_.back() + 1000, 1);
  Processor(4095, 1);
  LearnTopology(kInvented);
  EXPECT_EQ(NodeOn(processors_.back()), 1u);
  if (processors_.size() > 1) {
    EXPECT_EQ(NodeOn(processors_[0]), 0u) << "of no known node: index 0";
  }
}

// A program that was confined to one processor when it started may be let loose later.
TEST_F(InventedMachine, AllProcessorsCountWhateverTheAffinity) {
  if (processors_.size() < 2) GTEST_SKIP() << "there is one processor";
  Nodes({0, 1}, 1);
  Processor(processors_[0], 0);
  Processor(processors_[1], 1);
  RunOn(processors_[0]);
  LearnTopology(kInvented);
  EXPECT_EQ(CurrentNode(), 0u);
  EXPECT_EQ(NodeOn(processors_[1]), 1u);
}

TEST_F(InventedMachine, NodesWithoutMemoryLendNothing) {
  Nodes({1, 3}, 4);
  for (const int node : {0, 2, 4}) {
    Processor(processors_[0], node);
    LearnTopology(kInvented);
    ASSERT_EQ(NodeCount(), 2u);
    EXPECT_EQ(NodeOn(processors_[0]), 0u);
  }
}

TEST_F(InventedMachine, MoreNodesThanWeCountAreLeftOut) {
  std::set<int> nodes;
  for (int node = 0; node < 100; ++node) nodes.insert(2 * node);
  Nodes(nodes, 198);
  Processor(processors_[0], 2 * static_cast<int>(kMaxNodes));
  LearnTopology(kInvented);
  ASSERT_EQ(NodeCount(), kMaxNodes);
  for (uint32_t i = 0; i < kMaxNodes; ++i) EXPECT_EQ(NodeNumber(i), 2 * static_cast<int>(i));
  EXPECT_EQ(NodeOn(processors_[0]), 0u);
  Processor(processors_[0], 2 * static_cast<int>(kMaxNodes - 1));
  LearnTopology(kInvented);
  EXPECT_EQ(NodeOn(processors_[0]), kMaxNodes - 1);
}

// What no kernel has must not be written beyond our tables: the address sanitizer looks on.
TEST_F(InventedMachine, ImpossibleNumbersAreIgnored) {
  Nodes({0, 1, 1024, 100000}, 100000);
  for (int processor : processors_) Processor(processor, 1);
  Processor(50, 1024);
  Processor(51, 1 << 30);
  Processor(52, -5);
  Processor(1 << 20, 1);
  LearnTopology(kInvented);
  EXPECT_EQ(NodeCount(), 2u);
  EXPECT_EQ(NodeOn(processors_[0]), 1u);
}

TEST_F(InventedMachine, ForgettingMakesItOneNodeAgain) {
  Nodes({0, 1}, 1);
  for (int processor : processors_) Processor(processor, 1);
  LearnTopology(kInvented);
  EXPECT_EQ(CurrentNode(), 1u);
  ForgetTopology();
  EXPECT_EQ(NodeCount(), 1u);
  EXPECT_EQ(CurrentNode(), 0u);
}

TEST_F(InventedMachine, EveryThreadSeesIt) {
  Nodes({0, 6}, 6);
  for (int processor : processors_) Processor(processor, 6);
  LearnTopology(kInvented);
  std::thread([] {
    EXPECT_EQ(NodeCount(), 2u);
    EXPECT_EQ(CurrentNode(), 1u);
  }).join();
}

// The kernel does not know the node: counted, and the memory is as good as before.
TEST_F(InventedMachine, BindingToAnAbsentNodeIsRefusedAndCounted) {
  Nodes({0, 1000}, 1000);
  LearnTopology(kInvented);
  const uintptr_t place = ClaimAnywhere(4 * kPageBytes, Access::kReadWrite);
  const uint64_t before = RefusedBindings();
  BindToNode(place, 4 * kPageBytes, 1);
  EXPECT_EQ(RefusedBindings(), before + 1);
  std::memset(reinterpret_cast<void*>(place), 1, 4 * kPageBytes);
  EXPECT_TRUE(MemoryProbe().Accessible(place, 4 * kPageBytes));
  Release(place, 4 * kPageBytes);
}

TEST(OneNode, NeedsNoBinding) {
  const uint64_t before = RefusedBindings();
  BindToNode(0, kPageBytes, 0);  // nothing is there: a call would fail
  EXPECT_EQ(RefusedBindings(), before);
}

}  // namespace
}  // namespace bartizan::platform
