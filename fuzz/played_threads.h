// Threads that are played: each has a stack of its own, and one of them runs at a time, until it is
// done, until it has passed so many marked points (src/platform/marked_point.h) or until it waits
// for a lock. Who goes on then is the caller's choice, so that a case's bytes decide every turn.
#ifndef BARTIZAN_FUZZ_PLAYED_THREADS_H_
#define BARTIZAN_FUZZ_PLAYED_THREADS_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/harness/world.h"

namespace fuzz {

// One more than the world has heaps in use: the last thread's is its first.
inline constexpr size_t kPlayers = kThreads + 1;

enum class Standing {
  kIdle,       // has nothing to do
  kPreempted,  // in the middle of something
  kWaiting,    // for a lock that another one holds
};

// The threads of one case.
class Players {
 public:
  // Each takes one of the case's heaps; the last one has none yet.
  explicit Players(Case& world);
  // What is in the middle of something is given up there.
  ~Players();
  Players(const Players&) = delete;
  Players& operator=(const Players&) = delete;

  Standing StandingOf(size_t player) const;
  // Gives an idle one something to do; it runs when it is resumed.
  void Begin(size_t player, void (*body)(void*), void* argument);
  // Runs it, to the end or for so many marked points, if `points` is not 0.
  void Resume(size_t player, size_t points);
  // Whether a violation was reported: then all is over.
  bool reported() const;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_PLAYED_THREADS_H_
