// Giving back what nobody is about to use: the part of the work that concerns all heaps.
#ifndef BARTIZAN_SRC_ENGINE_TIDY_H_
#define BARTIZAN_SRC_ENGINE_TIDY_H_

#include <cstdint>

#include "src/engine/reclaim.h"

namespace bartizan {

// Everything, now: of the calling thread and of heaps without a thread at once, of other threads at
// their next slow path, and cached large blocks. True if anything was given back.
bool TrimAll(Waiting waiting = Waiting::kKept);

// When the system has refused memory: everything, and the address space of slabs in the pools. True
// if it makes sense to ask again. What must wait in quarantine is given up only when asked: a layer
// is no reason to run out of memory.
bool ReclaimAll(Waiting waiting);

// The periodic part: heaps without a thread that hold frees nobody has taken in, and large blocks
// that were cached for longer than the decay time.
void TidyIdle(uint64_t now_ms);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_TIDY_H_
