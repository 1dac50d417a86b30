#include "src/platform/lock.h"

#include <linux/futex.h>

#include <cerrno>

#include "src/platform/process_counters.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

// Short: holders run a few system calls at most, and with two processors a longer spin only keeps
// the holder from running.
constexpr int kSpins = 64;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

constinit std::atomic<uintptr_t> Lock::forking_{0};

void Lock::AcquireSlow() {
  if (forking_.load(std::memory_order_relaxed) == ThisThread() && HeldByThisThread()) {
    ++depth_;
    return;
  }
  g_process_counters.contended_locks.fetch_add(1, std::memory_order_relaxed);
  for (int i = 0; i < kSpins; ++i) {
    uint32_t expected = kFree;
    if (word_.compare_exchange_weak(expected, Name(), std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return;
    }
    Pause();
  }
  g_process_counters.slept_locks.fetch_add(1, std::memory_order_relaxed);
  for (;;) {
    // Once it has waited, a thread cannot know whether others wait too: it takes the lock as
    // contended, and its release wakes one more.
    uint32_t word = kFree;
    if (word_.compare_exchange_strong(word, Name() | kContended, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
      return;
    }
    const bool marked =
        (word & kContended) != 0 ||
        word_.compare_exchange_strong(word, word | kContended, std::memory_order_relaxed);
    if (marked) {
      const long result =
          Syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, word | kContended, nullptr, nullptr, 0);
      // That the lock is free already, or a signal came, is no failure.
      Counted(SystemCall::kWait, result == -EAGAIN || result == -EINTR ? 0 : result);
    }
  }
}

bool Lock::AcquireSoon() {
  constexpr int kAttempts = 1000;  // longer than any holder keeps it, unless it is interrupted
  if (HeldByThisThread()) return false;
  for (int i = 0; i < kAttempts; ++i) {
    uint32_t expected = kFree;
    if (word_.compare_exchange_weak(expected, Name(), std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
    Pause();
  }
  return false;
}

void Lock::WakeOne() {
  Counted(SystemCall::kWake,
          Syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0));
}

}  // namespace bartizan::platform
