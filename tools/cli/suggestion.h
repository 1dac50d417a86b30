// "; did you mean 'X'?" for the messages about misspelt words.
#ifndef BARTIZAN_TOOLS_CLI_SUGGESTION_H_
#define BARTIZAN_TOOLS_CLI_SUGGESTION_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/options/nearest_name.h"
#include "tools/cli/string_views.h"

namespace bartizan::cli {

// Offer it the names there are; then take the end of the message.
class Suggestion {
 public:
  explicit Suggestion(absl::string_view wanted) : nearest_(StdView(wanted)) {}

  void Offer(absl::string_view name) { nearest_.Offer(StdView(name)); }

  // `otherwise` when nothing is near; `prefix` goes before the name.
  std::string Ending(absl::string_view otherwise, absl::string_view prefix = "") const {
    if (nearest_.name().empty()) return std::string(otherwise);
    return absl::StrCat("; did you mean '", prefix, AbslView(nearest_.name()), "'?");
  }

 private:
  NearestName nearest_;
};

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_SUGGESTION_H_
