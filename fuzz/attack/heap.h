// The heap as an attacker has it: what the attack asks of the allocator, in this process or
// preloaded.
#ifndef BARTIZAN_FUZZ_ATTACK_HEAP_H_
#define BARTIZAN_FUZZ_ATTACK_HEAP_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/harness/memory.h"
#include "src/metadata/slot_state.h"
#include "src/options/option_table.h"

namespace fuzz {

// What a deallocation says about itself: how the block was made, and its size.
struct Claim {
  static constexpr size_t kNotStated = SIZE_MAX;
  bartizan::Family family = bartizan::Family::kMalloc;
  size_t size = kNotStated;
};

class AttackedHeap : public Memory {
 public:
  // By the current thread.
  virtual void* Allocate(size_t alignment, size_t size, bartizan::Family family) = 0;
  virtual void Free(void* pointer, Claim claim) = 0;
  virtual void* Reallocate(void* pointer, size_t size) = 0;
  virtual size_t UsableSize(void* pointer) = 0;

  virtual void SwitchTo(size_t thread) = 0;
  virtual void EndThread() = 0;
  virtual void PassTime(uint64_t milliseconds) = 0;
  // Whether time passes by itself, so that memory may be given back at any moment.
  virtual bool HasRealTime() const = 0;

  // Whether a layer is in force.
  virtual bool Has(bartizan::Toggle layer) const = 0;
  // How many bytes from the address on are the heap's to be damaged: what others have there is out
  // of the game.
  virtual size_t OpenTo(uintptr_t address, size_t size) const = 0;
  // Whether others than the attack have blocks, whose addresses it cannot tell from wrong ones.
  virtual bool HasOthersBlocks() const = 0;

  // The attack is about to do something wrong for the first time.
  virtual void OnFirstFault() = 0;

 protected:
  ~AttackedHeap() = default;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_ATTACK_HEAP_H_
