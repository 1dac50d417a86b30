// How the bins of a heap are laid out: what each class may keep, as the layers plan it.
#ifndef BARTIZAN_SRC_ENGINE_HEAP_BINS_H_
#define BARTIZAN_SRC_ENGINE_HEAP_BINS_H_

#include <cstddef>
#include <cstdint>

#include "src/base/random.h"
#include "src/engine/heap.h"

namespace bartizan {

// Epochs come in numbers, and what they keep at hand keeps slabs from being given back.
enum class HeapKind { kOfThread, kOfEpochs };

struct BinLayout {
  uint32_t key;
  uint32_t magazine;
  uint32_t waiting;  // slots that are always in the ring
  uint32_t ring_slots;
  uint32_t hold;
  bool examined;
  uint32_t sample_interval;
};

// Asks the layers for each bin; returns how many places the heap needs.
size_t PlanBins(RandomStream& random, HeapKind kind, BinLayout layouts[kClasses]);
// Of a new heap, whose random stream is seeded.
void SetUpBins(Heap& heap, const BinLayout layouts[kClasses]);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_HEAP_BINS_H_
