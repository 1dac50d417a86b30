// bartizan selftest: commits faults in child processes and tells what caught them.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/options/options.h"
#include "tools/cli/arguments.h"
#include "tools/cli/command.h"
#include "tools/cli/fault_program.h"
#include "tools/cli/library_location.h"
#include "tools/cli/preload_list.h"
#include "tools/cli/process_info_reader.h"
#include "tools/cli/requested_options.h"
#include "tools/cli/selftest_plan.h"
#include "tools/cli/selftest_report.h"

ABSL_DECLARE_FLAG(std::string, library);
ABSL_DECLARE_FLAG(bool, json);
ABSL_FLAG(std::string, faults, "", "the program that commits the faults instead of our own");

namespace bartizan::cli {
namespace {

constexpr int kAllCaught = 0;
constexpr int kMissed = 1;

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Says on a terminal what is being done, in one line that goes away.
class Progress {
 public:
  Progress() : shown_(isatty(STDERR_FILENO) != 0) {}
  ~Progress() { Show(""); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(const std::string& text) const {
    if (shown_) std::fprintf(stderr, "\r%s\033[K", text.c_str());
  }

 private:
  const bool shown_;
};

// Where things are, and what is in force there.
struct Setting {
  std::string library;
  std::string program;
  FaultEnvironment environment;
  ProcessInfo info{};
};

// kSuccess, or the exit code after a message.
int FindPrograms(Setting& setting) {
  const LibraryLocation library = LocateLibrary(absl::GetFlag(FLAGS_library), CommandPath());
  if (!library.problem.empty()) {
    Complain(absl::StrCat("selftest: ", library.problem));
    return kLibraryMissing;
  }
  const FaultProgramLocation program =
      LocateFaultProgram(absl::GetFlag(FLAGS_faults), CommandPath());
  if (!program.problem.empty()) {
    Complain(absl::StrCat("selftest: ", program.problem));
    return kLibraryMissing;
  }
  setting.library = library.path;
  setting.program = program.path;
  setting.environment.preload = WithOurLibraryFirst(Environment("LD_PRELOAD"), library.path);
  return kSuccess;
}

std::string WhyNotTested(const ProcessInfoFinding& found) {
  switch (found.finding) {
    case Finding::kPageFound:
      return "another malloc serves the program";
    case Finding::kUnknownLayout:
      return "the library is of a version that this command does not know";
    case Finding::kMayNotRead:
      return absl::StrCat("this user may not look into processes (", std::strerror(found.error),
                          "); run it as root");
    default:
      return "the library was not loaded into it";
  }
}

// Starts the program once to see which options are in force. What the library says of mistakes in
// them appears on our standard error.
int LookAtOptions(RequestedOptions options, Setting& setting) {
  setting.environment.options = options.AppendedTo(Environment(kOptionsVariable));
  const WaitingProgram waiting(setting.program, setting.environment);
  if (!waiting.is_ready()) {
    Complain(absl::StrCat("selftest: ", setting.program, " does not start with ", setting.library));
    return kCannotRun;
  }
  const ProcessInfoFinding found = FindProcessInfo(waiting.process());
  if (found.finding != Finding::kPageFound || found.info.state == StartState::kNotStarted) {
    Complain(absl::StrCat("selftest: cannot test ", setting.library, " with ", setting.program,
                          ": ", WhyNotTested(found)));
    return kCannotRun;
  }
  setting.info = found.info;
  if (setting.info.report_file[0] != '\0') {
    // Reports are to be read here, and are nobody's alarm.
    options.Append("report_file=/dev/stderr");
    setting.environment.options = options.AppendedTo(Environment(kOptionsVariable));
  }
  return kSuccess;
}

std::vector<LayerResult> PlanOf(const ProcessInfo& info) {
  std::vector<LayerResult> layers = {{AlwaysOnPlan(), LayerState::kAlwaysOn, {}}};
  unsigned bit = 0;
  for (absl::string_view name : absl::StrSplit(info.layer_names, ' ', absl::SkipEmpty())) {
    if (bit == 64) break;
    const bool on = ((info.layers_in_force >> bit) & 1) != 0;
    layers.push_back({PlanFor(name), on ? LayerState::kOn : LayerState::kOff, {}});
    // The name in the page outlives the plan's.
    layers.back().plan.layer = name;
    ++bit;
  }
  return layers;
}

void Commit(const Setting& setting, LayerResult& layer, const Progress& progress) {
  if (layer.state == LayerState::kOff) return;
  FaultEnvironment environment = setting.environment;
  absl::StrAppend(&environment.options, ":", layer.plan.options);
  for (const PlannedFault& planned : layer.plan.faults) {
    progress.Show(absl::StrCat(layer.plan.layer, ": ", planned.fault));
    layer.faults.push_back({planned, RunFault(setting.program, planned.Arguments(), environment)});
  }
}

int Selftest(const std::vector<std::string>& words) {
  if (!words.empty()) {
    Complain(absl::StrCat("selftest: takes no arguments, got '", words[0], "'"));
    return kWrongUse;
  }
  const RequestedOptions options("selftest");
  if (!options.valid()) return kWrongUse;
  Setting setting;
  if (const int status = FindPrograms(setting); status != kSuccess) return status;
  // Nobody wants the memory of processes that were made to crash; they inherit this.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (const int status = LookAtOptions(options, setting); status != kSuccess) return status;

  SelftestResult result;
  result.info = setting.info;
  result.library = setting.library;
  result.layers = PlanOf(setting.info);
  {
    const Progress progress;
    for (LayerResult& layer : result.layers) Commit(setting, layer, progress);
  }
  const std::string report = absl::GetFlag(FLAGS_json) ? JsonReport(result) : TextReport(result);
  std::fputs(report.c_str(), stdout);
  return result.passed() ? kAllCaught : kMissed;
}

}  // namespace

const Command kSelftestCommand = {
    .name = "selftest",
    .usage = "[--profile=P] [--set=LAYER=on|off]... [--option=NAME=VALUE]... [--json]",
    .summary = "commit heap faults and tell what caught them",
    .description =
        "Starts a small program with the library and the options in force here (the flags, then\n"
        "BARTIZAN_OPTIONS, then /etc/bartizan.conf), once for each fault: double frees, "
        "overflows,\n"
        "writes after free and more. Prints, layer by layer, what was caught, how, and when: at\n"
        "the access itself, at the call, at free, or at reuse, before the damaged memory was\n"
        "issued again; \"harmless\" is what did no harm: zeros were read. Takes some seconds and\n"
        "leaves no core dumps.\n"
        "\n"
        "exit codes: 0 all that these options promise was caught, 1 something was missed, 2 wrong\n"
        "use, 125 the library or bartizan-faults is missing, 126 the program cannot be run with it",
    .flags = {"profile", "set", "option", "json", "library", "faults"},
    .takes_program = false,
    .run = Selftest,
};

}  // namespace bartizan::cli
