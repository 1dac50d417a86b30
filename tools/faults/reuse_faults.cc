// Where the next block lies: in memory that was freed right before, or beside the last one. No
// fault by itself, but what makes others an attack.
#include <cstdlib>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "place of the next block";

// Allocations during which freed memory must not come back.
constexpr int kDistance = 8;

[[noreturn]] void Reissued() { Unnoticed("the memory was issued again at once"); }

void AllocateAndFree(size_t size, const char* freed) {
  for (int i = 0; i < kDistance; ++i) {
    char* const block = Allocate(size);
    if (block == freed) Reissued();
    Free(block);
  }
}

void AllocateOnly(size_t size, const char* freed) {
  for (int i = 0; i < kDistance; ++i) {
    if (Allocate(size) == freed) Reissued();
  }
}

[[noreturn]] void NotReissued() { Answered("not issued again within 8 allocations"); }

// The thread that frees is the second one, if there is one.
template <void (*kAllocate)(size_t size, const char* freed)>
void AfterFree(Run& run) {
  char* const block = Allocate(run.size());
  run.Do([&] { Free(block); });
  run.At(Moment::kReuse);
  kAllocate(run.size(), block);
  NotReissued();
}

// The thread that allocates is the second one.
void InOtherThread(Run& run) {
  char* const block = Freed(run.size());
  run.At(Moment::kReuse);
  run.Do([&] { AllocateAndFree(run.size(), block); });
  NotReissued();
}

void AfterGrowth(Run& run) {
  char* const block = Allocate(run.size());
  char* const after = Allocate(run.size());
  char* moved = nullptr;
  run.Do([&] {
    moved = Opaque(static_cast<char*>(realloc(Opaque(block), run.size() * 64 + 100000)));
  });
  if (moved == nullptr || after == nullptr) Inapplicable("there is no memory");
  if (moved == block) Answered("the block grew where it was");
  run.At(Moment::kReuse);
  AllocateAndFree(run.size(), block);
  NotReissued();
}

// What a shrunk block has given up must not be issued again at once, nor the block when it is
// freed.
void AfterShrinking(Run& run) {
  const size_t less = run.size() / 4;
  char* const block = Allocate(run.size());
  char* shrunk = nullptr;
  run.Do([&] { shrunk = Opaque(static_cast<char*>(realloc(Opaque(block), less))); });
  run.At(Moment::kReuse);
  const char* const end = block + run.size();
  for (int i = 0; i < kDistance; ++i) {
    char* const fresh = Allocate(i % 2 == 0 ? run.size() : less);
    if (fresh >= block && fresh < end) Reissued();
    Free(fresh);
  }
  run.Do([&] { Free(shrunk); });
  AllocateAndFree(less, shrunk);
  NotReissued();
}

// Right if the next block lies right behind or right before the last one.
void GuessNeighbour(Run& run) {
  Row aside(run.size());
  run.At(Moment::kReuse);
  int right = 0;
  run.Do([&] {
    constexpr int kGuesses = 64;
    const char* last = Allocate(run.size());
    for (int i = 0; i < kGuesses; ++i) {
      const char* const next = Allocate(run.size());
      const size_t apart = static_cast<size_t>(next > last ? next - last : last - next);
      if (apart == aside.distance()) ++right;
      last = next;
    }
    if (right > kGuesses / 2) Unnoticed("most guesses of the next place were right");
  });
  Answered("most guesses of the next place were wrong");
}

constexpr Fault kFaults[] = {
    {"reuse_tight", kGroup, "quarantine",
     "frees a block, then allocates and frees 8 times, looking for it", AfterFree<AllocateAndFree>},
    {"reuse_batch", kGroup, "quarantine", "frees a block, then allocates 8, looking for it",
     AfterFree<AllocateOnly>},
    {"reuse_other_thread", kGroup, "quarantine",
     "frees a block, then allocates 8 times in the second thread, looking for it", InOtherThread},
    {"reuse_after_growth", kGroup, "quarantine",
     "lets realloc move a block, then allocates 8 times, looking for the old place", AfterGrowth},
    // Smaller ones stay in their size class.
    {"reuse_after_shrinking", kGroup, "quarantine",
     "shrinks a block, then allocates 8 times, looking for what it gave up", AfterShrinking, 100},
    // Of larger ones, fewer are drawn from.
    {"guess_neighbour", kGroup, "random_slots",
     "guesses 64 times that the next block lies beside the last one", GuessNeighbour, 0, 1000},
};

}  // namespace

const FaultList kReuseFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
