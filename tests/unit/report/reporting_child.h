// A child process that reports a violation, and what became of it.
#ifndef BARTIZAN_TESTS_UNIT_REPORT_REPORTING_CHILD_H_
#define BARTIZAN_TESTS_UNIT_REPORT_REPORTING_CHILD_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <string>

#include "src/base/violation.h"
#include "src/options/sealed_page.h"

namespace bartizan {

struct ChildEnd {
  std::string standard_error;
  int status = 0;

  bool Aborted() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }
};

// Runs the body in a child until it ends. A child that hangs is ended by an alarm, and has then not
// aborted.
inline ChildEnd RunChild(const std::function<void()>& body) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  ChildEnd result;
  char part[4096];
  for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;) {
    result.standard_error.append(part, static_cast<size_t>(got));
  }
  close(ends[0]);
  EXPECT_EQ(waitpid(child, &result.status, 0), child);
  return result;
}

// The options are not sealed in this program: a child sets where its reports go.
inline void ReportInto(const std::string& path) {
  std::strncpy(bartizan_sealed_page.options.report_file, path.c_str(), kPathBytes - 1);
}

inline const Violation kSomething = {.what = "double free",
                                     .detail = "the block was freed before",
                                     .address = 0x7f001230,
                                     .slot_bytes = 112,
                                     .requested = 100,
                                     .stated = 99,
                                     .advice = "look for a second owner of this pointer"};

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_REPORT_REPORTING_CHILD_H_
