// The lost blocks of another process.
#ifndef BARTIZAN_TOOLS_CLI_PROCESS_LEAKS_H_
#define BARTIZAN_TOOLS_CLI_PROCESS_LEAKS_H_

#include <sys/types.h>

#include <string>

#include "tools/cli/process_statistics.h"

namespace bartizan::cli {

struct LeaksFinding {
  Reading reading = Reading::kCannotTell;
  // Without "bartizan: COMMAND: "; empty when all is well.
  std::string message;
  std::string json;  // as src/leaks/leak_report.h has it
};

// Stops the process while it looks. It goes on in any case.
LeaksFinding FindLeaks(pid_t process, bool reachable);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PROCESS_LEAKS_H_
