#include "src/engine/fork.h"

#include <pthread.h>

#include "src/engine/epochs.h"
#include "src/engine/handle_table.h"
#include "src/engine/heap_registry.h"
#include "src/engine/large_blocks.h"
#include "src/engine/runtime.h"
#include "src/engine/stacks.h"
#include "src/metadata/address_map.h"
#include "src/metadata/seeding.h"

namespace bartizan {
namespace {

constexpr int kLocks = 6 + EpochTable::kLocks + AddressMap::kLocks;

// Every lock, in the order in which the engine nests them. nullptr: this composition lacks it.
platform::Lock* LockAt(int i) {
  if (i == 0) return StartLock();
  if (i == 1) return g_handle_table.lock();
  if (i == 2) return registry::LateLock();
  i -= 3;
  if (i < EpochTable::kLocks) return g_epochs.LockAt(i);
  i -= EpochTable::kLocks;
  if (i == 0) return registry::ListLock();
  i -= 1;
  if (i == 0) return g_large_blocks.lock();
  i -= 1;
  if (i < AddressMap::kLocks) return g_address_map.LockAt(i);
  return kComposition.stacks == nullptr ? nullptr : kComposition.stacks->lock();
}

// Which of them the handler took. A lock that this very thread held already stays as it is: the
// fork comes from a signal handler, and who was interrupted will release it, on both sides.
constinit bool g_taken[kLocks] = {};

void Prepare() {
  for (int i = 0; i < kLocks; ++i) {
    platform::Lock* const lock = LockAt(i);
    g_taken[i] = lock != nullptr && !lock->HeldByThisThread();
    if (g_taken[i]) lock->Acquire();
  }
  seeding::BeginFork();
  platform::Lock::BeginFork();
}

void ReleaseAll() {
  platform::Lock::EndFork();
  for (int i = kLocks - 1; i >= 0; --i) {
    if (g_taken[i]) LockAt(i)->Release();
  }
}

constinit bool g_is_fork_child = false;

void InChild() {
  g_is_fork_child = true;
  seeding::BeginChild();
  registry::AbandonOtherHeaps();
  g_large_blocks.Reseed();
  g_handle_table.BeginChild();
  ReleaseAll();
}

}  // namespace

bool IsForkChild() { return g_is_fork_child; }

void InstallForkHandlers() { pthread_atfork(Prepare, ReleaseAll, InChild); }

}  // namespace bartizan
