// The table of `bartizan top`, apart from where it comes from and where it goes.
#ifndef BARTIZAN_TOOLS_CLI_TOP_TABLE_H_
#define BARTIZAN_TOOLS_CLI_TOP_TABLE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/engine/statistics.h"

namespace bartizan::cli {

struct TopRow {
  pid_t process = 0;
  std::string program;
  std::string profile;
  uint64_t live_bytes = 0;
  uint64_t committed_bytes = 0;
  uint64_t resident_bytes = 0;
  uint64_t quarantined_bytes = 0;
  uint64_t heaps = 0;
  uint64_t caught = 0;                // heap errors
  double slow_paths_per_second = -1;  // less than 0: not known yet
};

enum class TopColumn : int {
  kProcess,
  kLive,
  kCommitted,
  kResident,
  kQuarantined,
  kSlowPaths,
  kHeaps,
  kCaught,
  kProfile,
  kProgram,
};
constexpr int kTopColumns = static_cast<int>(TopColumn::kProgram) + 1;

// The other one of the two beside it, or the same at the ends.
TopColumn NextColumn(TopColumn column, int step);

// Numbers the largest first, names in their order; the other way round when reversed.
void SortRows(TopColumn column, bool reversed, std::vector<TopRow>* rows);

// Slow paths of malloc and free since the start of the process.
uint64_t SlowPathsOf(const EngineStatistics& statistics);

// "1.5M": no more than six characters.
std::string ShortBytes(uint64_t bytes);

struct TopScreen {
  int width = 80;
  int height = 24;
  TopColumn column = TopColumn::kLive;
  bool reversed = false;
  size_t first = 0;  // the first row that is shown
  int refused = 0;   // processes that may not be looked into
};

// The lines of a screen, none wider or more than it has room for: what is in force, the titles,
// rows.
std::vector<std::string> TopLines(const std::vector<TopRow>& rows, const TopScreen& screen);
// The row to show first, that many rows further down.
size_t Scrolled(size_t first, int by, size_t rows, int height);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_TOP_TABLE_H_
