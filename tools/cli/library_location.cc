#include "tools/cli/library_location.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/cli/companion_file.h"
#include "tools/cli/elf_file.h"

namespace bartizan::cli {
namespace {

std::vector<std::string> CandidatesNextTo(absl::string_view command_path) {
  const std::string folder(command_path.substr(0, command_path.rfind('/')));
  std::vector<std::string> candidates = {absl::StrCat(folder, "/../lib/libbartizan.so")};
  // Two folders up only where Bazel builds: elsewhere that may be a folder of another user.
  if (absl::EndsWith(folder, "/tools/cli")) {
    candidates.push_back(absl::StrCat(folder, "/../../libbartizan.so"));
  }
  return candidates;
}

std::string WhyNotPreloadable(const std::string& path) {
  if (access(path.c_str(), R_OK) != 0) return absl::StrCat(path, ": ", std::strerror(errno));
  const ElfFile file = ReadElfFile(path);
  if (!file.is_elf || !file.is_native || !file.is_shared_object) {
    return absl::StrCat(path, " is not a shared library of this machine");
  }
  if (path.find_first_of(" :") != std::string::npos) {
    return absl::StrCat(path,
                        ": LD_PRELOAD separates paths by blanks and colons, so this one "
                        "cannot be preloaded; put the library elsewhere");
  }
  return "";
}

}  // namespace

LibraryLocation LocateLibrary(absl::string_view requested, absl::string_view command_path) {
  LibraryLocation location;
  std::vector<std::string> candidates;
  if (requested.empty()) {
    candidates = CandidatesNextTo(command_path);
  } else {
    candidates.emplace_back(requested);
  }
  location.path = FirstExisting(candidates);
  if (!location.path.empty()) {
    location.problem = WhyNotPreloadable(location.path);
  } else if (requested.empty()) {
    location.problem =
        absl::StrCat("libbartizan.so is not where it should be: ", absl::StrJoin(candidates, ", "),
                     "; build it (bazel build //:bartizan) or name it with --library=PATH");
  } else {
    location.problem = absl::StrCat("--library=", requested, ": ", std::strerror(errno));
  }
  return location;
}

std::string CommandPath() { return RealPath("/proc/self/exe"); }

}  // namespace bartizan::cli
