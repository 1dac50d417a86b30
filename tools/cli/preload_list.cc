#include "tools/cli/preload_list.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace bartizan::cli {

bool IsOurLibrary(absl::string_view path) {
  const size_t slash = path.rfind('/');
  const absl::string_view name = slash == absl::string_view::npos ? path : path.substr(slash + 1);
  for (absl::string_view ours : {"libbartizan.so", "libbartizan-fast.so"}) {
    if (name == ours || absl::StartsWith(name, absl::StrCat(ours, "."))) return true;
  }
  return false;
}

std::string WithoutOurLibrary(absl::string_view list) {
  std::vector<absl::string_view> others;
  for (absl::string_view entry : absl::StrSplit(list, absl::ByAnyChar(": "), absl::SkipEmpty())) {
    if (!IsOurLibrary(entry)) others.push_back(entry);
  }
  return absl::StrJoin(others, ":");
}

std::string WithOurLibraryFirst(absl::string_view list, absl::string_view library) {
  std::vector<absl::string_view> entries = {library};
  for (absl::string_view entry : absl::StrSplit(list, absl::ByAnyChar(": "), absl::SkipEmpty())) {
    // A copy that --library calls otherwise is not preloaded twice either.
    if (!IsOurLibrary(entry) && entry != library) entries.push_back(entry);
  }
  return absl::StrJoin(entries, ":");
}

}  // namespace bartizan::cli
