#include "tools/cli/python_tool.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/cli/command.h"
#include "tools/cli/companion_file.h"
#include "tools/cli/library_location.h"

namespace bartizan::cli {

int BecomePythonTool(absl::string_view name, absl::string_view file_name,
                     const std::vector<std::string>& words) {
  const std::string command_path = CommandPath();
  const std::vector<std::string> candidates = CompanionCandidates(file_name, name, command_path);
  const std::string file = FirstExisting(candidates);
  if (file.empty()) {
    Complain(absl::StrCat(name, ": ", file_name,
                          " is not where it should be: ", absl::StrJoin(candidates, ", "),
                          "; build it (bazel build //tools/", name, ":", file_name, ")"));
    return kLibraryMissing;
  }
  // -I: the variables and folders of this user's Python are for programs, not for us.
  std::vector<std::string> line = {"python3", "-I", "-B", file,
                                   absl::StrCat("--command=", command_path)};
  const LibraryLocation library = LocateLibrary("", command_path);
  if (library.problem.empty()) line.push_back(absl::StrCat("--library=", library.path));
  line.insert(line.end(), words.begin(), words.end());

  std::vector<char*> arguments;
  for (std::string& word : line) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const bool missing = errno == ENOENT;
  Complain(absl::StrCat(name, ": needs python3, which ",
                        missing ? "is not in PATH; install Debian's package python3"
                                : absl::StrCat("cannot be run: ", std::strerror(errno))));
  return missing ? kLibraryMissing : kCannotRun;
}

}  // namespace bartizan::cli
