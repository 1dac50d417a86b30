// bartizan help [COMMAND]
#include <cstdio>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/cli/command.h"

namespace bartizan::cli {
namespace {

int Help(const std::vector<std::string>& words) {
  if (words.size() > 1) {
    Complain("help: takes one command");
    return kWrongUse;
  }
  if (words.empty()) {
    std::fputs(OverviewHelp().c_str(), stdout);
    return kSuccess;
  }
  const Command* const command = FindCommand(words[0]);
  if (command == nullptr) return kWrongUse;
  if (command->explains_itself) return command->run({"--help"});
  std::fputs(HelpFor(*command).c_str(), stdout);
  return kSuccess;
}

std::string UsageLine(const Command& command) {
  return absl::StrCat("bartizan ", command.name, command.usage.empty() ? "" : " ", command.usage);
}

}  // namespace

std::string OverviewHelp() {
  std::string text =
      "bartizan runs programs with a hardened malloc.\n"
      "\n"
      "usage: bartizan COMMAND ...\n"
      "\n";
  for (const Command* command : AllCommands()) {
    absl::StrAppendFormat(&text, "  %-11s %s\n", command->name, command->summary);
  }
  absl::StrAppend(&text,
                  "\n"
                  "\"bartizan help COMMAND\" tells more. For a start: bartizan run -- PROGRAM\n");
  return text;
}

std::string HelpFor(const Command& command) {
  std::string text = absl::StrCat("usage: ", UsageLine(command), "\n\n", command.summary, "\n");
  if (!command.flags.empty()) absl::StrAppend(&text, "\n");
  for (absl::string_view name : command.flags) {
    const absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr) continue;
    absl::StrAppendFormat(&text, "  --%-10s %s\n", name, flag->Help());
  }
  if (!command.description.empty()) absl::StrAppend(&text, "\n", command.description, "\n");
  return text;
}

const Command kHelpCommand = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "tell more about a command",
    .description = "",
    .flags = {},
    .takes_program = false,
    .run = Help,
};

}  // namespace bartizan::cli
