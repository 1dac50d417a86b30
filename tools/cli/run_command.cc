// bartizan run: sets the environment and becomes the program.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "src/options/options.h"
#include "tools/cli/command.h"
#include "tools/cli/library_location.h"
#include "tools/cli/preload_list.h"
#include "tools/cli/program_file.h"
#include "tools/cli/requested_options.h"

ABSL_DECLARE_FLAG(std::string, library);
ABSL_FLAG(bool, off, false, "run the program without the library");

namespace bartizan::cli {
namespace {

constexpr char kPreloadVariable[] = "LD_PRELOAD";
constexpr char kSystemPreloadFile[] = "/etc/ld.so.preload";

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void SetPreload(const std::string& list) {
  if (list.empty()) {
    unsetenv(kPreloadVariable);
  } else {
    setenv(kPreloadVariable, list.c_str(), 1);
  }
}

void RunWithoutLibrary() {
  SetPreload(WithoutOurLibrary(Environment(kPreloadVariable)));
  std::ifstream file(kSystemPreloadFile);
  std::string line;
  while (std::getline(file, line)) {
    if (WithoutOurLibrary(line) == line) continue;
    Complain(absl::StrCat("run: warning: ", kSystemPreloadFile,
                          " still loads the library into every program"));
  }
}

// kSuccess, or the exit code after a message.
int RunWithLibrary(const RequestedOptions& options, const std::string& program) {
  const LibraryLocation library = LocateLibrary(absl::GetFlag(FLAGS_library), CommandPath());
  if (!library.problem.empty()) {
    Complain(absl::StrCat("run: ", library.problem));
    return kLibraryMissing;
  }
  const std::string no_effect = WhyPreloadHasNoEffect(program);
  if (!no_effect.empty()) {
    Complain(
        absl::StrCat("run: warning: ", no_effect, ": a preloaded library has no effect on it"));
  }
  SetPreload(WithOurLibraryFirst(Environment(kPreloadVariable), library.path));
  if (!options.empty()) {
    setenv(kOptionsVariable, options.AppendedTo(Environment(kOptionsVariable)).c_str(), 1);
  }
  return kSuccess;
}

int CannotRun(const std::string& name, absl::string_view problem) {
  Complain(absl::StrCat("run: ", name, ": ", problem));
  return kCannotRun;
}

// Returns only when the program cannot be started.
int Become(const std::vector<std::string>& words, const std::string& path) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  if (error == ENOENT) {
    const std::string interpreter = InterpreterOf(path);
    if (!interpreter.empty()) {
      return CannotRun(words[0], absl::StrCat("its interpreter ", interpreter, " is missing"));
    }
  }
  return CannotRun(words[0], std::strerror(error));
}

int Run(const std::vector<std::string>& words) {
  if (words.empty()) {
    Complain("run: which program?\nTry: bartizan run -- PROGRAM [ARGS]");
    return kWrongUse;
  }
  const bool off = absl::GetFlag(FLAGS_off);
  const RequestedOptions options("run");
  if (!options.valid()) return kWrongUse;
  if (off && (!options.empty() || !absl::GetFlag(FLAGS_library).empty())) {
    Complain("run: --off runs the program without the library; leave the other flags out");
    return kWrongUse;
  }
  const ProgramFile program = FindProgram(words[0]);
  if (program.path.empty()) {
    Complain(absl::StrCat("run: ", words[0], ": program not found: ", program.problem));
    return kNotFound;
  }
  if (!program.problem.empty()) return CannotRun(words[0], program.problem);
  if (off) {
    RunWithoutLibrary();
  } else if (const int status = RunWithLibrary(options, program.path); status != kSuccess) {
    return status;
  }
  return Become(words, program.path);
}

}  // namespace

const Command kRunCommand = {
    .name = "run",
    .usage =
        "[--profile=P] [--set=LAYER=on|off]... [--option=NAME=VALUE]... [--off] [--] PROGRAM "
        "[ARGS]",
    .summary = "run a program with the library",
    .description =
        "The command becomes the program: exit code, signals, input and output are its own.\n"
        "LD_PRELOAD and BARTIZAN_OPTIONS go on to the programs that it starts; what they had\n"
        "before stays, after our library and before our options, which win.\n"
        "\n"
        "examples:\n"
        "  bartizan run -- nginx -g 'daemon off;'\n"
        "  bartizan run --profile=strict --set=quarantine=off -- ./program\n"
        "  bartizan run --option=report_file=/tmp/report-%p --option=verbose ./program\n"
        "\n"
        "exit codes of its own: 2 wrong use, 125 library missing, 126 program cannot be run,\n"
        "127 program not found",
    .flags = {"profile", "set", "option", "off", "library"},
    .takes_program = true,
    .run = Run,
};

}  // namespace bartizan::cli
