// The file behind a program's name, and why a preloaded library may have no effect on it.
#ifndef BARTIZAN_TOOLS_CLI_PROGRAM_FILE_H_
#define BARTIZAN_TOOLS_CLI_PROGRAM_FILE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

struct ProgramFile {
  std::string path;  // empty when there is none
  // Why it cannot be run, for the user; empty when it can be, as far as one can tell.
  std::string problem;
};

// As execvp finds it: `name` itself when it has a "/", else the first executable file of that name
// in PATH; when there is none, the first that is there and cannot be executed.
ProgramFile FindProgram(const std::string& name);

// A warning for the user when preloading has no effect on the program, for its headers or its mode;
// else empty.
std::string WhyPreloadHasNoEffect(const std::string& path);

// What is missing when the system says that an existing file is not there: the interpreter that it
// names. Empty when it names none.
std::string InterpreterOf(const std::string& path);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PROGRAM_FILE_H_
