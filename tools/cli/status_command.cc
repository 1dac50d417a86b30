// bartizan status PID
#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/options/sealed_page.h"
#include "tools/cli/command.h"
#include "tools/cli/process_info_reader.h"
#include "tools/cli/process_memory.h"

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
      {"reports to", info.report_file[0] == '\0' ? "standard error" : info.report_file},
      {"options from", Origin(info)},
  };
  for (const auto& [name, value] : lines) {
    absl::PrintF("  %-13s %s\n", absl::StrCat(name, ":"), value);
  }
}

std::string Named(pid_t process) {
  const std::string name = ProcessName(process);
  return absl::StrCat("process ", process, name.empty() ? "" : absl::StrCat(" (", name, ")"));
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

// What a user can do who may not look.
std::string Advice(int error) {
  if (error != EPERM && error != EACCES) return "";
  std::string advice = "run this as root, or as the user of the process";
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  if (file >> scope && scope > 0) {
    absl::StrAppend(&advice, " after \"sysctl kernel.yama.ptrace_scope=0\" (now ", scope, ")");
  }
  return absl::StrCat("; ", advice);
}

int ReportUnreadable(pid_t process, const ProcessInfoFinding& found) {
  const std::string loaded =
      found.module.empty() ? "" : absl::StrCat(found.module, " is loaded, but ");
  Complain(absl::StrCat("status: cannot tell: ", Named(process), ": ", loaded,
                        "its memory cannot be read (", std::strerror(found.error), ")",
                        Advice(found.error)));
  return kCannotTell;
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
      absl::PrintF("%s: not protected\n", Named(process));
      return kNotProtected;
    case Finding::kNoUserMemory:
      absl::PrintF("%s: not protected: a kernel thread, or a process that has ended\n",
                   Named(process));
      return kNotProtected;
    case Finding::kNoSuchProcess:
      Complain(absl::StrCat("status: there is no process ", process));
      return kCannotTell;
    case Finding::kUnknownLayout:
      Complain(absl::StrCat("status: cannot tell: ", Named(process), ": ", found.module,
                            " is of a version that this command does not know"));
      return kCannotTell;
    case Finding::kMayNotRead:
      return ReportUnreadable(process, found);
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
