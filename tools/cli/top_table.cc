#include "tools/cli/top_table.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace bartizan::cli {
namespace {

struct ColumnSpec {
  absl::string_view title;
  int width;  // numbers stand to the right
};
constexpr ColumnSpec kSpecs[] = {{"PROCESS", 8},  {"LIVE", 7},    {"COMMIT", 7}, {"RAM", 7},
                                 {"QUARANT", 8},  {"SLOW/s", 8},  {"HEAPS", 6},  {"CAUGHT", 7},
                                 {"PROFILE", -9}, {"PROGRAM", -1}};
static_assert(std::size(kSpecs) == kTopColumns);
constexpr int kHeadLines = 2;

std::string Cell(const TopRow& row, TopColumn column) {
  switch (column) {
    case TopColumn::kProcess:
      return absl::StrCat(row.process);
    case TopColumn::kLive:
      return ShortBytes(row.live_bytes);
    case TopColumn::kCommitted:
      return ShortBytes(row.committed_bytes);
    case TopColumn::kResident:
      return ShortBytes(row.resident_bytes);
    case TopColumn::kQuarantined:
      return ShortBytes(row.quarantined_bytes);
    case TopColumn::kSlowPaths:
      return row.slow_paths_per_second < 0 ? "-"
                                           : absl::StrFormat("%.0f", row.slow_paths_per_second);
    case TopColumn::kHeaps:
      return absl::StrCat(row.heaps);
    case TopColumn::kCaught:
      return absl::StrCat(row.caught);
    case TopColumn::kProfile:
      return row.profile;
    case TopColumn::kProgram:
      return row.program;
  }
  return "";
}

double Key(const TopRow& row, TopColumn column) {
  switch (column) {
    case TopColumn::kLive:
      return static_cast<double>(row.live_bytes);
    case TopColumn::kCommitted:
      return static_cast<double>(row.committed_bytes);
    case TopColumn::kResident:
      return static_cast<double>(row.resident_bytes);
    case TopColumn::kQuarantined:
      return static_cast<double>(row.quarantined_bytes);
    case TopColumn::kSlowPaths:
      return row.slow_paths_per_second;
    case TopColumn::kHeaps:
      return static_cast<double>(row.heaps);
    case TopColumn::kCaught:
      return static_cast<double>(row.caught);
    case TopColumn::kProcess:
    case TopColumn::kProfile:
    case TopColumn::kProgram:
      break;
  }
  return 0;
}

// Foreign names are safe to show.
void Append(absl::string_view text, int width, std::string* line) {
  std::string shown(text);
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (width < 0) {
    absl::StrAppendFormat(line, " %-*s", -width, shown);
  } else {
    absl::StrAppendFormat(line, "%*s", width, shown);
  }
}

std::string Cut(std::string line, int width) {
  if (line.size() > static_cast<size_t>(width)) line.resize(static_cast<size_t>(width));
  return line;
}

std::string Head(const std::vector<TopRow>& rows, const TopScreen& screen) {
  uint64_t live = 0;
  uint64_t committed = 0;
  for (const TopRow& row : rows) {
    live += row.live_bytes;
    committed += row.committed_bytes;
  }
  std::string head = absl::StrCat("bartizan: ", rows.size(), " protected, live ", ShortBytes(live),
                                  ", committed ", ShortBytes(committed));
  if (screen.refused != 0) {
    absl::StrAppend(&head, "; ", screen.refused, " of others may not be looked into");
  }
  return head;
}

}  // namespace

TopColumn NextColumn(TopColumn column, int step) {
  const int next = static_cast<int>(column) + step;
  return static_cast<TopColumn>(std::clamp(next, 0, kTopColumns - 1));
}

void SortRows(TopColumn column, bool reversed, std::vector<TopRow>* rows) {
  const auto before = [column](const TopRow& a, const TopRow& b) {
    if (column == TopColumn::kProfile && a.profile != b.profile) return a.profile < b.profile;
    if (column == TopColumn::kProgram && a.program != b.program) return a.program < b.program;
    const double x = Key(a, column);
    const double y = Key(b, column);
    return x != y ? x > y : a.process < b.process;
  };
  std::sort(rows->begin(), rows->end(), before);
  if (reversed) std::reverse(rows->begin(), rows->end());
}

uint64_t SlowPathsOf(const EngineStatistics& statistics) {
  uint64_t sum = 0;
  for (const auto member : {&HeapCounters::refills, &HeapCounters::ring_spills,
                            &HeapCounters::magazine_spills, &HeapCounters::remote_notices,
                            &HeapCounters::large_allocations, &HeapCounters::large_frees}) {
    sum += statistics.Counter(member);
  }
  return sum;
}

std::string ShortBytes(uint64_t bytes) {
  constexpr absl::string_view kUnits = "KMGTPE";
  if (bytes < 1000) return absl::StrCat(bytes);
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  for (size /= 1024; size >= 999.5; size /= 1024) ++unit;
  if (size < 99.95) return absl::StrFormat("%.1f%c", size, kUnits[unit]);
  return absl::StrFormat("%.0f%c", size, kUnits[unit]);
}

size_t Scrolled(size_t first, int by, size_t rows, int height) {
  const auto shown = static_cast<size_t>(std::max(height - kHeadLines, 1));
  const size_t last = rows > shown ? rows - shown : 0;
  const auto wanted = static_cast<int64_t>(first) + by;
  return std::min(last, static_cast<size_t>(std::max<int64_t>(wanted, 0)));
}

std::vector<std::string> TopLines(const std::vector<TopRow>& rows, const TopScreen& screen) {
  std::vector<std::string> lines = {Head(rows, screen)};
  std::string titles;
  for (int i = 0; i < kTopColumns; ++i) {
    const bool sorted = i == static_cast<int>(screen.column);
    const std::string mark = !sorted ? "" : screen.reversed ? "<" : ">";
    Append(absl::StrCat(mark, kSpecs[i].title), kSpecs[i].width, &titles);
  }
  lines.push_back(titles);
  for (size_t i = screen.first; i < rows.size(); ++i) {
    std::string line;
    for (int c = 0; c < kTopColumns; ++c) {
      Append(Cell(rows[i], static_cast<TopColumn>(c)), kSpecs[c].width, &line);
    }
    lines.push_back(line);
  }
  const auto height = static_cast<size_t>(std::max(screen.height, 0));
  if (lines.size() > height) lines.resize(height);
  for (std::string& line : lines) line = Cut(line, std::max(screen.width, 0));
  return lines;
}

}  // namespace bartizan::cli
