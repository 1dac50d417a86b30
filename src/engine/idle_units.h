// Parts of a slab that nobody uses, while others of it are in use.
#ifndef BARTIZAN_SRC_ENGINE_IDLE_UNITS_H_
#define BARTIZAN_SRC_ENGINE_IDLE_UNITS_H_

#include <cstdint>

#include "src/metadata/slab.h"

namespace bartizan {

// Units all of whose slots are parked become as they were before they were carved, their pages are
// given back: a few blocks that stay for long should not keep a whole slab in memory. Returns how
// many slots that were. The record's counts are the caller's to set.
uint32_t UncarveIdleUnits(SlabRef ref);

// The same, and in units that are in use, pages that hold nothing but parked slots are given back,
// too. For slabs of at most 32 pages.
uint32_t GiveBackIdlePages(SlabRef ref);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_IDLE_UNITS_H_
