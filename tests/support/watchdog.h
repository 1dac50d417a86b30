// Ends a program that hangs, so that a deadlock is a message and not a test runner's time-out.
#ifndef BARTIZAN_TESTS_SUPPORT_WATCHDOG_H_
#define BARTIZAN_TESTS_SUPPORT_WATCHDOG_H_

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/support/expect.h"

namespace test {

inline const char* volatile watchdog_phase = "start";

inline void WatchdogExpired(int) {
  Say("hung in phase: %s (process %d)", watchdog_phase, static_cast<int>(getpid()));
  _exit(1);
}

// Starts or restarts the clock. An alarm is not inherited over fork: children call this too, and
// are killed when their parent dies first.
inline void Watchdog(unsigned seconds, const char* phase) {
  watchdog_phase = phase;
  struct sigaction action = {};
  action.sa_handler = WatchdogExpired;
  sigaction(SIGALRM, &action, nullptr);
  alarm(seconds);
}

inline void DieWithParent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_WATCHDOG_H_
