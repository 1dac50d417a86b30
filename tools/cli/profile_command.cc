// bartizan profile: becomes tools/profile.
#include "tools/cli/command.h"
#include "tools/cli/python_tool.h"

namespace bartizan::cli {
namespace {

int Profile(const std::vector<std::string>& words) {
  return BecomePythonTool("profile", "bartizan-profile", words);
}

}  // namespace

const Command kProfileCommand = {
    .name = "profile",
    .usage = "",
    .summary = "sample what a program allocates, by stack",
    .description = "",
    .flags = {},
    .takes_program = false,
    .explains_itself = true,
    .run = Profile,
};

}  // namespace bartizan::cli
