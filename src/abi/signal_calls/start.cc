// Wild accesses are watched, and reports tell of blocks, from the library's constructor on.
#include "src/engine/runtime.h"
#include "src/options/sealed_page.h"
#include "src/platform/fault_signals.h"
#include "src/platform/process_malloc.h"
#include "src/report/description.h"
#include "src/report/fault.h"
#include "src/report/near_block.h"

namespace {

[[gnu::constructor]] void OnLoad() {
  if (!bartizan::EnsureStarted()) return bartizan::platform::WhenServing(OnLoad);
  bartizan::SetReportSources(&bartizan::kEngineSources);
  if (bartizan::OptionsInForce().fault_reports)
    bartizan::platform::WatchFaults(bartizan::LookAtFault);
}

}  // namespace
