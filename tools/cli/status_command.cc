// bartizan status PID
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/options/sealed_page.h"
#include "tools/cli/command.h"
#include "tools/cli/process_info_reader.h"
#include "tools/cli/process_words.h"

namespace bartizan::cli {
namespace {

constexpr int kProtected = 0;
constexpr int kNotProtected = 1;
constexpr int kCannotTell = 2;

std::string SizeText(uint64_t bytes) {
  Text<32> text;
  text.Size(bytes);
  return std::string(text.view());
}

absl::string_view OnOff(uint64_t on) { return on != 0 ? "on" : "off"; }

// The names, which the process itself gives, of the bits that are `on` or not.
std::string Layers(const ProcessInfo& info, bool on) {
  std::vector<absl::string_view> names;
  unsigned bit = 0;
  for (absl::string_view name : absl::StrSplit(info.layer_names, ' ', absl::SkipEmpty())) {
    if (bit == 64) break;
    if (((info.layers_in_force >> bit) & 1) == (on ? 1u : 0u)) names.push_back(name);
    ++bit;
  }
  return names.empty() ? "none" : absl::StrJoin(names, " ");
}

std::string Origin(const ProcessInfo& info) {
  std::vector<absl::string_view> sources;
  if (info.from_config_file != 0) sources.push_back(kConfigFile);
  if (info.from_environment != 0) sources.push_back(kOptionsVariable);
  std::string text = sources.empty() ? "the profile's defaults" : absl::StrJoin(sources, " and ");
  if (info.environment_ignored != 0) {
    absl::StrAppend(&text, " (", kOptionsVariable, " ignored: the program gains privileges)");
  }
  return text;
}

std::string Quarantine(const ProcessInfo& info) {
  if (info.quarantine_bytes == 0) return "off";
  return absl::StrCat(SizeText(info.quarantine_bytes), " per thread and size class; large blocks ",
                      SizeText(info.large_quarantine_bytes));
}

std::string Seed(const ProcessInfo& info) {
  if (info.seed == 0) return "none";
  return absl::StrCat(info.seed, " (every secret follows from it: for debugging only)");
}

void PrintInfo(const ProcessInfo& info) {
  const std::pair<absl::string_view, std::string> lines[] = {
      {"profile", info.profile},
      {"layers on", Layers(info, true)},
      {"layers off", Layers(info, false)},
      {"quarantine", Quarantine(info)},
      {"large cache", SizeText(info.large_cache_bytes)},
      {"decay", absl::StrCat(info.decay_ms, " ms")},
      {"huge pages", std::string(OnOff(info.huge_pages))},
      {"numa", std::string(OnOff(info.numa))},
      {"seed", Seed(info)},
      {"reports to", info.report_file[0] == '\0' ? "standard error" : info.report_file},
      {"options from", Origin(info)},
  };
  for (const auto& [name, value] : lines) {
    absl::PrintF("  %-13s %s\n", absl::StrCat(name, ":"), value);
  }
}

int ReportPage(pid_t process, const ProcessInfoFinding& found) {
  if (found.info.state == StartState::kNotStarted) {
    absl::PrintF("%s: not protected: %s is loaded, but another malloc serves the process\n",
                 Named(process), found.module);
    return kNotProtected;
  }
  absl::PrintF("%s: protected by Bartizan %s (%s, %s)%s\n", Named(process),
               found.info.library_version, found.info.variant, found.module,
               found.info.state == StartState::kSealed ? "" : ", which is starting");
  PrintInfo(found.info);
  return kProtected;
}

int Status(const std::vector<std::string>& words) {
  if (words.size() != 1) {
    Complain("status: which process?\nTry: bartizan status PID");
    return kWrongUse;
  }
  pid_t process = 0;
  if (!absl::SimpleAtoi(words[0], &process) || process <= 0) {
    Complain(absl::StrCat("status: '", words[0], "' is not a process id"));
    return kWrongUse;
  }
  const ProcessInfoFinding found = FindProcessInfo(process);
  switch (found.finding) {
    case Finding::kPageFound:
      return ReportPage(process, found);
    case Finding::kNoPage:
    case Finding::kNoUserMemory:
      absl::PrintF("%s\n", Unknown(process, found));
      return kNotProtected;
    case Finding::kNoSuchProcess:
    case Finding::kUnknownLayout:
    case Finding::kMayNotRead:
      Complain(absl::StrCat("status: ", Unknown(process, found)));
      return kCannotTell;
  }
  return kCannotTell;
}

}  // namespace

const Command kStatusCommand = {
    .name = "status",
    .usage = "PID",
    .summary = "tell whether a running process is protected, and with what",
    .description =
        "Reading another process needs the rights of a debugger: run it as root, or as the\n"
        "user of the process where the system allows that.\n"
        "\n"
        "exit codes: 0 protected, 1 not protected, 2 cannot tell",
    .flags = {},
    .takes_program = false,
    .run = Status,
};

}  // namespace bartizan::cli
