// The epochs that a thread is in: scopes, each inside the one before, and below them the epoch that
// was made current for the whole thread.
//
// A thread in an epoch uses a heap of the epoch as if it were its own; its own one, where the
// stack of scopes is kept, waits.
#ifndef BARTIZAN_SRC_ENGINE_EPOCH_SCOPES_H_
#define BARTIZAN_SRC_ENGINE_EPOCH_SCOPES_H_

#include <cstdint>

#include "src/engine/epochs.h"

namespace bartizan {

// What the program keeps of a scope: enough to know it again.
struct ScopeName {
  uint64_t serial = 0;  // never the same twice in a process
  uintptr_t thread = 0;
  EpochName epoch;
};

namespace epoch_scopes {

// Enters a scope. `closes`: when it is left, and no other scope of that epoch is open, the epoch is
// closed.
EpochStatus Enter(const EpochName& epoch, bool closes, ScopeName* scope);
// Leaves it. Misuse is said on standard error and changes nothing.
EpochStatus Leave(const ScopeName& scope);
// Outside of scopes, the thread works in this epoch from now on; with an id of 0, in none. kBusy
// within a scope.
EpochStatus MakeCurrent(const EpochName& epoch);
// What the thread works in; an id of 0 for none.
EpochName Current();
// Whether it works in one.
inline bool IsInside() {
  const BinSet* const bins = CurrentBins();
  return HasHeap(bins) && static_cast<const Heap*>(bins)->home != nullptr;
}

// For the length of one allocation: in that epoch, or in none for an id of 0.
class ScopedEpoch {
 public:
  explicit ScopedEpoch(const EpochName& epoch);
  ~ScopedEpoch();
  ScopedEpoch(const ScopedEpoch&) = delete;
  ScopedEpoch& operator=(const ScopedEpoch&) = delete;

  EpochStatus status() const { return status_; }

 private:
  EpochName epoch_;
  EpochStatus status_;
  Heap* taken_ = nullptr;
  BinSet* before_ = nullptr;
};

// The thread ends: it leaves whatever it is in. And: another one adopts its heap.
void LeaveAll();
void Forget(Heap& heap);

}  // namespace epoch_scopes
}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_EPOCH_SCOPES_H_
