// The memory limits of the control group (cgroup v2) that the process is in.
#ifndef BARTIZAN_SRC_PLATFORM_CONTAINER_H_
#define BARTIZAN_SRC_PLATFORM_CONTAINER_H_

#include <cstdint>

namespace bartizan::platform {

// Where the system tells. Tests have folders of their own.
struct ContainerFiles {
  const char* membership = "/proc/self/cgroup";
  const char* mounts = "/proc/self/mountinfo";  // read only where the next is not what it mostly is
  const char* usual_mount = "/sys/fs/cgroup";
};

struct ContainerMemory {
  uint64_t limit;  // bytes; 0: none, or none that can be read
  // Of the limit's group, what the kernel could not take back at once: without file pages that
  // nobody has used for a while.
  uint64_t used;
};

// Of the process's group and all above it that can be seen, the limit (memory.max or memory.high)
// that is used to the highest share. Opens and reads files; keeps nothing, never fails.
ContainerMemory ReadContainerMemory(const ContainerFiles& files = {});

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_CONTAINER_H_
