// Faults that are made of an address that is no live block and a call that it is passed to.
#ifndef BARTIZAN_TOOLS_FAULTS_POINTERS_H_
#define BARTIZAN_TOOLS_FAULTS_POINTERS_H_

#include <cstddef>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {

// --- Where the address comes from. ---

char* FreedBefore(size_t size);
char* FreedAmongOthers(size_t size);
char* FreedBeforeAnother(size_t size);
// The freed memory is overwritten, which hides the mark that some allocators keep there.
char* FreedAndOverwritten(size_t size);
// Another thread freed it, and is gone.
char* FreedByOther(size_t size);
// Another thread allocated it, freed it, and is gone.
char* FreedByOwnerThatEnded(size_t size);
// realloc moved the block away from there.
char* MovedAway(size_t size);
// Freed, issued again, freed again by its new owner.
char* FreedAfterReuse(size_t size);
// Freed; named by its lower neighbour, a live block.
char* FreedNeighbour(size_t size);

template <size_t kBytes>
char* Inside(size_t size) {
  return Allocate(size) + kBytes;
}
char* Middle(size_t size);
char* PageInside(size_t size);
char* End(size_t size);
char* OnStack(size_t size);
char* Global(size_t size);
char* Code(size_t size);
char* ForeignMapping(size_t size);
char* OtherHeap(size_t size);
char* Wild(size_t size);
char* NonCanonical(size_t size);
char* SmallNumber(size_t size);
// An address at which a block of this size may begin, but none that we were given: among ours, or
// far from all that this program has.
char* NeverIssued(size_t size);
char* NeverIssuedFar(size_t size);
char* NoBlock(size_t size);

// The C library and the C++ library hold small blocks, which cannot be told from slots that were
// never issued.
inline constexpr size_t kLargerThanForeignBlocks = 1000;

// --- Where it goes. ---

void DoFree(char* block, size_t size);
void DoSizedDelete(char* block, size_t size);
void DoRealloc(char* block, size_t size);
void DoReallocSame(char* block, size_t size);
void DoReallocLess(char* block, size_t size);
void DoUsableSize(char* block, size_t size);

template <char* (*kMake)(size_t size), void (*kPass)(char* block, size_t size), Moment kMoment>
void Pass(Run& run) {
  char* const block = kMake(run.size());
  run.Names(block);
  run.At(kMoment);
  run.Do([&] { kPass(block, run.size()); });
  run.At(Moment::kReuse);
  Churn(run.size());
  run.Do([&] { Churn(run.size()); });
}

}  // namespace faults

#endif  // BARTIZAN_TOOLS_FAULTS_POINTERS_H_
