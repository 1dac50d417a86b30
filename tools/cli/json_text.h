// Strings in JSON.
#ifndef BARTIZAN_TOOLS_CLI_JSON_TEXT_H_
#define BARTIZAN_TOOLS_CLI_JSON_TEXT_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace bartizan::cli {

// `text` in quotes; what is no printable ASCII becomes an escape or, beyond ASCII, stays.
inline std::string JsonText(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", absl::string_view(&c, 1));
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_JSON_TEXT_H_
