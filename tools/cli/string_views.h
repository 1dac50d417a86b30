// Between std::string_view and absl::string_view. Debian builds Abseil for C++14, where the two are
// different types; elsewhere they are one and these functions do nothing.
#ifndef BARTIZAN_TOOLS_CLI_STRING_VIEWS_H_
#define BARTIZAN_TOOLS_CLI_STRING_VIEWS_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

inline absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view StdView(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_STRING_VIEWS_H_
