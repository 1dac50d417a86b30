// The machine at hand, as libnuma sees it. libnuma's constructor reads /sys once; nothing of it is
// called after start-up.
#include <numa.h>

#include "src/platform/topology.h"

// libnuma's constructor. Ours may run before it; it does its work once however often it is called.
extern "C" void numa_init(void);

namespace bartizan::platform {
namespace {

bool Available() {
  numa_init();
  return numa_available() >= 0;
}
int HighestNode() { return Available() ? numa_max_node() : -1; }
int HighestProcessor() { return Available() ? numa_num_possible_cpus() - 1 : -1; }
bool NodeUsable(int node) {
  // numa_all_nodes_ptr: nodes with memory that this process may use.
  return numa_bitmask_isbitset(numa_all_nodes_ptr, static_cast<unsigned>(node)) != 0;
}
int NodeOfProcessor(int processor) { return numa_node_of_cpu(processor); }

}  // namespace

constinit const TopologySource kSystemTopology = {HighestNode, HighestProcessor, NodeUsable,
                                                  NodeOfProcessor};

}  // namespace bartizan::platform
