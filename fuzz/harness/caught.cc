#include "fuzz/harness/caught.h"

namespace fuzz {

std::jmp_buf* g_landing = nullptr;
bartizan::Violation g_caught;

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's.
[[noreturn]] void RealReportViolation(const bartizan::Violation&) asm(
    "__real__ZN8bartizan15ReportViolationERKNS_9ViolationE");
[[noreturn]] void ReportViolation(const bartizan::Violation&) asm(
    "__wrap__ZN8bartizan15ReportViolationERKNS_9ViolationE");
void ReportViolation(const bartizan::Violation& violation) {
  if (g_landing == nullptr) RealReportViolation(violation);
  g_caught = violation;
  std::longjmp(*g_landing, 1);  // NOLINT(modernize-avoid-setjmp-longjmp)
}
// NOLINTEND(bugprone-reserved-identifier)

}  // namespace fuzz
