// NUMA topology and placement.
//
// Nodes and processors have sparse numbers, nodes may have no memory, a process may be confined to
// some of them. What the engine uses is an index: 0 .. NodeCount() - 1 over the nodes that have
// memory we may use. With one node, or where nothing can be learned, everything here does nothing.
#ifndef BARTIZAN_SRC_PLATFORM_TOPOLOGY_H_
#define BARTIZAN_SRC_PLATFORM_TOPOLOGY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bartizan::platform {

// Where facts about the machine come from; tests invent machines. Functions may be called at
// start-up only, by one thread.
struct TopologySource {
  // Highest node number and highest processor number in use, or -1 when unknown.
  int (*highest_node)();
  int (*highest_processor)();
  // Whether this process may take memory from the node, and the node has some.
  bool (*node_usable)(int node);
  // Node number of a processor, or -1.
  int (*node_of_processor)(int processor);
};

// The machine at hand, through libnuma.
extern const TopologySource kSystemTopology;

constexpr uint32_t kMaxNodes = 64;

// Learns the topology; until then there is one node. Called from the library's constructor.
void LearnTopology(const TopologySource& source);
void ForgetTopology();

uint32_t NodeCount();
// The kernel's number of a node by our index.
int NodeNumber(uint32_t index);
// Index of the node the calling thread runs on now. A processor on a node without memory counts as
// being on index 0.
uint32_t CurrentNode();

// Prefers the node's memory for the pages of a range, also those that another thread touches first.
// Refusals (sandbox, kernel without NUMA) are counted and otherwise ignored.
void BindToNode(uintptr_t address, size_t bytes, uint32_t node);
uint64_t RefusedBindings();

// Where it is kept, for those who read a process from outside. With one node, there are no numbers.
struct NodeTable {
  const std::atomic<uint32_t>* count;
  const int* numbers;  // kMaxNodes
};
NodeTable Nodes();

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_TOPOLOGY_H_
