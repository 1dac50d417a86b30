// The machine at hand, as libnuma sees it. libnuma reads /sys once, and only where there are
// several nodes: it takes more time and memory than all the rest of our start. Nothing of it is
// called after start-up.
#include <numa.h>

#include "src/platform/file.h"
#include "src/platform/topology.h"

// What is libnuma's constructor elsewhere; here it is none (tools/bazel/system_numa.BUILD). It does
// its work once however often it is called.
extern "C" void numa_init(void);

namespace bartizan::platform {
namespace {

bool Available() {
  numa_init();
  return numa_available() >= 0;
}

// The number of the only node there is; -1 when there are several, or the kernel does not say.
int OnlyNode() {
  char text[16];
  const FileText file = ReadSmallFile("/sys/devices/system/node/online", text, sizeof text);
  int node = 0;
  for (long i = 0; i < file.length; ++i) {
    if (text[i] == '\n' && i > 0) return node;
    if (text[i] < '0' || text[i] > '9') return -1;  // a list, or a range
    node = node * 10 + (text[i] - '0');
  }
  return -1;
}

int HighestNode() {
  const int only = OnlyNode();
  if (only >= 0) return only;
  return Available() ? numa_max_node() : -1;
}
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
