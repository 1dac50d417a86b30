// Editing LD_PRELOAD: a list of libraries, separated by colons or blanks.
#ifndef BARTIZAN_TOOLS_CLI_PRELOAD_LIST_H_
#define BARTIZAN_TOOLS_CLI_PRELOAD_LIST_H_

#include <string>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

// Whether the file is one of ours, by its name: libbartizan.so, libbartizan-fast.so, with or
// without a version behind.
bool IsOurLibrary(absl::string_view path);

// `list` without our libraries.
std::string WithoutOurLibrary(absl::string_view list);

// `library` first, so that its malloc wins, then what `list` had of others.
std::string WithOurLibraryFirst(absl::string_view list, absl::string_view library);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PRELOAD_LIST_H_
