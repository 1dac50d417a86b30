// The machine at hand, as libnuma tells it, against what the kernel's files say.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "src/platform/topology.h"

namespace bartizan::platform {
namespace {

std::string Folder(int processor) {
  return "/sys/devices/system/cpu/cpu" + std::to_string(processor);
}

// The node of a processor, -1 when there are no nodes or no such processor.
int NodeByKernel(int processor) {
  for (int node = 0; node < 1024; ++node) {
    if (access((Folder(processor) + "/node" + std::to_string(node)).c_str(), F_OK) == 0) {
      return node;
    }
  }
  return -1;
}

TEST(SystemTopology, PutsProcessorsOnTheirNodes) {
  const int highest = kSystemTopology.highest_processor();
  if (highest < 0 || NodeByKernel(0) < 0) GTEST_SKIP() << "the kernel has no nodes";
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &set)) continue;
    EXPECT_LE(processor, highest) << "a processor we run on is beyond the last";
    const int node = NodeByKernel(processor);
    EXPECT_EQ(kSystemTopology.node_of_processor(processor), node);
    EXPECT_LE(node, kSystemTopology.highest_node());
  }
}

// A processor's number is not bounded by how many a process may use.
TEST(SystemTopology, DoesNotDependOnTheAffinity) {
  const int highest = kSystemTopology.highest_processor();
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &first);
  ASSERT_EQ(sched_setaffinity(0, sizeof first, &first), 0);
  EXPECT_EQ(kSystemTopology.highest_processor(), highest);
  EXPECT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

TEST(SystemTopology, CanBeLearned) {
  LearnTopology(kSystemTopology);
  EXPECT_GE(NodeCount(), 1u);
  EXPECT_LT(CurrentNode(), NodeCount());
  int usable = 0;
  for (int node = 0; node <= kSystemTopology.highest_node(); ++node) {
    usable += kSystemTopology.node_usable(node);
  }
  if (usable > 1) {
    EXPECT_EQ(NodeCount(), std::min(static_cast<uint32_t>(usable), kMaxNodes));
  } else {
    EXPECT_EQ(NodeCount(), 1u);
  }
  ForgetTopology();
}

}  // namespace
}  // namespace bartizan::platform
