// bartizan unreachable: blocks that nothing in a process refers to, by stack, as JSON.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/leaks/leak_report.h"
#include "tools/cli/command.h"
#include "tools/cli/process_leaks.h"

ABSL_DECLARE_FLAG(std::string, json_file);
ABSL_FLAG(bool, reachable, false, "also the blocks that are still referred to");

namespace bartizan::cli {
namespace {

constexpr int kNotProtectedCode = 1;
constexpr int kCannotTellCode = 2;

int Unreachable(const std::vector<std::string>& words) {
  pid_t process = 0;
  if (words.size() != 1 || !absl::SimpleAtoi(words[0], &process) || process <= 0) {
    Complain("unreachable: one process\nTry: bartizan help unreachable");
    return kWrongUse;
  }
  const LeaksFinding found = FindLeaks(process, absl::GetFlag(FLAGS_reachable));
  if (found.reading != Reading::kDone) {
    Complain(absl::StrCat("unreachable: ", found.message));
    return found.reading == Reading::kNotProtected ? kNotProtectedCode : kCannotTellCode;
  }
  std::fputs(found.json.c_str(), stdout);
  return kSuccess;
}

}  // namespace

const Command kUnreachableCommand = {
    .name = "unreachable",
    .usage = "[--reachable] PID",
    .summary = "which blocks nothing in a process refers to, as JSON",
    .description =
        "For tools; \"bartizan leaks\" makes of it what people look at. The process is stopped "
        "for\n"
        "a moment, twice when something is found: what is told was lost both times. Frames are\n"
        "addresses inside of calls, innermost first.\n"
        "\n"
        "exit codes: 0 told, 1 not protected, 2 cannot tell",
    .flags = {"reachable"},
    .takes_program = false,
    .run = Unreachable,
};

}  // namespace bartizan::cli
