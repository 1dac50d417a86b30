// Epochs: groups of blocks that live and end together. This is what stands behind
// include/bartizan/epoch.h.
//
// A thread that works in an epoch works with another heap, one of the epoch's: entering a scope
// changes the thread's bins, so malloc and free are the same code, at the same cost. Slabs belong
// to one epoch or to none. Heaps of an epoch that no thread is in wait in its list.
//
//   open ----- Close ----> closing, scopes inside ---- last one left ----> closing, retired
//
// A retired epoch has no heaps: its slabs with live blocks have no owner, and whoever frees the
// last block of one gives it back (closing_slabs.h). When the last block of all is gone, the record
// is free for another epoch, which has another era.
#ifndef BARTIZAN_SRC_ENGINE_EPOCHS_H_
#define BARTIZAN_SRC_ENGINE_EPOCHS_H_

#include <cstddef>
#include <cstdint>

#include "src/engine/epoch_table.h"
#include "src/engine/heap.h"

namespace bartizan {

// Blocks and memory of one epoch.
struct EpochUse {
  uint64_t live_blocks;
  uint64_t live_bytes;
  uint64_t committed_bytes;
  uint64_t slabs;
};

struct EpochView {
  EpochName name;
  char label[kEpochLabelBytes];
  bool closing;
  uint32_t scopes;
  uint64_t opened_ms;  // on the coarse monotonic clock
  EpochUse use;
};

namespace epochs {

// The epoch takes no further scopes or blocks; when no thread is inside (any more), what it does
// not need goes back. `release`: its blocks end, too; kBusy where threads are inside. Where one
// only looks after what rests in it, that thread finishes what is to be done.
EpochStatus Close(const EpochName& name, bool release);

// A heap of the epoch for the calling thread, which keeps the epoch from being retired until it is
// given back. The thread's own heap is `home`.
EpochStatus TakeHeap(const EpochName& name, Heap& home, Heap** heap);
// Holds the epoch once more through the same heap.
EpochStatus HoldHeap(Heap& heap, const EpochName& name);
// The opposite of either. The last one gives the heap to whoever wants it next.
void GiveHeap(Heap* heap, const EpochName& name);

// What the epoch holds, exact when no thread works in it meanwhile.
EpochStatus View(const EpochName& name, EpochView* view);
// The epoch of that number, whichever it is now. False: none.
bool ViewAt(uint32_t id, EpochView* view);
// What the kernel holds in memory of it.
uint64_t ResidentBytes(const EpochName& name);
// What it is called now; an id of 0 for none.
EpochName NameOf(uint32_t id);

// A slab has become the epoch's, or is about to leave it. The lock is held.
void LinkSlab(Epoch& epoch, SlabRef ref, uint32_t id);
void UnlinkSlab(Epoch& epoch, SlabRef ref);

// A large block of the epoch has ended.
void OnLargeFreed(uint32_t id);
// A thread outside of the epoch has freed a block of it. After a quarter of what was live at the
// last look, heaps that nobody is in take in what was freed in them: so the memory of the last
// blocks goes back, too, and each free pays for a few slots that are looked at.
void OnFreedByOther(uint32_t id);
// If nothing of a closing epoch is left, its record becomes free. The lock is held.
void DropIfOver(Epoch& epoch, uint32_t id);

// Takes in what other threads freed in heaps that no thread is in, of some epochs; of all, and
// empties those heaps, when `all`.
void TidyIdle(uint64_t now_ms, bool all);

// In a fork child, while it has one thread and all locks.
void AbandonHeap(Heap* heap);
void RecoverChild();

}  // namespace epochs
}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_EPOCHS_H_
