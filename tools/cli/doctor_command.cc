// bartizan doctor PID
#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/cli/command.h"
#include "tools/cli/doctor_rules.h"
#include "tools/cli/json_text.h"
#include "tools/cli/process_statistics.h"
#include "tools/cli/process_words.h"

ABSL_DECLARE_FLAG(bool, json);

namespace bartizan::cli {
namespace {

constexpr int kHealthy = 0;
constexpr int kSomething = 1;
constexpr int kCannotTell = 2;

void PrintText(pid_t process, const std::vector<Diagnosis>& found) {
  if (found.empty()) {
    absl::PrintF("%s: nothing is wrong (%d rules)\n", Named(process), DoctorRules().size());
    return;
  }
  absl::PrintF("%s:\n", Named(process));
  for (const Diagnosis& one : found) {
    absl::PrintF("  %s: %s\n    What to do: %s\n", one.rule, one.what, one.action);
  }
}

void PrintJson(pid_t process, const std::vector<Diagnosis>& found) {
  std::vector<std::string> items;
  items.reserve(found.size());
  for (const Diagnosis& one : found) {
    items.push_back(absl::StrCat("{\"rule\":", JsonText(one.rule), ",\"what\":", JsonText(one.what),
                                 ",\"action\":", JsonText(one.action), "}"));
  }
  absl::PrintF("{\"process\":%d,\"found\":[%s]}\n", process, absl::StrJoin(items, ","));
}

int Doctor(const std::vector<std::string>& words) {
  pid_t process = 0;
  if (words.size() != 1) {
    Complain("doctor: which process?\nTry: bartizan doctor PID");
    return kWrongUse;
  }
  if (!absl::SimpleAtoi(words[0], &process) || process <= 0) {
    Complain(absl::StrCat("doctor: '", words[0], "' is not a process id"));
    return kWrongUse;
  }
  const StatisticsFinding found = ReadProcessStatistics(process, StatisticsRequest{});
  if (found.reading != Reading::kDone) {
    Complain(absl::StrCat("doctor: ", found.message));
    return kCannotTell;
  }
  const ProcessStatistics& of = *found.statistics;
  const std::vector<Diagnosis> diagnoses = Examine({of.statistics, of.info, of.heaps});
  if (absl::GetFlag(FLAGS_json)) {
    PrintJson(process, diagnoses);
  } else {
    PrintText(process, diagnoses);
  }
  return diagnoses.empty() ? kHealthy : kSomething;
}

}  // namespace

const Command kDoctorCommand = {
    .name = "doctor",
    .usage = "[--json] PID",
    .summary = "say what is wrong with the heap of a running process, and what to do",
    .description =
        "It looks as \"bartizan stats\" does, with the same rights.\n"
        "\n"
        "exit codes: 0 nothing is wrong, 1 something is, 2 cannot tell",
    .flags = {"json"},
    .takes_program = false,
    .run = Doctor,
};

}  // namespace bartizan::cli
