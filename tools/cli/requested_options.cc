#include "tools/cli/requested_options.h"

#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/options/options.h"
#include "tools/cli/arguments.h"
#include "tools/cli/command.h"
#include "tools/cli/string_views.h"
#include "tools/cli/suggestion.h"

ABSL_FLAG(std::string, profile, "", "fast, hardened (the default), strict or debug");
ABSL_FLAG(bartizan::cli::RepeatedWords, set, {},
          "LAYER=on or LAYER=off; may be repeated, or a list with commas");
ABSL_FLAG(bartizan::cli::RepeatedWords, option, {},
          "NAME=VALUE, any option (see \"bartizan options\"); may be repeated");
ABSL_FLAG(std::string, library, "", "the library to preload instead of this command's own");

namespace bartizan::cli {

RequestedOptions::RequestedOptions(absl::string_view command) : command_(command) {
  const std::string profile = absl::GetFlag(FLAGS_profile);
  if (!profile.empty()) Add(absl::StrCat("profile=", profile));
  for (const std::string& word : absl::GetFlag(FLAGS_option).words) Add(word);
  for (const std::string& words : absl::GetFlag(FLAGS_set).words) {
    for (absl::string_view word : absl::StrSplit(words, ',', absl::SkipEmpty())) AddLayer(word);
  }
}

std::string RequestedOptions::AppendedTo(absl::string_view existing) const {
  std::vector<std::string> all;
  if (!existing.empty()) all.emplace_back(existing);
  for (const std::string& word : words_) {
    all.push_back(absl::StrReplaceAll(word, {{":", "\\:"}}));
  }
  return absl::StrJoin(all, ":");
}

void RequestedOptions::ReceiveMessage(void* self, std::string_view line) {
  static_cast<RequestedOptions*>(self)->valid_ = false;
  std::fprintf(stderr, "%s\n", std::string(line).c_str());
}

void RequestedOptions::Add(absl::string_view word) {
  Options scratch = DefaultsOf(ProfileId::kHardened);
  ApplyText(StdView(word), {SourceKind::kCommandLine, StdView(command_)}, scratch,
            {ReceiveMessage, this});
  words_.emplace_back(word);
}

void RequestedOptions::AddLayer(absl::string_view word) {
  const absl::string_view name = word.substr(0, word.find('='));
  const OptionSpec* const spec = FindOption(StdView(name));
  if (spec != nullptr && spec->is_layer()) return Add(word);
  valid_ = false;
  if (spec != nullptr) {
    Complain(absl::StrCat(command_, ": '", name, "' is not a layer; use --option=", word));
    return;
  }
  Suggestion suggestion(name);
  for (size_t i = 0; i < kToggleCount; ++i)
    suggestion.Offer(AbslView(NameOf(static_cast<Toggle>(i))));
  Complain(absl::StrCat(command_, ": unknown layer '", name, "'",
                        suggestion.Ending("; \"bartizan options\" lists them")));
}

}  // namespace bartizan::cli
