// bartizan run: sets the environment and becomes the program.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/options/options.h"
#include "tools/cli/arguments.h"
#include "tools/cli/command.h"
#include "tools/cli/library_location.h"
#include "tools/cli/preload_list.h"
#include "tools/cli/program_file.h"
#include "tools/cli/string_views.h"
#include "tools/cli/suggestion.h"

ABSL_FLAG(std::string, profile, "", "fast, hardened (the default) or strict");
ABSL_FLAG(bartizan::cli::RepeatedWords, set, {},
          "LAYER=on or LAYER=off; may be repeated, or a list with commas");
ABSL_FLAG(bartizan::cli::RepeatedWords, option, {},
          "NAME=VALUE, any option (see \"bartizan options\"); may be repeated");
ABSL_FLAG(bool, off, false, "run the program without the library");
ABSL_FLAG(std::string, library, "", "the library to preload instead of this command's own");

namespace bartizan::cli {
namespace {

constexpr char kPreloadVariable[] = "LD_PRELOAD";
constexpr char kSystemPreloadFile[] = "/etc/ld.so.preload";

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The options of the command line, checked. Nothing is checked twice: the library's own parser says
// what is wrong.
class RequestedOptions {
 public:
  RequestedOptions() {
    const std::string profile = absl::GetFlag(FLAGS_profile);
    if (!profile.empty()) Add(absl::StrCat("profile=", profile));
    for (const std::string& word : absl::GetFlag(FLAGS_option).words) Add(word);
    for (const std::string& words : absl::GetFlag(FLAGS_set).words) {
      for (absl::string_view word : absl::StrSplit(words, ',', absl::SkipEmpty())) AddLayer(word);
    }
  }

  bool valid() const { return valid_; }
  bool empty() const { return words_.empty(); }

  // `existing` and then ours, which wins.
  std::string AppendedTo(absl::string_view existing) const {
    std::vector<std::string> all;
    if (!existing.empty()) all.emplace_back(existing);
    for (const std::string& word : words_) {
      all.push_back(absl::StrReplaceAll(word, {{":", "\\:"}}));
    }
    return absl::StrJoin(all, ":");
  }

 private:
  static void ReceiveMessage(void* self, std::string_view line) {
    static_cast<RequestedOptions*>(self)->valid_ = false;
    std::fprintf(stderr, "%s\n", std::string(line).c_str());
  }

  void Add(absl::string_view word) {
    Options scratch = DefaultsOf(ProfileId::kHardened);
    ApplyText(StdView(word), {SourceKind::kCommandLine, "run"}, scratch, {ReceiveMessage, this});
    words_.emplace_back(word);
  }

  void AddLayer(absl::string_view word) {
    const absl::string_view name = word.substr(0, word.find('='));
    const OptionSpec* const spec = FindOption(StdView(name));
    if (spec != nullptr && spec->is_layer()) return Add(word);
    valid_ = false;
    if (spec != nullptr) {
      Complain(absl::StrCat("run: '", name, "' is not a layer; use --option=", word));
      return;
    }
    Suggestion suggestion(name);
    for (size_t i = 0; i < kToggleCount; ++i)
      suggestion.Offer(AbslView(NameOf(static_cast<Toggle>(i))));
    Complain(absl::StrCat("run: unknown layer '", name, "'",
                          suggestion.Ending("; \"bartizan options\" lists them")));
  }

  std::vector<std::string> words_;
  bool valid_ = true;
};

void SetPreload(const std::string& list) {
  if (list.empty()) {
    unsetenv(kPreloadVariable);
  } else {
    setenv(kPreloadVariable, list.c_str(), 1);
  }
}

void RunWithoutLibrary() {
  SetPreload(WithoutOurLibrary(Environment(kPreloadVariable)));
  std::ifstream file(kSystemPreloadFile);
  std::string line;
  while (std::getline(file, line)) {
    if (WithoutOurLibrary(line) == line) continue;
    Complain(absl::StrCat("run: warning: ", kSystemPreloadFile,
                          " still loads the library into every program"));
  }
}

// kSuccess, or the exit code after a message.
int RunWithLibrary(const RequestedOptions& options, const std::string& program) {
  const LibraryLocation library = LocateLibrary(absl::GetFlag(FLAGS_library), CommandPath());
  if (!library.problem.empty()) {
    Complain(absl::StrCat("run: ", library.problem));
    return kLibraryMissing;
  }
  const std::string no_effect = WhyPreloadHasNoEffect(program);
  if (!no_effect.empty()) {
    Complain(
        absl::StrCat("run: warning: ", no_effect, ": a preloaded library has no effect on it"));
  }
  SetPreload(WithOurLibraryFirst(Environment(kPreloadVariable), library.path));
  if (!options.empty()) {
    setenv(kOptionsVariable, options.AppendedTo(Environment(kOptionsVariable)).c_str(), 1);
  }
  return kSuccess;
}

int CannotRun(const std::string& name, absl::string_view problem) {
  Complain(absl::StrCat("run: ", name, ": ", problem));
  return kCannotRun;
}

// Returns only when the program cannot be started.
int Become(const std::vector<std::string>& words, const std::string& path) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  if (error == ENOENT) {
    const std::string interpreter = InterpreterOf(path);
    if (!interpreter.empty()) {
      return CannotRun(words[0], absl::StrCat("its interpreter ", interpreter, " is missing"));
    }
  }
  return CannotRun(words[0], std::strerror(error));
}

int Run(const std::vector<std::string>& words) {
  if (words.empty()) {
    Complain("run: which program?\nTry: bartizan run -- PROGRAM [ARGS]");
    return kWrongUse;
  }
  const bool off = absl::GetFlag(FLAGS_off);
  const RequestedOptions options;
  if (!options.valid()) return kWrongUse;
  if (off && (!options.empty() || !absl::GetFlag(FLAGS_library).empty())) {
    Complain("run: --off runs the program without the library; leave the other flags out");
    return kWrongUse;
  }
  const ProgramFile program = FindProgram(words[0]);
  if (program.path.empty()) {
    Complain(absl::StrCat("run: ", words[0], ": program not found: ", program.problem));
    return kNotFound;
  }
  if (!program.problem.empty()) return CannotRun(words[0], program.problem);
  if (off) {
    RunWithoutLibrary();
  } else if (const int status = RunWithLibrary(options, program.path); status != kSuccess) {
    return status;
  }
  return Become(words, program.path);
}

}  // namespace

const Command kRunCommand = {
    .name = "run",
    .usage =
        "[--profile=P] [--set=LAYER=on|off]... [--option=NAME=VALUE]... [--off] [--] PROGRAM "
        "[ARGS]",
    .summary = "run a program with the library",
    .description =
        "The command becomes the program: exit code, signals, input and output are its own.\n"
        "LD_PRELOAD and BARTIZAN_OPTIONS go on to the programs that it starts; what they had\n"
        "before stays, after our library and before our options, which win.\n"
        "\n"
        "examples:\n"
        "  bartizan run -- nginx -g 'daemon off;'\n"
        "  bartizan run --profile=strict --set=quarantine=off -- ./program\n"
        "  bartizan run --option=report_file=/tmp/report-%p --option=verbose ./program\n"
        "\n"
        "exit codes of its own: 2 wrong use, 125 library missing, 126 program cannot be run,\n"
        "127 program not found",
    .flags = {"profile", "set", "option", "off", "library"},
    .takes_program = true,
    .run = Run,
};

}  // namespace bartizan::cli
