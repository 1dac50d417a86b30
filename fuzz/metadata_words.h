// Where the engine's records lie, as an attacker knows them who has read its source: which words
// one wild write can reach, and what the engine promises when it does.
#ifndef BARTIZAN_FUZZ_METADATA_WORDS_H_
#define BARTIZAN_FUZZ_METADATA_WORDS_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "src/engine/heap.h"

namespace fuzz {

// What holds after a word was overwritten; corrupt_metadata.cc says why.
enum class Promise { kDefended, kContained };

struct Word {
  uintptr_t at = 0;  // 0: there is none to be written
  size_t bytes = 0;
  Promise promise = Promise::kDefended;  // with values up to `highest`; else kContained
  uint64_t lowest = 0;                   // nothing less is tried
  uint64_t highest = UINT64_MAX;
  uint64_t step = 1;           // values are multiples of it
  uint64_t mask = UINT64_MAX;  // of bits that may be set
  // Of a reference to a slot: the heap and class it rests in. However many references are
  // overwritten, the slots' states decide.
  bartizan::Heap* heap = nullptr;
  bartizan::ClassId id = 0;

  bool IsReference() const { return heap != nullptr; }

  Promise PromiseWith(uint64_t value) const {
    return value <= highest ? promise : Promise::kContained;
  }
  uint64_t Read() const;
  void Write(uint64_t value) const;
};

// A word of the records that have to do with a block of the model, or with one that was.
Word ChooseWord(Input& input, HeapModel& model);

// What is written there: bits of the old value, values of other such words, states of other slots,
// addresses, sizes, zeros, ones, anything.
uint64_t ChooseValue(Input& input, HeapModel& model, const Word& word);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_METADATA_WORDS_H_
