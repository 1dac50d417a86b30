// Wild accesses (SIGSEGV): a function of ours that looks at each first, and what the program has
// set for that signal, which is then done exactly as if we were not there.
//
// Ours stands in the kernel with the flags and the mask of the program's handler, so that this one
// runs on the stack and under the mask that it asked for. Where the program ignores the signal,
// ours does not stand: what is ignored is inherited by the programs that it starts. No alternate
// stack is made: a thread that has none needs some room on its own for the frame of the signal, and
// ends as without us where there is none.
//
// SIGBUS is not looked at: nothing of ours raises it.
#ifndef BARTIZAN_SRC_PLATFORM_FAULT_SIGNALS_H_
#define BARTIZAN_SRC_PLATFORM_FAULT_SIGNALS_H_

#include <csignal>
#include <cstddef>
#include <cstdint>

#include "src/base/violation.h"

namespace bartizan::platform {

struct Fault {
  uintptr_t address;
  AccessKind access;
  size_t bytes;         // of the access; Violation::kUnknown
  const void* context;  // ucontext_t of the access
};

// Called in a signal handler, on a stack that may be small.
using LookAtFault = void (*)(const Fault& fault);

// From now on. Once per process, and before there are other threads. False: the program ignores the
// signal, or the system refuses; then nothing has changed.
bool WatchFaults(LookAtFault look);
bool FaultsAreWatched();

// sigaction() for SIGSEGV, once faults are watched: 0, or a negative errno. May be called in signal
// handlers and, like there, in children of vfork, whose changes are theirs alone.
int ExchangeFaultAction(const struct sigaction* action, struct sigaction* old);

// Runs `work`; false when it met a wild access, and was left there. For one thread at a time. The
// program's handlers do not run meanwhile.
bool RunGuarded(void (*work)(void* context), void* context);

// Calls `work` on another stack, which ends at `top`.
void CallOnStack(std::byte* top, void (*work)(void* context), void* context);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_FAULT_SIGNALS_H_
