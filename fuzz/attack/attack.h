// The exploit writer: legal operations mixed with the faults that a vulnerable program grants -
// overflows and underflows, writes after free, frees and reallocs of any address, wrong sizes and
// families - with values made of heap addresses, sizes and leaked contents.
//
// A report ends the case: defended. What must never happen is in the checks: two live blocks that
// overlap, a block outside of the allocator's memory, a live block or the attacker's own memory
// changed by the allocator, a fault accepted that a layer in force promises to see.
#ifndef BARTIZAN_FUZZ_ATTACK_ATTACK_H_
#define BARTIZAN_FUZZ_ATTACK_ATTACK_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/attack/heap.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/tail.h"

namespace fuzz {

// Threads that the attack plays.
inline constexpr size_t kAttackThreads = 3;

class Attack {
 public:
  Attack(Input& input, AttackedHeap& heap);

  // All steps; ends earlier when a write meets inaccessible memory: the program is dead.
  void Run();
  // After the last one, or after a report.
  void CheckAll() const;
  bool faulty() const { return faulty_; }
  // The most bytes that were live at a time.
  size_t most_bytes() const { return most_bytes_; }

 private:
  bool Step();
  void Allocate();
  void Churn();
  void FreeLegally();
  void ResizeLegally();
  bool WriteOutOfBounds();
  bool WriteStale();
  void FreeAnything();
  void ResizeAnything();
  void AskSizeOfAnything();
  void FreeWithWrongClaim();

  bool Write(uintptr_t address, size_t size, uint64_t value);
  uint64_t Value();
  uint64_t PlainValue();
  uintptr_t Address();
  bool IsFaultyPointer(uintptr_t address);
  void Fault();
  bool Has(bartizan::Toggle layer) const { return heap_.Has(layer); }
  Tail& TailOf(const Block& block) { return tails_[model_.IndexOf(block)]; }
  bool IsVerified(void* at, size_t size);
  Block* EnterBlock(void* at, size_t size, size_t alignment, bartizan::Family family);
  bool MustBeReported(const Block& block);
  void FreeBlock(Block& block, Claim claim);

  Input& input_;
  AttackedHeap& heap_;
  HeapModel model_;
  Sizes sizes_;
  Tail tails_[2 * HeapModel::kMost];
  bool faulty_ = false;
  bool time_passed_;
  size_t most_bytes_ = 0;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_ATTACK_ATTACK_H_
