// bartizan exporter: becomes tools/exporter.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Exporter(const std::vector<std::string>& words) {
  return BecomePythonTool("exporter", "bartizan-exporter", words);
}

}  // namespace

const Command kExporterCommand = {
    .name = "exporter",
    .usage = "",
    .summary = "serve the statistics of all protected processes to Prometheus",
    .description = "",
    .flags = {},
    .takes_program = false,
    .explains_itself = true,
    .run = Exporter,
};

}  // namespace bartizan::cli
