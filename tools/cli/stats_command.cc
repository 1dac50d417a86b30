// bartizan stats PID
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/report/statistics_writer.h"
#include "tools/cli/command.h"
#include "tools/cli/process_statistics.h"

ABSL_DECLARE_FLAG(bool, json);
ABSL_FLAG(bool, prometheus, false, "in the text format of Prometheus");
ABSL_FLAG(bool, all, false, "all protected processes that may be looked into");
ABSL_FLAG(bool, watch, false, "again and again, until the process ends");
ABSL_FLAG(bool, resident, true, "also what is in RAM, from /proc/PID/smaps");
ABSL_FLAG(double, interval, 2, "seconds between two looks");
ABSL_FLAG(int, count, 0, "looks of --watch; 0 is without end");

namespace bartizan::cli {
namespace {

constexpr int kSuccessCode = 0;
constexpr int kNotProtectedCode = 1;
constexpr int kCannotTellCode = 2;

using All = std::vector<std::unique_ptr<ProcessStatistics>>;

void Print(void*, std::string_view part) { std::fwrite(part.data(), 1, part.size(), stdout); }

void PrintAll(const All& all) {
  Output out(Print, nullptr);
  std::vector<StatisticsView> views;
  views.reserve(all.size());
  for (const auto& one : all) views.push_back(one->View());
  if (absl::GetFlag(FLAGS_prometheus)) {
    WriteStatisticsPrometheus(views.data(), views.size(), true, out);
    return;
  }
  for (const StatisticsView& view : views) {
    if (absl::GetFlag(FLAGS_json)) {
      WriteStatisticsJson(view, out);
      out << '\n';
    } else {
      WriteStatisticsText(view, out);
    }
  }
}

// Reads the processes; complains of those that cannot be read. The exit code is the worst one's.
int ReadAll(const std::vector<pid_t>& processes, const StatisticsRequest& request, All* all) {
  int code = kSuccessCode;
  for (const pid_t process : processes) {
    StatisticsFinding found = ReadProcessStatistics(process, request);
    if (found.reading == Reading::kDone) {
      all->push_back(std::move(found.statistics));
      continue;
    }
    Complain(absl::StrCat("stats: ", found.message));
    const int own = found.reading == Reading::kNotProtected ? kNotProtectedCode : kCannotTellCode;
    code = own > code ? own : code;
  }
  return code;
}

// Whoever cannot be read is no news here: there are always some.
void ReadProtected(ProtectedProcesses& known, const StatisticsRequest& request, All* all) {
  for (const ProtectedProcesses::Known& one : known.Refresh()) {
    StatisticsFinding found = ReadProcessStatistics(one.process, one.found, request);
    if (found.reading == Reading::kDone) all->push_back(std::move(found.statistics));
  }
}

int Once(const std::vector<pid_t>& processes, ProtectedProcesses& known) {
  const bool text_forms = !absl::GetFlag(FLAGS_json) && !absl::GetFlag(FLAGS_prometheus);
  const StatisticsRequest request = {.heaps = absl::GetFlag(FLAGS_json),
                                     .resident = absl::GetFlag(FLAGS_resident)};
  All all;
  int code = kSuccessCode;
  if (absl::GetFlag(FLAGS_all)) {
    ReadProtected(known, request, &all);
    if (all.empty() && text_forms) {
      std::puts("no protected process that this user may look into");
    }
  } else {
    code = ReadAll(processes, request, &all);
  }
  PrintAll(all);
  return std::fflush(stdout) == 0 ? code : kWrongUse;
}

int Watch(const std::vector<pid_t>& processes, ProtectedProcesses& known) {
  const bool clears =
      isatty(STDOUT_FILENO) != 0 && !absl::GetFlag(FLAGS_json) && !absl::GetFlag(FLAGS_prometheus);
  const std::chrono::duration<double> interval(absl::GetFlag(FLAGS_interval));
  const int count = absl::GetFlag(FLAGS_count);
  for (int i = 0; count == 0 || i < count; ++i) {
    if (i != 0) std::this_thread::sleep_for(interval);
    if (clears) std::fputs("\x1b[H\x1b[2J", stdout);
    const int code = Once(processes, known);
    // The process has ended, after it was seen: that is what was waited for.
    if (code != kSuccessCode) return i == 0 ? code : kSuccessCode;
  }
  return kSuccessCode;
}

int Stats(const std::vector<std::string>& words) {
  const bool all = absl::GetFlag(FLAGS_all);
  if (words.empty() != all) {
    Complain(all ? "stats: --all takes no process"
                 : "stats: which process?\n"
                   "Try: bartizan stats PID");
    return kWrongUse;
  }
  if (absl::GetFlag(FLAGS_json) && absl::GetFlag(FLAGS_prometheus)) {
    Complain("stats: --json or --prometheus, not both");
    return kWrongUse;
  }
  if (!(absl::GetFlag(FLAGS_interval) > 0) || absl::GetFlag(FLAGS_count) < 0) {
    Complain("stats: --interval is more than 0, --count not less");
    return kWrongUse;
  }
  std::vector<pid_t> processes;
  for (const std::string& word : words) {
    pid_t process = 0;
    if (!absl::SimpleAtoi(word, &process) || process <= 0) {
      Complain(absl::StrCat("stats: '", word, "' is not a process id"));
      return kWrongUse;
    }
    processes.push_back(process);
  }
  ProtectedProcesses known;
  return absl::GetFlag(FLAGS_watch) ? Watch(processes, known) : Once(processes, known);
}

}  // namespace

const Command kStatsCommand = {
    .name = "stats",
    .usage = "[--json|--prometheus] [--watch] PID...|--all",
    .summary = "tell what the heap of a running process holds and does",
    .description =
        "Reads the process's memory, without its help and without stopping it. That needs the "
        "rights\n"
        "of a debugger: run it as root, or as the user of the process where the system allows "
        "that.\n"
        "docs/statistics.md explains the numbers.\n"
        "\n"
        "exit codes: 0 told, 1 not protected, 2 cannot tell",
    .flags = {"json", "prometheus", "all", "watch", "interval", "count", "resident"},
    .takes_program = false,
    .run = Stats,
};

}  // namespace bartizan::cli
