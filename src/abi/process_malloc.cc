// Here and not in src/platform: which malloc is ours is only known where it is defined.
#include "src/platform/process_malloc.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "src/abi/own_malloc.h"

namespace bartizan {

constinit std::atomic<bool> g_own_calloc_refused{false};

namespace platform {
namespace {

// Calls the process's calloc with what every calloc refuses at once, and sees whether it was ours.
// Asking for the address of malloc is not enough: in an executable at a fixed address that is its
// own entry in the procedure linkage table, wherever that leads.
bool ReachesOurs() {
  void* (*volatile process_calloc)(size_t, size_t) = &std::calloc;
  const int saved = errno;
  g_own_calloc_refused.store(false, std::memory_order_relaxed);
  (void)process_calloc(SIZE_MAX, SIZE_MAX);
  errno = saved;
  return g_own_calloc_refused.load(std::memory_order_relaxed);
}

}  // namespace

bool AnotherMallocServes() {
  // 0 unknown, 1 ours serves, 2 another's. Relaxed: found out twice, it is the same.
  static constinit std::atomic<int> known{0};
  int answer = known.load(std::memory_order_relaxed);
  if (answer != 0) return answer == 2;
  void* (*volatile process_malloc)(size_t) = &std::malloc;
  const bool ours = process_malloc == &bartizan_own_malloc || ReachesOurs();
  known.store(ours ? 1 : 2, std::memory_order_relaxed);
  return !ours;
}

void* AllocateElsewhere(size_t bytes, size_t alignment) {
  return alignment == 0 ? std::malloc(bytes) : std::aligned_alloc(alignment, bytes);
}

void FreeElsewhere(void* block) { std::free(block); }

}  // namespace platform
}  // namespace bartizan
