// bartizan-faults (tools/faults): where it is, and one run of it.
#ifndef BARTIZAN_TOOLS_CLI_FAULT_PROGRAM_H_
#define BARTIZAN_TOOLS_CLI_FAULT_PROGRAM_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

struct FaultProgramLocation {
  std::string path;     // absolute
  std::string problem;  // for the user; empty when there is one that can be run
};

// `requested` is --faults, or empty: then the one that belongs to the command at `command_path` (an
// absolute path without symbolic links).
FaultProgramLocation LocateFaultProgram(absl::string_view requested,
                                        absl::string_view command_path);

// What the program is started with.
struct FaultEnvironment {
  std::string preload;  // LD_PRELOAD
  std::string options;  // BARTIZAN_OPTIONS
};

enum class Ending {
  kReported,      // the library found it: one line, then SIGABRT
  kGuarded,       // the access itself faulted
  kHarmless,      // nothing stopped it and nothing came of it: zeros were read
  kUnnoticed,     // it did what it could
  kInapplicable,  // there was nothing to try
  kBroken,        // anything else
};

struct FaultRun {
  Ending ending = Ending::kBroken;
  // access, call, free, reuse or exit: what the program was about to do when it was stopped.
  std::string moment;
  // The report after "bartizan: fatal: ", or what the program or the system said.
  std::string message;
};

// What to make of a process that ended with `status` (as waitpid gives it) and said these things.
FaultRun ReadFaultRun(int status, absl::string_view output, absl::string_view errors);

// Runs it with these arguments, for so many seconds at most.
FaultRun RunFault(const std::string& program, const std::vector<std::string>& arguments,
                  const FaultEnvironment& environment);

// The same program, waiting, for a look at what is in force in it. Its standard error is ours.
class WaitingProgram {
 public:
  WaitingProgram(const std::string& program, const FaultEnvironment& environment);
  ~WaitingProgram();
  WaitingProgram(const WaitingProgram&) = delete;
  WaitingProgram& operator=(const WaitingProgram&) = delete;

  pid_t process() const { return process_; }
  // It has started, its heap with it.
  bool is_ready() const { return ready_; }

 private:
  pid_t process_ = -1;
  int input_ = -1;
  bool ready_ = false;
};

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_FAULT_PROGRAM_H_
