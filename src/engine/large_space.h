// The address space of large blocks: which addresses are free, which wait, which are used.
//
// Freed ranges wait in a quarantine of addresses, then are merged with free neighbours and used
// again, lowest address first, so that address space does not run out. Ranges that are not in use
// are not mapped: an access faults, no mapping is spent, and nothing counts against limits.
#ifndef BARTIZAN_SRC_ENGINE_LARGE_SPACE_H_
#define BARTIZAN_SRC_ENGINE_LARGE_SPACE_H_

#include <cstddef>
#include <cstdint>

#include "src/base/random.h"
#include "src/engine/range_tree.h"
#include "src/engine/sample_space.h"
#include "src/engine/samples.h"
#include "src/metadata/slot_state.h"
#include "src/platform/lock.h"
#include "src/platform/memory.h"

namespace bartizan {

// A range of address space and, while a block is in it, the block. The range is
//   [begin, map_begin) guard | [map_begin, map_end) mapped | [map_end, end) guard, room to grow
struct LargeBlock : RangeNode {
  uintptr_t map_begin;
  uintptr_t map_end;
  uintptr_t user;  // what the program holds
  size_t requested;
  size_t guard_after;  // at least this much of the range's end stays unmapped
  uint64_t since_ms;   // when it was cached
  LargeBlock* next;    // in a list of free records, or of the quarantine
  Sample* sample;      // of a sample, until its addresses are used again
  uint32_t node;
  uint32_t epoch;          // that it belongs to, 0 for none
  LargeBlock* epoch_next;  // in the list of that epoch's blocks, while it is live
  LargeBlock* epoch_previous;
  Family family;
  bool recyclable;  // lies in a span of ours (else the kernel chose the place)
  bool huge;        // aligned for, and advised to use, huge pages
  bool dirty;       // of a cached one: may hold what the last program wrote
  bool in_samples;  // its range lies in the space of samples

  size_t map_bytes() const { return map_end - map_begin; }
};

// Every member is called with the lock held.
class LargeSpace {
 public:
  void Initialize(RandomStream& random);
  void Reseed(RandomStream& random);
  void StartSamples() { sample_space_.Start(); }
  // The space of samples gives no further ranges.
  void StopSamples() { sample_space_.Stop(); }

  // A record whose range is of that length; not mapped. When nothing free is long enough, waiting
  // ranges are taken; nullptr when that does not help either: the caller asks the kernel.
  LargeBlock* TakeRange(size_t bytes);
  // The same for a sample, whose pages are closed by guards where there are to be none. nullptr:
  // there are no such ranges.
  LargeBlock* TakeSampleRange(size_t bytes);
  // A record without a range, or nullptr.
  LargeBlock* NewRecord();
  void DropRecord(LargeBlock* record);

  // The range is not mapped any more, or closed: it waits, or is free at once when `waits` is
  // false.
  void Retire(LargeBlock* block, bool waits, size_t quarantine_bytes);
  // Samples wait in any case, among themselves.
  void RetireSample(LargeBlock* block, size_t budget);
  // The range is not used after all. `claim` is what came of mapping part of it, without access:
  // that is unmapped again; around somebody else's mapping, what is left becomes free.
  void TakeBack(LargeBlock* block, platform::Claim claim);
  // Tries again to unmap what TakeBack could not. False: there is nothing, or it still cannot.
  bool UnmapStuck();

  // Lengthens a range by free address space behind it.
  bool ExtendRange(LargeBlock* block, size_t bytes);

  // Gives the block a record as a sample, if there is memory for one, or takes it away.
  void NewSample(LargeBlock* block);
  void DropSample(LargeBlock* block);
  // The freed sample in whose range the address lies, or nullptr.
  const LargeBlock* FindWaiting(uintptr_t address) const;

  const SampleSpace& sample_space() const { return sample_space_; }

  size_t waiting_bytes() const { return waiting_.bytes; }
  const size_t* waiting_bytes_place() const { return &waiting_.bytes; }

 private:
  void AddFree(uintptr_t begin, uintptr_t end, bool in_samples);
  bool AddSampleSpace();
  LargeBlock* CutRange(RangeTree& tree, RangeNode* found, size_t bytes, LargeBlock* record);
  void FreeRange(LargeBlock* block);
  // Ranges that wait, first in first out.
  struct Queue {
    LargeBlock* oldest = nullptr;
    LargeBlock* newest = nullptr;
    size_t bytes = 0;
    size_t count = 0;
  };
  static void Push(Queue& queue, LargeBlock* block);
  void ReleaseOldest(Queue& queue);
  uintptr_t CutRecord(size_t bytes);
  void SplitAround(uintptr_t begin, uintptr_t end);
  bool Unmap(LargeBlock* block);

  RandomStream random_;
  RangeTree free_;
  SampleSpace sample_space_;
  RangeTree free_in_samples_;
  Queue waiting_;
  Queue waiting_samples_;
  LargeBlock* stuck_ = nullptr;    // mapped without access: the kernel would not unmap them
  LargeBlock* records_ = nullptr;  // unused ones
  Sample* samples_ = nullptr;      // likewise
  uintptr_t chunk_ = 0;            // where records are cut from
  uintptr_t chunk_end_ = 0;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_LARGE_SPACE_H_
