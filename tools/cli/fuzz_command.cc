// bartizan fuzz: becomes tools/fuzz.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Fuzz(const std::vector<std::string>& words) {
  return BecomePythonTool("fuzz", "bartizan-fuzz", words);
}

}  // namespace

const Command kFuzzCommand = {
    .name = "fuzz",
    .usage = "",
    .summary = "fuzz this project's targets, in a checkout",
    .description = "",
    .flags = {},
    .takes_program = false,
    .explains_itself = true,
    .run = Fuzz,
};

}  // namespace bartizan::cli
