// Runs a function in a forked child and says how the child ended.
#ifndef BARTIZAN_TESTS_SUPPORT_CHILD_H_
#define BARTIZAN_TESTS_SUPPORT_CHILD_H_

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/watchdog.h"

namespace test {

struct Ending {
  int status = 0;

  bool Clean() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
  bool Signaled(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
  // "exit status 3" or "signal 6", for messages.
  const char* Kind() const { return WIFSIGNALED(status) ? "signal" : "exit status"; }
  int Number() const { return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status); }
};

// For children that are meant to crash.
inline void NoCoreDump() {
  rlimit none = {};
  setrlimit(RLIMIT_CORE, &none);
}

inline Ending WaitFor(pid_t child) {
  Ending ending;
  while (waitpid(child, &ending.status, 0) < 0) EXPECT(errno == EINTR, "waitpid: errno %d", errno);
  return ending;
}

// `body` runs in the child with a watchdog of its own. Returning from it is exit status 0.
template <typename Body>
Ending RunInChild(const char* phase, Body body, unsigned seconds = 120) {
  pid_t child = fork();
  EXPECT(child >= 0, "fork: errno %d", errno);
  if (child == 0) {
    DieWithParent();
    Watchdog(seconds, phase);
    body();
    _exit(0);
  }
  return WaitFor(child);
}

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_CHILD_H_
