// The options that the command line asks for: --profile, --set, --option.
#ifndef BARTIZAN_TOOLS_CLI_REQUESTED_OPTIONS_H_
#define BARTIZAN_TOOLS_CLI_REQUESTED_OPTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

// Checked when they are taken from the flags. Nothing is checked twice: the library's own parser
// says what is wrong.
class RequestedOptions {
 public:
  // `command` begins the messages.
  explicit RequestedOptions(absl::string_view command);

  bool valid() const { return valid_; }
  bool empty() const { return words_.empty(); }

  // One word more, which is not from the command line.
  void Append(absl::string_view word) { words_.emplace_back(word); }

  // `existing` and then ours, which wins.
  std::string AppendedTo(absl::string_view existing) const;

 private:
  static void ReceiveMessage(void* self, std::string_view line);
  void Add(absl::string_view word);
  void AddLayer(absl::string_view word);

  const std::string command_;
  std::vector<std::string> words_;
  bool valid_ = true;
};

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_REQUESTED_OPTIONS_H_
