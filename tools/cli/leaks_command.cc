// bartizan leaks: becomes tools/leaks.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Leaks(const std::vector<std::string>& words) {
  return BecomePythonTool("leaks", "bartizan-leaks", words);
}

}  // namespace

const Command kLeaksCommand = {
    .name = "leaks",
    .usage = "",
    .summary = "find blocks that nothing refers to any more",
    .description = "",
    .flags = {},
    .takes_program = false,
    .explains_itself = true,
    .run = Leaks,
};

}  // namespace bartizan::cli
