#include "tests/unit/hardening/caught_violation.h"

namespace bartizan {

void ReportViolation(const Violation& violation) {
  throw CaughtViolation{
      std::string(violation.what), violation.address, violation.slot_bytes,
      violation.requested,         violation.stated,  std::string(violation.detail)};
}

void ReportMistake(const Violation& violation) { ReportViolation(violation); }

void SayDegraded(Degradation) {}

}  // namespace bartizan
