// Which library `bartizan run` preloads.
#ifndef BARTIZAN_TOOLS_CLI_LIBRARY_LOCATION_H_
#define BARTIZAN_TOOLS_CLI_LIBRARY_LOCATION_H_

#include <string>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

struct LibraryLocation {
  std::string path;     // absolute
  std::string problem;  // for the user; empty when `path` can be preloaded
};

// `requested` is --library, or empty: then the library next to the command at
// `command_path` (an absolute path without symbolic links).
LibraryLocation LocateLibrary(absl::string_view requested, absl::string_view command_path);

// The absolute path of this command.
std::string CommandPath();

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_LIBRARY_LOCATION_H_
