// bartizan symbolize: becomes tools/symbolize.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Symbolize(const std::vector<std::string>& words) {
  return BecomePythonTool("symbolize", "bartizan-symbolize", words);
}

}  // namespace

const Command kSymbolizeCommand = {
    .name = "symbolize",
    .usage = "",
    .summary = "add functions, files and lines to the stacks of a report; reports as SARIF",
    .description = "",
    .flags = {},
    .takes_program = false,
    .explains_itself = true,
    .run = Symbolize,
};

}  // namespace bartizan::cli
