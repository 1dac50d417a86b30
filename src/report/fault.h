// What a wild access was, if it was into the heap.
#ifndef BARTIZAN_SRC_REPORT_FAULT_H_
#define BARTIZAN_SRC_REPORT_FAULT_H_

#include "src/platform/fault_signals.h"

namespace bartizan {

// For platform::WatchFaults: reports what a guard, or a freed block's unmapped range, has stopped.
void LookAtFault(const platform::Fault& fault);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_FAULT_H_
