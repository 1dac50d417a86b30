// bartizan top
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "tools/cli/command.h"
#include "tools/cli/process_statistics.h"
#include "tools/cli/terminal.h"
#include "tools/cli/top_table.h"

ABSL_DECLARE_FLAG(double, interval);
ABSL_FLAG(bool, once, false,
          "one look, as plain text: so it is too where the output is no terminal");

namespace bartizan::cli {
namespace {

using Clock = std::chrono::steady_clock;

class Top {
 public:
  // Looks at all protected processes.
  void Look() {
    rows_.clear();
    std::map<std::pair<pid_t, uint64_t>, Seen> seen;
    const StatisticsRequest request = {.heaps = false, .resident = true};
    for (const ProtectedProcesses::Known& one : processes_.Refresh()) {
      const StatisticsFinding found = ReadProcessStatistics(one.process, one.found, request);
      if (found.reading != Reading::kDone) continue;
      TopRow row = RowOf(*found.statistics);
      const Seen now = {SlowPathsOf(found.statistics->statistics), Clock::now()};
      const auto before = seen_.find({one.process, one.started});
      if (before != seen_.end()) row.slow_paths_per_second = Rate(before->second, now);
      seen[{one.process, one.started}] = now;
      rows_.push_back(std::move(row));
    }
    seen_ = std::move(seen);
    screen_.refused = processes_.refused();
  }

  std::vector<std::string> Lines(int width, int height) {
    screen_.width = width;
    screen_.height = height;
    SortRows(screen_.column, screen_.reversed, &rows_);
    screen_.first = Scrolled(screen_.first, 0, rows_.size(), height);
    return TopLines(rows_, screen_);
  }

  void Press(Key key) {
    const int page = screen_.height / 2;
    if (key == Key::kLeft) screen_.column = NextColumn(screen_.column, -1);
    if (key == Key::kRight) screen_.column = NextColumn(screen_.column, 1);
    if (key == Key::kReverse) screen_.reversed = !screen_.reversed;
    const int by = key == Key::kUp         ? -1
                   : key == Key::kDown     ? 1
                   : key == Key::kPageUp   ? -page
                   : key == Key::kPageDown ? page
                                           : 0;
    screen_.first = Scrolled(screen_.first, by, rows_.size(), screen_.height);
  }

 private:
  struct Seen {
    uint64_t slow_paths;
    Clock::time_point when;
  };

  static double Rate(const Seen& before, const Seen& now) {
    const std::chrono::duration<double> passed = now.when - before.when;
    if (now.slow_paths < before.slow_paths || passed.count() <= 0) return -1;
    return static_cast<double>(now.slow_paths - before.slow_paths) / passed.count();
  }

  static TopRow RowOf(const ProcessStatistics& of) {
    const EngineStatistics& statistics = of.statistics;
    return {.process = of.process,
            .program = of.program,
            .profile = of.info.profile,
            .live_bytes = statistics.small_live_bytes + statistics.large.live_bytes,
            .committed_bytes = statistics.committed_bytes,
            .resident_bytes = of.resident_bytes,
            .quarantined_bytes = statistics.small_quarantined_bytes,
            .heaps = statistics.heaps,
            .caught = statistics.AllCatches()};
  }

  ProtectedProcesses processes_;
  std::map<std::pair<pid_t, uint64_t>, Seen> seen_;
  std::vector<TopRow> rows_;
  TopScreen screen_;
};

int Live(Top& top, std::chrono::milliseconds interval) {
  Terminal terminal;
  auto next = Clock::now();
  for (;;) {
    if (Clock::now() >= next) {
      top.Look();
      next = Clock::now() + interval;
    }
    int width = 0;
    int height = 0;
    terminal.Size(&width, &height);
    terminal.Show(top.Lines(width, height));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now());
    const auto wait = left.count() < 0 ? 0 : left.count() + 1;
    const Key key = terminal.Wait(static_cast<int>(wait));
    if (key == Key::kQuit) return kSuccess;
    top.Press(key);
  }
}

int RunTop(const std::vector<std::string>& words) {
  const double seconds = absl::GetFlag(FLAGS_interval);
  constexpr double kLongest = 86400;
  if (!words.empty() || !(seconds > 0) || seconds > kLongest) {
    Complain(words.empty() ? "top: --interval is more than 0, and a day at most"
                           : "top: takes no process; it shows all");
    return kWrongUse;
  }
  Top top;
  const bool is_terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  if (!absl::GetFlag(FLAGS_once) && is_terminal) {
    return Live(top, std::chrono::milliseconds(1 + static_cast<int64_t>(seconds * 1000)));
  }
  constexpr int kNoLimit = 1 << 20;
  top.Look();
  for (const std::string& line : top.Lines(kNoLimit, kNoLimit)) std::puts(line.c_str());
  return kSuccess;
}

}  // namespace

const Command kTopCommand = {
    .name = "top",
    .usage = "[--interval=SECONDS] [--once]",
    .summary = "show the protected processes of this machine, live",
    .description =
        "keys: left and right choose the column to sort by, r turns the order, up, down and the "
        "page\n"
        "keys scroll, q ends. SLOW/s are slow paths of malloc and free since the last look.\n"
        "\n"
        "Shown are the processes that this user may look into (see \"bartizan help stats\").",
    .flags = {"interval", "once"},
    .takes_program = false,
    .run = RunTop,
};

}  // namespace bartizan::cli
