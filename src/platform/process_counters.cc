#include "src/platform/process_counters.h"

namespace bartizan::platform {

constinit ProcessCounters g_process_counters = {};

}  // namespace bartizan::platform
