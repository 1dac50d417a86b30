// What is wrong with a heap, judged by its statistics: each rule a function, without any process.
#ifndef BARTIZAN_TOOLS_CLI_DOCTOR_RULES_H_
#define BARTIZAN_TOOLS_CLI_DOCTOR_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/engine/statistics.h"
#include "src/options/sealed_page.h"

namespace bartizan::cli {

// What a rule looks at.
struct Patient {
  const EngineStatistics& statistics;
  const ProcessInfo& info;
  const std::vector<HeapStatistics>& heaps;
};

struct Diagnosis {
  absl::string_view rule;
  std::string what;    // a sentence with its numbers
  std::string action;  // what to do
};

// Adds what it finds: nothing, one thing, or one for each size class concerned.
struct DoctorRule {
  absl::string_view name;
  void (*examine)(const Patient& patient, std::vector<Diagnosis>* found);
};

// In the order in which they matter. A rule is added by a function and a row.
absl::Span<const DoctorRule> DoctorRules();

std::vector<Diagnosis> Examine(const Patient& patient);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_DOCTOR_RULES_H_
