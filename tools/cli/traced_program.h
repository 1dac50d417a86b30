// A program that is looked at before it is gone.
#ifndef BARTIZAN_TOOLS_CLI_TRACED_PROGRAM_H_
#define BARTIZAN_TOOLS_CLI_TRACED_PROGRAM_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace bartizan::cli {

struct TracedEnd {
  std::string problem;  // why it could not be started or traced; empty: it has run
  int status = 0;       // as waitpid() has it
};

// Runs the program and calls `look` now and then, and once more when it is about to end by whatever
// means, with all of its memory still there; only of SIGKILL there is no notice. It is the
// debugger's interface of the kernel that allows this. Programs that it starts are not looked at.
// Interrupts from the terminal are the program's; requests to end are passed on to it.
TracedEnd RunTraced(const std::vector<std::string>& words, const std::function<void(pid_t)>& look);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_TRACED_PROGRAM_H_
