// Heaps and threads: a thread attaches to a heap at its first slow path and gives it up when it
// ends; the next thread adopts the heap that was given up last.
#ifndef BARTIZAN_SRC_ENGINE_HEAP_REGISTRY_H_
#define BARTIZAN_SRC_ENGINE_HEAP_REGISTRY_H_

#include <atomic>
#include <cstdint>

#include "src/engine/heap.h"
#include "src/platform/lock.h"

namespace bartizan {

// The heap to work with for the length of one slow operation: the thread's own (attached now if
// it had none), or the shared late heap under its lock, for threads whose heap is already given up
// (destructors that run after ours), and where no further heap can be made.
class ScopedHeap {
 public:
  ScopedHeap();
  ~ScopedHeap();
  ScopedHeap(const ScopedHeap&) = delete;
  ScopedHeap& operator=(const ScopedHeap&) = delete;

  // nullptr: the system gave no memory for any heap.
  Heap* get() const { return heap_; }
  explicit operator bool() const { return heap_ != nullptr; }
  Heap& operator*() const { return *heap_; }

 private:
  Heap* heap_;
  BinSet* restore_ = nullptr;  // what to put back when the late heap was borrowed
};

namespace registry {

// The heap of that id; any id ever recorded as an owner has one, for ever.
Heap* HeapById(HeapId id);
// One past the highest id.
HeapId HeapLimit();
// For those who read them by copies: heaps by id, of which the first is nobody's; the limit.
struct Places {
  const std::atomic<Heap*>* heaps;
  const std::atomic<uint32_t>* limit;
};
Places HeapPlaces();

// Gives up the calling thread's heap (thread exit).
void DetachThread();

// A heap that no thread has, for somebody to tidy: any, or one that was not emptied since its
// thread left or in which slots were freed since. nullptr when there is none.
enum class Which { kAny, kUntidy };
Heap* TakeIdle(Which which);
void GiveIdle(Heap* heap);

// A heap for an epoch, without slabs; nullptr when none can be made. Or one in whose inbox
// something was left since it served another epoch.
Heap* TakeBlank(uint32_t node);
Heap* TakeAnnouncedBlank();
void GiveBlank(Heap* heap);

// The calling thread's heap takes its slabs from the node that the thread runs on now.
void SettleNode();

// In a fork child, while it has one thread: heaps of the threads that are gone become idle, and are
// rebuilt from their slots' states when somebody takes them. Announcements of frees that were under
// way are made anew.
void AbandonOtherHeaps();

// Locks of this file, for fork: of the late heap, and of the lists of heaps.
platform::Lock* LateLock();
platform::Lock* ListLock();

}  // namespace registry

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_HEAP_REGISTRY_H_
