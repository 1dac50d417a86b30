#include "tools/cli/companion_file.h"

#include <cstdlib>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace bartizan::cli {

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real == nullptr ? "" : real.get();
}

std::string FirstExisting(const std::vector<std::string>& candidates) {
  for (const std::string& candidate : candidates) {
    std::string path = RealPath(candidate);
    if (!path.empty()) return path;
  }
  return "";
}

std::vector<std::string> CompanionCandidates(absl::string_view name, absl::string_view built_in,
                                             absl::string_view command_path) {
  const std::string folder(command_path.substr(0, command_path.rfind('/')));
  std::vector<std::string> candidates = {absl::StrCat(folder, "/", name),
                                         absl::StrCat(folder, "/../libexec/", name)};
  // Only where Bazel builds: elsewhere that may be a folder of another user.
  if (absl::EndsWith(folder, "/tools/cli")) {
    candidates.push_back(absl::StrCat(folder, "/../", built_in, "/", name));
  }
  return candidates;
}

}  // namespace bartizan::cli
