// Runs a function in a child of its own and keeps how it ended and what it printed.
#ifndef BARTIZAN_TESTS_VIOLATION_BOUNDED_LIBC_CAPTURED_H_
#define BARTIZAN_TESTS_VIOLATION_BOUNDED_LIBC_CAPTURED_H_

#include <unistd.h>

#include "tests/support/child.h"

namespace test {

struct Captured {
  Ending ending;
  char output[1024] = "";  // on standard output and standard error
};

template <typename Body>
Captured RunCaptured(Body body) {
  int ends[2];
  EXPECT(pipe(ends) == 0, "pipe");
  const pid_t child = fork();
  EXPECT(child >= 0, "fork");
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    body();
    _exit(0);
  }
  close(ends[1]);
  Captured captured;
  size_t length = 0;
  for (;;) {
    const ssize_t got =
        read(ends[0], captured.output + length, sizeof captured.output - 1 - length);
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  close(ends[0]);
  captured.ending = WaitFor(child);
  return captured;
}

}  // namespace test

#endif  // BARTIZAN_TESTS_VIOLATION_BOUNDED_LIBC_CAPTURED_H_
