// bartizan version
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "src/options/version.h"
#include "tools/cli/command.h"

namespace bartizan::cli {
namespace {

int Version(const std::vector<std::string>& words) {
  if (!words.empty()) {
    Complain(absl::StrCat("version: takes no arguments, got '", words[0], "'"));
    return kWrongUse;
  }
  std::printf("bartizan %s\n", std::string(kVersion).c_str());
  return kSuccess;
}

}  // namespace

const Command kVersionCommand = {
    .name = "version",
    .usage = "",
    .summary = "print the version",
    .description = "",
    .flags = {},
    .takes_program = false,
    .run = Version,
};

}  // namespace bartizan::cli
