#include "src/platform/topology.h"

#include <atomic>

#include "src/platform/process_counters.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

constexpr int kMaxProcessors = 4096;
constexpr int kMaxNodeNumber = 1023;  // the kernel's largest MAX_NUMNODES
constexpr int kMpolPreferred = 1;

// Written before node_count is raised above one (release), read after it was seen (acquire).
struct Topology {
  int numbers[kMaxNodes];
  uint8_t node_of_processor[kMaxProcessors];
};
constinit Topology g_topology = {};
constinit std::atomic<uint32_t> g_node_count{1};

}  // namespace

void LearnTopology(const TopologySource& source) {
  const int highest_node = source.highest_node();
  if (highest_node < 1) return;
  uint32_t count = 0;
  uint8_t index_of_node[kMaxNodeNumber + 1] = {};
  for (int node = 0; node <= highest_node && node <= kMaxNodeNumber && count < kMaxNodes; ++node) {
    if (!source.node_usable(node)) continue;
    index_of_node[node] = static_cast<uint8_t>(count);
    g_topology.numbers[count++] = node;
  }
  if (count < 2) return;
  const int highest_processor = source.highest_processor();
  for (int cpu = 0; cpu <= highest_processor && cpu < kMaxProcessors; ++cpu) {
    const int node = source.node_of_processor(cpu);
    const bool known = node >= 0 && node <= kMaxNodeNumber;
    g_topology.node_of_processor[cpu] = known ? index_of_node[node] : 0;
  }
  g_node_count.store(count, std::memory_order_release);
}

void ForgetTopology() { g_node_count.store(1, std::memory_order_release); }

uint32_t NodeCount() { return g_node_count.load(std::memory_order_acquire); }

int NodeNumber(uint32_t index) { return NodeCount() > 1 ? g_topology.numbers[index] : 0; }

uint32_t CurrentNode() {
  if (NodeCount() == 1) return 0;
  unsigned cpu = 0;
  if (Syscall(SYS_getcpu, &cpu, nullptr, nullptr) != 0 || cpu >= kMaxProcessors) return 0;
  return g_topology.node_of_processor[cpu];
}

void BindToNode(uintptr_t address, size_t bytes, uint32_t node) {
  if (NodeCount() == 1) return;
  constexpr size_t kWordBits = 8 * sizeof(unsigned long);
  unsigned long mask[(kMaxNodeNumber + 1) / kWordBits] = {};
  const auto number = static_cast<size_t>(NodeNumber(node));
  mask[number / kWordBits] = 1ul << (number % kWordBits);
  // The kernel takes one bit less than it is told.
  Counted(SystemCall::kBindToNode, Syscall(SYS_mbind, address, bytes, kMpolPreferred, mask,
                                           static_cast<unsigned long>(kMaxNodeNumber) + 2, 0));
}

uint64_t RefusedBindings() { return FailedCalls(SystemCall::kBindToNode); }

NodeTable Nodes() { return {&g_node_count, g_topology.numbers}; }

}  // namespace bartizan::platform
