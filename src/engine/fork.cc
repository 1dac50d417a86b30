#include "src/engine/fork.h"

#include <pthread.h>

#include "src/engine/heap_registry.h"
#include "src/engine/large_blocks.h"
#include "src/engine/runtime.h"
#include "src/metadata/address_map.h"

namespace bartizan {
namespace {

constexpr int kLocks = 2 + registry::kLocks + AddressMap::kLocks;

// Every lock, in the order in which the engine nests them.
platform::Lock* LockAt(int i) {
  if (i == 0) return StartLock();
  i -= 1;
  if (i < registry::kLocks) return registry::LockAt(i);
  i -= registry::kLocks;
  if (i == 0) return g_large_blocks.lock();
  return g_address_map.LockAt(i - 1);
}

// Which of them the handler took. A lock that this very thread held already stays as it is: the
// fork comes from a signal handler, and who was interrupted will release it, on both sides.
constinit bool g_taken[kLocks] = {};

void Prepare() {
  for (int i = 0; i < kLocks; ++i) {
    g_taken[i] = !LockAt(i)->HeldByThisThread();
    if (g_taken[i]) LockAt(i)->Acquire();
  }
  platform::Lock::BeginFork();
}

void ReleaseAll() {
  platform::Lock::EndFork();
  for (int i = kLocks - 1; i >= 0; --i) {
    if (g_taken[i]) LockAt(i)->Release();
  }
}

void InChild() {
  registry::AbandonOtherHeaps();
  g_large_blocks.Reseed();
  ReleaseAll();
}

}  // namespace

void InstallForkHandlers() { pthread_atfork(Prepare, ReleaseAll, InChild); }

}  // namespace bartizan
