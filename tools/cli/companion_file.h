// Files that belong to the command and are found from where it lies.
#ifndef BARTIZAN_TOOLS_CLI_COMPANION_FILE_H_
#define BARTIZAN_TOOLS_CLI_COMPANION_FILE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

// Without symbolic links and "..", and absolute; empty when there is no such file.
std::string RealPath(const std::string& path);

// The first that exists, as RealPath gives it; else empty.
std::string FirstExisting(const std::vector<std::string>& candidates);

// Where the file `name` may be that belongs to the command at `command_path` (absolute): installed,
// in the command's folder or in ../libexec; built by Bazel, in the folder `built_in` of tools.
std::vector<std::string> CompanionCandidates(absl::string_view name, absl::string_view built_in,
                                             absl::string_view command_path);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_COMPANION_FILE_H_
