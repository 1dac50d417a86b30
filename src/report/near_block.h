// The block that an address is in, or that an access there was probably meant for.
#ifndef BARTIZAN_SRC_REPORT_NEAR_BLOCK_H_
#define BARTIZAN_SRC_REPORT_NEAR_BLOCK_H_

#include <cstdint>

#include "src/report/description.h"

namespace bartizan {

enum class Nearness : uint8_t {
  kForeign,   // no memory of ours
  kOwnSlot,   // in the slot
  kLastSlot,  // behind it, in the guard between two slabs: the last one that was issued
  kFirstSlot,
  kBetweenSlabs,  // there, and neither neighbour was issued
  kOwnPages,      // in the range of a block that has pages of its own, or near
};

// Does not wait, and may be called from signal handlers.
Nearness FindNearBlock(uintptr_t address, BlockFacts* block);

// What reports tell of this process: FindNearBlock, with the live blocks on both sides, and stacks.
extern const ReportSources kEngineSources;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_NEAR_BLOCK_H_
