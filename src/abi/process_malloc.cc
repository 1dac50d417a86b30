// Here and not in src/platform: which malloc is ours is only known where it is defined.
#include "src/platform/process_malloc.h"

#include <atomic>
#include <cstdlib>

#include "src/abi/own_malloc.h"
#include "src/platform/image.h"
#include "src/platform/lock.h"

namespace bartizan {
namespace {

enum class Serves : int { kUnknown, kOurs, kAnother };
// Relaxed: the answer is the same whoever finds it.
constinit std::atomic<Serves> g_serves{Serves::kUnknown};

constinit std::atomic<void (*)()> g_late{nullptr};

constinit platform::Lock g_probe_lock;
constinit bool g_probe_reached_us = false;  // guarded by the lock

// A program's own malloc may not be ready before its main.
bool IsPrograms(void* (*process_malloc)(size_t)) {
  return platform::ExportedAddress(platform::ProgramImage(), "malloc") ==
         reinterpret_cast<uintptr_t>(process_malloc);
}

// Asks the process's malloc for a byte and sees whether ours was entered. Asking for the address
// of malloc is not enough: in an executable at a fixed address that is its own entry in the
// procedure linkage table, wherever that leads.
bool ProbeReachesUs() {
  void* (*volatile process_malloc)(size_t) = &std::malloc;
  void (*volatile process_free)(void*) = &std::free;
  g_probe_reached_us = false;
  void* block = process_malloc(1);
  if (block != nullptr) process_free(block);
  return g_probe_reached_us;
}

}  // namespace

void ServeFromNowOn() {
  g_serves.store(Serves::kOurs, std::memory_order_relaxed);
  void (*const late)() = g_late.exchange(nullptr, std::memory_order_acq_rel);
  if (late != nullptr) late();
}

namespace platform {

bool AnotherMallocServes() {
  Serves serves = g_serves.load(std::memory_order_relaxed);
  if (serves != Serves::kUnknown) [[likely]]
    return serves == Serves::kAnother;
  if (g_probe_lock.HeldByThisThread()) {
    // The probe below has come here.
    g_probe_reached_us = true;
    return true;
  }
  LockGuard guard(g_probe_lock);
  serves = g_serves.load(std::memory_order_relaxed);
  if (serves == Serves::kUnknown) {
    void* (*volatile process_malloc)(size_t) = &std::malloc;
    const bool ours =
        process_malloc == &bartizan_own_malloc || (!IsPrograms(process_malloc) && ProbeReachesUs());
    serves = ours ? Serves::kOurs : Serves::kAnother;
    g_serves.store(serves, std::memory_order_relaxed);
  }
  return serves == Serves::kAnother;
}

void WhenServing(void (*late)()) { g_late.store(late, std::memory_order_release); }

void* AllocateElsewhere(size_t bytes, size_t alignment) {
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes);
  // A malloc without an aligned_alloc: ours is called again, and has nothing that its free knows,
  // unless that malloc turns out to be a layer over ours.
  static constinit thread_local bool asking = false;
  if (asking) return nullptr;
  asking = true;
  void* (*volatile process_aligned_alloc)(size_t, size_t) = &std::aligned_alloc;
  void* block = process_aligned_alloc(alignment, bytes);
  if (block == nullptr) {
    std::free(std::malloc(1));
    if (!AnotherMallocServes()) block = process_aligned_alloc(alignment, bytes);
  }
  asking = false;
  return block;
}

void* ReallocateElsewhere(void* block, size_t bytes) { return std::realloc(block, bytes); }

void FreeElsewhere(void* block) { std::free(block); }

}  // namespace platform
}  // namespace bartizan
