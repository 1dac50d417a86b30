// bartizan: dispatch to the commands.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/cli/arguments.h"
#include "tools/cli/command.h"
#include "tools/cli/suggestion.h"

namespace bartizan::cli {
namespace {

constexpr const Command* kCommands[] = {
    &kRunCommand,    &kOptionsCommand,     &kStatusCommand,    &kStatsCommand,   &kTopCommand,
    &kDoctorCommand, &kExporterCommand,    &kSymbolizeCommand, &kProfileCommand, &kSamplesCommand,
    &kLeaksCommand,  &kUnreachableCommand, &kSelftestCommand,  &kCompareCommand, &kBenchCommand,
    &kFuzzCommand,   &kVersionCommand,     &kHelpCommand};

int RunCommand(const Command& command, const std::vector<std::string>& arguments) {
  if (command.explains_itself) return command.run(arguments);
  const Arguments parsed = ParseArguments(command, arguments);
  if (!parsed.problem.empty()) {
    Complain(
        absl::StrCat(command.name, ": ", parsed.problem, "\nTry: bartizan help ", command.name));
    return kWrongUse;
  }
  if (parsed.wants_help) {
    std::fputs(HelpFor(command).c_str(), stdout);
    return kSuccess;
  }
  return command.run(parsed.words);
}

int Dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    std::fputs(OverviewHelp().c_str(), stderr);
    return kWrongUse;
  }
  std::string name = arguments[0];
  if (name == "--help" || name == "-h") name = "help";
  if (name == "--version") name = "version";
  const Command* const command = FindCommand(name);
  if (command == nullptr) return kWrongUse;
  return RunCommand(*command, {arguments.begin() + 1, arguments.end()});
}

}  // namespace

absl::Span<const Command* const> AllCommands() { return kCommands; }

const Command* FindCommand(absl::string_view name) {
  Suggestion suggestion(name);
  for (const Command* command : kCommands) {
    if (command->name == name) return command;
    suggestion.Offer(command->name);
  }
  Complain(absl::StrCat("unknown command '", name, "'",
                        suggestion.Ending("; \"bartizan help\" lists them")));
  return nullptr;
}

void Complain(absl::string_view message) {
  const std::string line = absl::StrCat("bartizan: ", message, "\n");
  std::fputs(line.c_str(), stderr);
}

}  // namespace bartizan::cli

int main(int argc, char** argv) {
  const int status = bartizan::cli::Dispatch({argv + (argc > 0 ? 1 : 0), argv + argc});
  // A full disk or a closed pipe must not look like success.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    bartizan::cli::Complain(absl::StrCat("standard output: ", std::strerror(errno)));
    return bartizan::cli::kWrongUse;
  }
  return status;
}
