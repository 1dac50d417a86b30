#include "src/engine/container_limits.h"

#include <atomic>

#include "src/options/sealed_page.h"
#include "src/platform/process_counters.h"

namespace bartizan::container_limits {
namespace {

constexpr uint64_t kNever = ~uint64_t{0};

// Whoever moves it on looks. All accesses are relaxed: what is kept are numbers.
constinit std::atomic<uint64_t> g_next_look_ms{kNever};
constinit std::atomic<bool> g_near{false};
constinit std::atomic<uint32_t> g_shrinks{0};
constinit const platform::ContainerFiles* g_files = nullptr;

platform::ContainerMemory Look() {
  const platform::ContainerMemory memory =
      platform::ReadContainerMemory(g_files != nullptr ? *g_files : platform::ContainerFiles{});
  platform::g_process_counters.container_limit.store(memory.limit, std::memory_order_relaxed);
  platform::g_process_counters.container_used.store(memory.used, std::memory_order_relaxed);
  g_near.store(IsNearly(memory), std::memory_order_relaxed);
  return memory;
}

}  // namespace

void Start(uint64_t now_ms) {
  if (!OptionsInForce().container_limits) return;
  const bool limited = Look().limit != 0;
  g_next_look_ms.store(limited ? now_ms : kNever, std::memory_order_relaxed);
}

bool IsFoundNear(uint64_t now_ms) {
  uint64_t due = g_next_look_ms.load(std::memory_order_relaxed);
  if (now_ms < due) [[likely]]
    return false;
  if (!g_next_look_ms.compare_exchange_strong(due, now_ms + kLookMs, std::memory_order_relaxed)) {
    return false;
  }
  const platform::ContainerMemory memory = Look();
  // The limit is gone, or files cannot be opened any more.
  if (memory.limit == 0) g_next_look_ms.store(kNever, std::memory_order_relaxed);
  if (!IsNearly(memory)) return false;
  g_next_look_ms.store(now_ms + kNearMs, std::memory_order_relaxed);
  g_shrinks.fetch_add(1, std::memory_order_relaxed);
  platform::g_process_counters.container_shrinks.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool IsNear() { return g_near.load(std::memory_order_relaxed); }
uint32_t Shrinks() { return g_shrinks.load(std::memory_order_relaxed); }

void UseFiles(const platform::ContainerFiles* files) { g_files = files; }

}  // namespace bartizan::container_limits
