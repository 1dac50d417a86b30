// What `bartizan selftest` has found, for people and for programs.
#ifndef BARTIZAN_TOOLS_CLI_SELFTEST_REPORT_H_
#define BARTIZAN_TOOLS_CLI_SELFTEST_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/options/sealed_page.h"
#include "tools/cli/fault_program.h"
#include "tools/cli/selftest_plan.h"

namespace bartizan::cli {

struct CommittedFault {
  PlannedFault planned;
  FaultRun run;

  bool is_caught() const { return planned.IsKeptBy(run); }
};

enum class LayerState { kAlwaysOn, kOn, kOff };

struct LayerResult {
  LayerPlan plan;
  LayerState state = LayerState::kOff;
  std::vector<CommittedFault> faults;

  size_t caught() const;
};

struct SelftestResult {
  ProcessInfo info{};
  std::string library;
  std::vector<LayerResult> layers;

  size_t tried() const;
  size_t caught() const;
  bool passed() const { return tried() == caught(); }
};

std::string TextReport(const SelftestResult& result);
std::string JsonReport(const SelftestResult& result);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_SELFTEST_REPORT_H_
