// The arguments of one command: its flags, which are Abseil's, and the words after them.
//
// Abseil's own parser knows one set of flags for the whole program, ends it with exit code 1 and
// keeps only the last of repeated flags; so the walk over the arguments is ours, and the values are
// Abseil's.
#ifndef BARTIZAN_TOOLS_CLI_ARGUMENTS_H_
#define BARTIZAN_TOOLS_CLI_ARGUMENTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tools/cli/command.h"

namespace bartizan::cli {

// A flag that may be given several times: every value counts, in order.
struct RepeatedWords {
  std::vector<std::string> words;
};
bool AbslParseFlag(absl::string_view text, RepeatedWords* flag, std::string* error);
std::string AbslUnparseFlag(const RepeatedWords& flag);

struct Arguments {
  std::vector<std::string> words;
  bool wants_help = false;
  // What is wrong, for the user; empty when nothing is.
  std::string problem;
};

// Sets the command's flags. Flags are `--name=value`, `--name value`, and for switches `--name` and
// `--noname`; "--" ends them.
Arguments ParseArguments(const Command& command, const std::vector<std::string>& arguments);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_ARGUMENTS_H_
