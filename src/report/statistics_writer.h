// Statistics of one process or several as text, JSON, Prometheus text, and the XML of malloc_info.
// docs/statistics.md explains every number; docs/statistics.schema.json describes the JSON.
#ifndef BARTIZAN_SRC_REPORT_STATISTICS_WRITER_H_
#define BARTIZAN_SRC_REPORT_STATISTICS_WRITER_H_

#include <cstdint>
#include <string_view>

#include "src/engine/statistics.h"
#include "src/options/sealed_page.h"
#include "src/report/output.h"

namespace bartizan {

// Raised when a member of the JSON is removed or changes its meaning; new ones come without.
inline constexpr uint64_t kStatisticsVersion = 1;

// Where the numbers of single heaps come from: there may be too many to keep.
struct HeapSource {
  bool (*read)(void* context, HeapId id, HeapStatistics* out);
  void* context;
  uint32_t limit;  // one past the highest id
};

// What writers are given of a process.
struct StatisticsView {
  const EngineStatistics* statistics;
  const ProcessInfo* info;
  HeapSource heaps;
  uint64_t process;
  std::string_view program;
  bool knows_resident = false;
  uint64_t resident_bytes = 0;
};

// One line without its end.
void WriteStatisticsJson(const StatisticsView& view, Output& out);
// For people: a page.
void WriteStatisticsText(const StatisticsView& view, Output& out);
// With `labelled`, every sample tells its process and program.
void WriteStatisticsPrometheus(const StatisticsView* views, size_t count, bool labelled,
                               Output& out);
// What malloc_info prints.
void WriteStatisticsXml(const StatisticsView& view, Output& out);

// Gauges of a whole process: what JSON, Prometheus and text have in common.
struct TotalSpec {
  std::string_view name;
  std::string_view help;
  uint64_t (*value)(const EngineStatistics& statistics);
};
// Of a size class that is in use.
struct ClassSpec {
  std::string_view name;
  std::string_view help;
  uint64_t (*value)(const ClassStatistics& statistics);
};

struct TotalSpecs {
  const TotalSpec* begin_;
  const TotalSpec* end_;
  const TotalSpec* begin() const { return begin_; }
  const TotalSpec* end() const { return end_; }
};
struct ClassSpecs {
  const ClassSpec* begin_;
  const ClassSpec* end_;
  const ClassSpec* begin() const { return begin_; }
  const ClassSpec* end() const { return end_; }
};
TotalSpecs Totals();
TotalSpecs LargeTotals();
TotalSpecs HandleTotals();
TotalSpecs SamplingTotals();
TotalSpecs Degradations();
TotalSpecs ContainerTotals();
ClassSpecs ClassGauges();

inline bool IsUsed(const ClassStatistics& statistics) {
  return statistics.slabs() != 0 || statistics.pooled_slabs != 0;
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_STATISTICS_WRITER_H_
