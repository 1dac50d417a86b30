#include "fuzz/harness/caught.h"

namespace fuzz {

std::jmp_buf* g_landing = nullptr;
std::jmp_buf* g_abort_landing = nullptr;
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

[[noreturn]] void RealAbort() asm("__real__ZN8bartizan8platform5AbortEv");
[[noreturn]] void Abort() asm("__wrap__ZN8bartizan8platform5AbortEv");
void Abort() {
  if (g_abort_landing == nullptr) RealAbort();
  std::longjmp(*g_abort_landing, 1);  // NOLINT(modernize-avoid-setjmp-longjmp)
}
// NOLINTEND(bugprone-reserved-identifier)

void ReportForReal(const bartizan::Violation& violation) {
  std::jmp_buf here;
  g_abort_landing = &here;
  // NOLINTNEXTLINE(modernize-avoid-setjmp-longjmp)
  if (setjmp(here) == 0) RealReportViolation(violation);
  g_abort_landing = nullptr;
}

}  // namespace fuzz
