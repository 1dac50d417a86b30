// What `bartizan selftest` commits, layer by layer, and what stops it.
#ifndef BARTIZAN_TOOLS_CLI_SELFTEST_PLAN_H_
#define BARTIZAN_TOOLS_CLI_SELFTEST_PLAN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tools/cli/fault_program.h"

namespace bartizan::cli {

struct PlannedFault {
  absl::string_view fault;  // of bartizan-faults
  size_t size;
  bool second_thread;
  Ending ending;
  // The report begins with one of these, separated by "|"; empty where no report is expected.
  absl::string_view report;

  std::vector<std::string> Arguments() const;
  // Whether the run ended as promised.
  bool IsKeptBy(const FaultRun& run) const;
};

struct LayerPlan {
  absl::string_view layer;
  absl::Span<const PlannedFault> faults;
  // Why there is nothing to commit; empty where there is.
  absl::string_view nothing;
  // Put behind the options in force. What becomes of a fault in a sample would be chance.
  absl::string_view options = "sampling=off";
};

// What no option switches off.
const LayerPlan& AlwaysOnPlan();

// The plan for the layer of that name, as the library calls it.
LayerPlan PlanFor(absl::string_view layer);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_SELFTEST_PLAN_H_
