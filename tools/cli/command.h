// What a command of `bartizan` is.
#ifndef BARTIZAN_TOOLS_CLI_COMMAND_H_
#define BARTIZAN_TOOLS_CLI_COMMAND_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace bartizan::cli {

// Exit codes, as shells and env(1), nohup(1) and their like use them.
constexpr int kSuccess = 0;
constexpr int kWrongUse = 2;
constexpr int kLibraryMissing = 125;
constexpr int kCannotRun = 126;
constexpr int kNotFound = 127;

struct Command {
  absl::string_view name;
  // What follows the name: "[--profile=P] -- PROGRAM [ARGS]".
  absl::string_view usage;
  // One line, then paragraphs for `bartizan help COMMAND`.
  absl::string_view summary;
  absl::string_view description;
  // Names of the flags (ABSL_FLAG) that belong to this command.
  std::vector<absl::string_view> flags;
  // The first word that is no flag starts a program, whose own flags are not ours.
  bool takes_program;
  // `run` gets all that follows the name as it is, --help too, and prints its own help.
  bool explains_itself = false;
  int (*run)(const std::vector<std::string>& words);
};

extern const Command kRunCommand;
extern const Command kOptionsCommand;
extern const Command kStatusCommand;
extern const Command kStatsCommand;
extern const Command kTopCommand;
extern const Command kDoctorCommand;
extern const Command kExporterCommand;
extern const Command kSymbolizeCommand;
extern const Command kProfileCommand;
extern const Command kSamplesCommand;
extern const Command kLeaksCommand;
extern const Command kUnreachableCommand;
extern const Command kSelftestCommand;
extern const Command kCompareCommand;
extern const Command kBenchCommand;
extern const Command kFuzzCommand;
extern const Command kVersionCommand;
extern const Command kHelpCommand;

// All of them, in the order of the help.
absl::Span<const Command* const> AllCommands();

// nullptr after a message with the nearest name when there is no such command.
const Command* FindCommand(absl::string_view name);

// What `bartizan help` and `bartizan help COMMAND` print.
std::string OverviewHelp();
std::string HelpFor(const Command& command);

// "bartizan: message\n" on standard error.
void Complain(absl::string_view message);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_COMMAND_H_
