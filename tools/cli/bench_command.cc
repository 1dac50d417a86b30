// bartizan bench: becomes tools/bench.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Bench(const std::vector<std::string>& words) {
  return BecomePythonTool("bench", "bartizan-suite", words);
}

}  // namespace

const Command kBenchCommand = {
    .name = "bench",
    .usage = "",
    .summary = "measure the benchmark suite under several allocators",
    .description = "",
    .flags = {},
    .takes_program = false,
    .explains_itself = true,
    .run = Bench,
};

}  // namespace bartizan::cli
