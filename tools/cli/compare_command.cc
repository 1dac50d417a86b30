// bartizan compare: becomes tools/compare.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Compare(const std::vector<std::string>& words) {
  return BecomePythonTool("compare", "bartizan-compare", words);
}

}  // namespace

const Command kCompareCommand = {
    .name = "compare",
    .usage = "",
    .summary = "run a program under several allocators, tell what each costs",
    .description = "",
    .flags = {},
    .takes_program = true,
    .explains_itself = true,
    .run = Compare,
};

}  // namespace bartizan::cli
