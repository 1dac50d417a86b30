// This process's statistics, ready for a writer.
#ifndef BARTIZAN_SRC_REPORT_OWN_STATISTICS_H_
#define BARTIZAN_SRC_REPORT_OWN_STATISTICS_H_

#include <cstddef>

#include "src/report/statistics_writer.h"

namespace bartizan {

// Reads them when it is made. Neither allocates nor takes a lock.
class OwnStatistics {
 public:
  OwnStatistics();
  const EngineStatistics& statistics() const { return statistics_; }
  StatisticsView view() const;

 private:
  EngineStatistics statistics_;
};

using StatisticsForm = void (*)(const StatisticsView& view, Output& out);
inline void WriteOnePrometheus(const StatisticsView& view, Output& out) {
  WriteStatisticsPrometheus(&view, 1, false, out);
}

// As snprintf: fills the buffer as far as it goes, ends it with a zero, and returns the length of
// the whole text.
size_t WriteOwnStatistics(StatisticsForm form, char* buffer, size_t size);

// To the file of the option stats_at_exit, or to standard error; nothing where it is off.
void WriteStatisticsAtExit();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_OWN_STATISTICS_H_
