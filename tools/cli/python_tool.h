// Commands that are written in Python: one file (a zip archive that python3 runs) beside this one.
#ifndef BARTIZAN_TOOLS_CLI_PYTHON_TOOL_H_
#define BARTIZAN_TOOLS_CLI_PYTHON_TOOL_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

// Becomes the file `file_name` of the command `name` (built in tools/NAME) with these words, after
// --command and --library, which say where this command and the library are. Returns only when that
// fails: an exit code, after a message.
int BecomePythonTool(absl::string_view name, absl::string_view file_name,
                     const std::vector<std::string>& words);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PYTHON_TOOL_H_
