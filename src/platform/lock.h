// A small mutual exclusion lock that never allocates and survives fork.
//
// The lock word names its holder from the very instruction that takes it, so that a fork from a
// signal handler which interrupted the holder sees that its own thread holds the lock, instead of
// waiting for itself (src/engine/fork.h).
#ifndef BARTIZAN_SRC_PLATFORM_LOCK_H_
#define BARTIZAN_SRC_PLATFORM_LOCK_H_

#include <atomic>
#include <cstdint>

#include "src/platform/marked_point.h"

namespace bartizan::platform {

// Identity of the calling thread while it lives: its thread pointer.
inline uintptr_t ThisThread() { return reinterpret_cast<uintptr_t>(__builtin_thread_pointer()); }

class Lock {
 public:
  constexpr Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void Acquire() {
    MarkedPoint();
    uint32_t expected = kFree;
    // Acquire pairs with the release in Release(): what the last holder wrote is seen.
    if (!word_.compare_exchange_strong(expected, Name(), std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
      AcquireSlow();
    }
  }
  void Release() {
    if (depth_ != 0) {
      --depth_;
      return;
    }
    if ((word_.exchange(kFree, std::memory_order_release) & kContended) != 0) WakeOne();
    MarkedPoint();
  }
  // For whoever may have interrupted the holder, or may be a copy of a process whose holder was not
  // copied: never waits for long. False: not acquired.
  bool AcquireSoon();
  // From now until EndFork() the calling thread may take again each lock that it holds: handlers
  // that other libraries run around a fork may allocate while ours are held.
  static void BeginFork() { forking_.store(ThisThread(), std::memory_order_relaxed); }
  static void EndFork() { forking_.store(0, std::memory_order_relaxed); }

  // Relaxed is enough: only the thread itself stores its own name.
  bool HeldByThisThread() const {
    return (word_.load(std::memory_order_relaxed) & ~kContended) == Name();
  }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kContended = 1u << 31;

  // 31 bits of the thread pointer: thread control blocks are 64 bytes apart at least. Two threads
  // 128 GiB apart may share a name, which only matters to a fork from a signal handler.
  static uint32_t Name() {
    const auto name = static_cast<uint32_t>(ThisThread() >> 6) & ~kContended;
    return name == 0 ? 1 : name;
  }
  void AcquireSlow();
  void WakeOne();

  static std::atomic<uintptr_t> forking_;

  std::atomic<uint32_t> word_{kFree};
  uint32_t depth_ = 0;  // how often the forking thread took it again
};

class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.Acquire(); }
  ~LockGuard() { lock_.Release(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_LOCK_H_
