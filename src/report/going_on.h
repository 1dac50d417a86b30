// A report after which the process goes on.
#ifndef BARTIZAN_SRC_REPORT_GOING_ON_H_
#define BARTIZAN_SRC_REPORT_GOING_ON_H_

#include "src/base/violation.h"

namespace bartizan {

// The first ones of a process; the others are silent. Of threads that come at the same time, one
// reports.
void ReportAndGoOn(const Violation& violation);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_GOING_ON_H_
