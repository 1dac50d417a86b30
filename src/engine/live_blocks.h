// Every live block of this process or another: a walk over copies of the records, as that of
// statistics.h is.
#ifndef BARTIZAN_SRC_ENGINE_LIVE_BLOCKS_H_
#define BARTIZAN_SRC_ENGINE_LIVE_BLOCKS_H_

#include <cstddef>
#include <cstdint>

#include "src/engine/engine_roots.h"
#include "src/engine/statistics.h"
#include "src/metadata/stack_table.h"
#include "src/platform/address_plan.h"

namespace bartizan {

struct LiveBlock {
  uintptr_t begin;
  size_t bytes;  // as the program asked for
  StackId stack;
  // Its epoch is open: whoever releases that frees the block, and needs no pointer to it.
  bool held_by_epoch;
};

// Memory in which addresses of blocks may stand that are no references of the program: records and
// tables of the engine, and the pages of blocks, live ones and others.
struct EngineRange {
  uintptr_t begin;
  uintptr_t end;
  // A record in a mapping of the engine: nothing in that mapping is the program's.
  bool own_mapping;
};

struct HeapVisitor {
  void (*block)(void* context, const LiveBlock& block);
  void (*range)(void* context, const EngineRange& range);
  void* context;
};

// False: some records cannot be read. While nobody runs, or the walk may miss blocks that come and
// go; whether somebody was just changing the tree of large blocks is for the caller to find out.
bool WalkLiveBlocks(const MemoryReader& memory, const EngineRoots& roots,
                    const HeapVisitor& visitor);

// Whether a thread is changing the tree of large blocks.
bool LargeBlocksChange(const MemoryReader& memory, const EngineRoots& roots);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_LIVE_BLOCKS_H_
