// The search for lost blocks: a conservative mark over copies of a stopped process. Any word that
// is the address of a byte of a block counts as a reference to it, wherever it comes from.
//
// Not lost are blocks to which a chain of references leads from
//   - registers of any thread,
//   - any memory that the process has written and that is no heap: variables of the program and its
//     libraries, thread-local storage, what was mapped without malloc (root_walk.h),
//   - stacks, from 128 bytes below each thread's stack pointer upwards,
//   - and blocks of epochs that are open, which end with those.
// Freed slots are no blocks, whether they wait, are cached or were given back, so what only they
// refer to is lost. An address one past a block's end is no reference to it, with one exception
// that LeakSanitizer makes too: the end of a block of eight bytes that holds zero is what `new
// T[0]` returned, behind its count.
//
// Of lost blocks, the directly lost ones are those that no other lost one refers to; of blocks that
// refer to each other in a circle to which nothing else leads, one stands for all.
#ifndef BARTIZAN_SRC_LEAKS_LEAK_SCAN_H_
#define BARTIZAN_SRC_LEAKS_LEAK_SCAN_H_

#include <cstddef>
#include <cstdint>

#include "src/engine/engine_roots.h"
#include "src/engine/live_blocks.h"
#include "src/leaks/block_table.h"
#include "src/leaks/mapped_array.h"
#include "src/leaks/process_reader.h"
#include "src/platform/stopped_process.h"

namespace bartizan::leaks {

enum class ScanResult {
  kDone,
  kNoMemory,    // the system gives none
  kUnreadable,  // records or mappings of the process cannot be read: it ends, or is damaged
};

class LeakScan {
 public:
  // `process` is stopped, and `memory` reads it.
  ScanResult Run(const platform::StoppedProcess& process, const EngineRoots& roots,
                 ProcessReader& memory);

  // What was not lost in an earlier look counts as referred to, with all that it leads to: what it
  // was referred from then has moved meanwhile, or was on its way.
  void KeepWhatWasLostIn(const LeakScan& earlier);

  const BlockTable& blocks() const { return blocks_; }
  bool found_leaks() const { return found_leaks_; }

 private:
  void MarkFromRoots(const platform::StoppedProcess& process);
  void FollowAll();
  void Classify();
  void TakeWords(const uintptr_t* first, size_t count);
  void Meet(BlockIndex block);
  bool HoldsZero(const Block& block);

  ProcessReader* memory_ = nullptr;
  BlockTable blocks_;
  MappedArray<EngineRange> not_roots_;
  MappedArray<BlockIndex> to_follow_;
  Reach marks_as_ = Reach::kRoots;
  BlockIndex leader_ = kNoBlock;  // of the blocks that are being marked
  bool found_leaks_ = false;
};

// Stops the process at a moment at which nobody changes the tree of large blocks; if there is none
// for long, at another. 0 or an errno, as StoppedProcess::Stop.
int StopBetweenChanges(platform::StoppedProcess& threads, const EngineRoots& roots);

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_LEAK_SCAN_H_
