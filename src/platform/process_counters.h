// What the process has asked of the system, and how often its threads met at a lock: counted where
// it happens, read by anyone. All accesses are relaxed: numbers for people.
#ifndef BARTIZAN_SRC_PLATFORM_PROCESS_COUNTERS_H_
#define BARTIZAN_SRC_PLATFORM_PROCESS_COUNTERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace bartizan::platform {

// By purpose: madvise has several.
enum class SystemCall : uint8_t {
  kMap,
  kUnmap,
  kProtect,
  kMove,
  kDropPages,
  kPopulate,
  kInstallGuard,
  kRemoveGuard,
  kAdviseHugePages,
  kResidentPages,
  kBindToNode,
  kWait,
  kWake,
};
inline constexpr std::string_view kSystemCallNames[] = {"mmap",
                                                        "munmap",
                                                        "mprotect",
                                                        "mremap",
                                                        "madvise_dontneed",
                                                        "madvise_populate",
                                                        "madvise_guard",
                                                        "madvise_guard_remove",
                                                        "madvise_hugepage",
                                                        "mincore",
                                                        "mbind",
                                                        "futex_wait",
                                                        "futex_wake"};
inline constexpr size_t kSystemCalls = static_cast<size_t>(SystemCall::kWake) + 1;
static_assert(std::size(kSystemCallNames) == kSystemCalls);

struct CallCounter {
  std::atomic<uint64_t> made;
  std::atomic<uint64_t> failed;  // of those: refused, or without effect
};

struct ProcessCounters {
  CallCounter calls[kSystemCalls];
  std::atomic<uint64_t> contended_locks;  // a lock was held by another thread
  std::atomic<uint64_t> slept_locks;      // of those: for longer than the thread kept trying
  // Of the control group (container.h), as seen at the last look: a limit of 0 is none. And how
  // often memory was given back because it was near.
  std::atomic<uint64_t> container_limit;
  std::atomic<uint64_t> container_used;
  std::atomic<uint64_t> container_shrinks;
};

extern constinit ProcessCounters g_process_counters;

// Counts a call that returned `result`, as the kernel gives it, and returns it.
inline long Counted(SystemCall call, long result) {
  CallCounter& counter = g_process_counters.calls[static_cast<size_t>(call)];
  counter.made.fetch_add(1, std::memory_order_relaxed);
  if (result < 0 && result > -4096) counter.failed.fetch_add(1, std::memory_order_relaxed);
  return result;
}

inline uint64_t FailedCalls(SystemCall call) {
  return g_process_counters.calls[static_cast<size_t>(call)].failed.load(std::memory_order_relaxed);
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PROCESS_COUNTERS_H_
