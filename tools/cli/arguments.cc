#include "tools/cli/arguments.h"

#include <algorithm>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/cli/suggestion.h"

namespace bartizan::cli {
namespace {

// Between the values of a repeated flag. Values may hold anything else: commas, colons, blanks.
constexpr char kBetweenWords = '\n';

bool Owns(const Command& command, absl::string_view flag) {
  return std::find(command.flags.begin(), command.flags.end(), flag) != command.flags.end();
}

std::string UnknownFlag(const Command& command, absl::string_view name) {
  Suggestion suggestion(name);
  for (absl::string_view flag : command.flags) suggestion.Offer(flag);
  suggestion.Offer("help");
  return absl::StrCat("unknown flag '--", name, "'", suggestion.Ending("", "--"));
}

// Walks over the arguments.
class ArgumentWalk {
 public:
  ArgumentWalk(const Command& command, const std::vector<std::string>& arguments)
      : command_(command), arguments_(arguments) {}

  Arguments Take() {
    bool flags_ended = false;
    for (; next_ < arguments_.size() && result_.problem.empty() && !result_.wants_help; ++next_) {
      const std::string& argument = arguments_[next_];
      if (!flags_ended && argument == "--") {
        flags_ended = true;
      } else if (!flags_ended && argument.size() > 1 && argument[0] == '-') {
        TakeFlag(argument);
      } else {
        result_.words.push_back(argument);
        flags_ended = flags_ended || command_.takes_program;
      }
    }
    return result_;
  }

 private:
  void TakeFlag(absl::string_view argument) {
    if (argument == "--help" || argument == "-h") {
      result_.wants_help = true;
      return;
    }
    absl::string_view name = argument;
    if (!absl::ConsumePrefix(&name, "--")) {
      result_.problem = absl::StrCat("unknown flag '", argument, "'");
      return;
    }
    const size_t equals = name.find('=');
    const bool has_value = equals != absl::string_view::npos;
    const absl::string_view value = has_value ? name.substr(equals + 1) : absl::string_view();
    if (has_value) name = name.substr(0, equals);
    SetFlag(name, has_value, value);
  }

  void SetFlag(absl::string_view name, bool has_value, absl::string_view value) {
    absl::string_view positive = name;
    const bool is_negated =
        !has_value && !Owns(command_, name) && absl::ConsumePrefix(&positive, "no");
    const bool is_ours = Owns(command_, positive);
    absl::CommandLineFlag* const flag = is_ours ? absl::FindCommandLineFlag(positive) : nullptr;
    if (flag == nullptr || (is_negated && !flag->IsOfType<bool>())) {
      result_.problem = UnknownFlag(command_, name);
      return;
    }
    if (flag->IsOfType<bool>() && !has_value) {
      value = is_negated ? "false" : "true";
    } else if (!has_value) {
      if (next_ + 1 == arguments_.size()) {
        result_.problem = absl::StrCat("--", name, " needs a value");
        return;
      }
      value = arguments_[++next_];
    }
    std::string text(value);
    if (flag->IsOfType<RepeatedWords>()) {
      const std::string before = flag->CurrentValue();
      if (!before.empty()) text = absl::StrCat(before, std::string(1, kBetweenWords), text);
    }
    std::string error;
    if (!flag->ParseFrom(text, &error)) {
      result_.problem = absl::StrCat("--", name, "=", value, ": wrong value");
    }
  }

  const Command& command_;
  const std::vector<std::string>& arguments_;
  size_t next_ = 0;
  Arguments result_;
};

}  // namespace

bool AbslParseFlag(absl::string_view text, RepeatedWords* flag, std::string*) {
  flag->words = absl::StrSplit(text, kBetweenWords, absl::SkipEmpty());
  return true;
}

std::string AbslUnparseFlag(const RepeatedWords& flag) {
  return absl::StrJoin(flag.words, std::string(1, kBetweenWords));
}

Arguments ParseArguments(const Command& command, const std::vector<std::string>& arguments) {
  return ArgumentWalk(command, arguments).Take();
}

}  // namespace bartizan::cli
