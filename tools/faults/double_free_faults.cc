// One block freed twice.
#include <pthread.h>
#include <sched.h>

#include <atomic>

#include "tools/faults/fault.h"
#include "tools/faults/pointers.h"

namespace faults {
namespace {

constexpr char kGroup[] = "double free";

template <char* (*kMake)(size_t size)>
constexpr auto* kFree = &Pass<kMake, DoFree, Moment::kFree>;
template <char* (*kMake)(size_t size)>
constexpr auto* kDelete = &Pass<kMake, DoSizedDelete, Moment::kFree>;

constexpr int kRounds = 1000;
constexpr size_t kMostAfter = 256;
std::atomic<char*> target;
std::atomic<int> arrived;

// Frees each target at the moment at which the other thread does. Never returns: the process ends.
void* FreeTargets(void*) {
  for (;;) {
    char* const block = target.load(std::memory_order_acquire);
    if (block == nullptr) {
      sched_yield();
      continue;
    }
    arrived.fetch_add(1);
    while (arrived.load() < 2) continue;
    Free(block);
    target.store(nullptr, std::memory_order_release);
  }
}

// Enough to bring a waiting block back; of large ones, a few megabytes.
size_t AfterRound(size_t size) { return size < 16384 ? kMostAfter : (size_t{4} << 20) / size + 8; }

// Blocks that are live at the same time must differ.
void ExpectDifferent(size_t size, size_t count) {
  char* blocks[kMostAfter];
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = Allocate(size);
    for (size_t j = 0; j < i; ++j) {
      if (blocks[i] == blocks[j]) Unnoticed("one block was given to the program twice");
    }
  }
  for (size_t i = 0; i < count; ++i) Free(blocks[i]);
}

// A loser that the state does not show at once must be caught when the block moves on; it is never
// given to the program twice.
void Race(Run& run) {
  const size_t size = run.size();
  pthread_t other;
  if (pthread_create(&other, nullptr, FreeTargets, nullptr) != 0) {
    Inapplicable("the system refuses a thread");
  }
  run.At(Moment::kFree);
  run.Do([&] {
    for (int round = 0; round < kRounds; ++round) {
      char* const block = Allocate(size);
      arrived = 0;
      target.store(block, std::memory_order_release);
      // Whoever is alone on a processor lets the other one have it; then both go at once.
      while (arrived.load() < 1) sched_yield();
      arrived.fetch_add(1);
      Free(block);
      while (target.load(std::memory_order_acquire) != nullptr) sched_yield();
      ExpectDifferent(size, AfterRound(size));
    }
  });
}

std::atomic<int> round_number;
std::atomic<int> finished;

// Frees the target of each round at the moment at which its twin does.
void* FreeEachRound(void*) {
  for (int round = 1;; ++round) {
    while (round_number.load(std::memory_order_acquire) < round) sched_yield();
    char* const block = target.load(std::memory_order_relaxed);
    arrived.fetch_add(1);
    while (arrived.load() < 2) continue;
    Free(block);
    finished.fetch_add(1);
  }
}

// The same, by two threads of which neither owns the block.
void RaceOfStrangers(Run& run) {
  for (int i = 0; i < 2; ++i) {
    pthread_t stranger;
    if (pthread_create(&stranger, nullptr, FreeEachRound, nullptr) != 0) {
      Inapplicable("the system refuses a thread");
    }
  }
  run.At(Moment::kFree);
  run.Do([&] {
    for (int round = 1; round <= kRounds; ++round) {
      target.store(Allocate(run.size()), std::memory_order_relaxed);
      arrived = 0;
      finished = 0;
      round_number.store(round, std::memory_order_release);
      while (finished.load() < 2) sched_yield();
      ExpectDifferent(run.size(), AfterRound(run.size()));
    }
  });
}

constexpr Fault kFaults[] = {
    {"double_free_immediate", kGroup, "always", "frees a block twice, at once", kFree<FreedBefore>},
    {"double_free_delayed", kGroup, "always", "frees a block, then 64 others, then it again",
     kFree<FreedAmongOthers>},
    {"double_free_interleaved", kGroup, "always",
     "frees a block, another one, then the first again", kFree<FreedBeforeAnother>},
    {"double_free_after_reuse", kGroup, "always",
     "frees a block, lets it be issued and freed again, frees it once more",
     kFree<FreedAfterReuse>},
    // Freed large blocks may be inaccessible, so that overwriting them is another fault.
    {"double_free_overwritten", kGroup, "always",
     "frees a block, overwrites all of it, frees it again", kFree<FreedAndOverwritten>, 0, 20000},
    {"double_free_by_other", kGroup, "always", "frees a block that another thread has freed",
     kFree<FreedByOther>},
    {"double_free_owner_ended", kGroup, "always",
     "frees a block that a thread, now gone, allocated and freed", kFree<FreedByOwnerThatEnded>},
    {"double_free_moved", kGroup, "always", "frees a block that realloc has moved",
     kFree<MovedAway>},
    {"double_free_racing", kGroup, "always", "frees a block from two threads at the same time",
     Race},
    {"double_free_racing_strangers", kGroup, "always",
     "frees a block from two threads at the same time, neither of which owns it", RaceOfStrangers},
    {"sized_delete_freed", kGroup, "always", "deletes, with a size, a block that was freed",
     kDelete<FreedBefore>},
    {"sized_delete_freed_by_other", kGroup, "always",
     "deletes, with a size, a block that another thread has freed", kDelete<FreedByOther>},
};

}  // namespace

const FaultList kDoubleFreeFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
