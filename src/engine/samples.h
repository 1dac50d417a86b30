// Samples: blocks of any size that are placed as large ones, each between guards of its own, so
// that what happens to them is seen at once and can be told. Which allocations become samples is
// the layer's to say (hardening/sampling.h); here is what is known of each.
#ifndef BARTIZAN_SRC_ENGINE_SAMPLES_H_
#define BARTIZAN_SRC_ENGINE_SAMPLES_H_

#include <cstddef>
#include <cstdint>

#include "src/base/random.h"
#include "src/metadata/slot_state.h"

namespace bartizan {

struct LargeBlock;

// Who allocated or freed a block, when and from where.
struct SampleEvent {
  uint32_t stack;    // in the stack table; 0: none
  int thread;        // the kernel's number; 0: a thread that had no heap
  uint64_t time_ns;  // CLOCK_MONOTONIC; 0: it has not happened
  uint64_t number;   // of the process's events so far
};

struct Sample {
  SampleEvent allocation;
  SampleEvent free;
  uint64_t weight;      // allocations that it stands for
  uint64_t operations;  // how many there had been when it was allocated, as estimated
  Sample* next;         // among the unused ones
};

// A block in whose range of addresses, guards and all, something happened.
struct SampleView {
  uintptr_t user;
  size_t requested;
  Family family;
  bool live;            // else it was freed, and its addresses wait
  uintptr_t map_begin;  // what is accessible while it lives
  uintptr_t map_end;
  uintptr_t begin;  // of the range
  uintptr_t end;
  bool has_sample;  // large blocks have none
  Sample sample;
};

// For anyone, in signal handlers too: waits for no lock for long. False: no such block is known, or
// it cannot be told now.
bool FindSample(uintptr_t address, SampleView* view);

namespace samples {

// How many allocations pass before the next sample, where one in `interval` is one (or none, for
// 0): memoryless, so that nobody can tell from the past.
uint32_t DrawDistance(RandomStream& random, uint32_t interval);

// Whether there is room for one more: always while few are alive; then the fewer the more there
// are, so that there stays room for later ones. Returns the weight, or 0.
uint64_t Admit(RandomStream& random, uint32_t interval);

void RecordAllocation(LargeBlock* block, uint64_t weight);
void RecordFree(LargeBlock* block);

// What lies between a sample and its guards, at most a page on each side, holds a pattern that the
// program does not know while the block lives.
void PaintSlack(const LargeBlock& block);
// Reports what has changed.
void CheckSlack(const LargeBlock& block);

}  // namespace samples
}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_SAMPLES_H_
