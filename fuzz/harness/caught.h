// A report of a violation as a jump out of whatever was being done, instead of the process's end.
// What is left behind is put back by the case's end (world.h).
#ifndef BARTIZAN_FUZZ_HARNESS_CAUGHT_H_
#define BARTIZAN_FUZZ_HARNESS_CAUGHT_H_

#include <csetjmp>

#include "src/base/violation.h"

namespace fuzz {

// Where a report jumps to; nullptr: it ends the process, as it should.
extern std::jmp_buf* g_landing;
// The last one that was caught. Its texts are constants of the library.
extern bartizan::Violation g_caught;

// Where the end of a report, the abort, jumps to; nullptr: it is one.
extern std::jmp_buf* g_abort_landing;
// The report as it is written for real, without the end of the process.
void ReportForReal(const bartizan::Violation& violation);

// Whether the body ran to its end; false: a violation was reported, see g_caught. Objects with
// destructors must not be made inside of the body.
template <class Body>
[[gnu::noinline]] bool Completes(Body body) {
  std::jmp_buf here;
  std::jmp_buf* const outer = g_landing;
  g_landing = &here;
  const bool completed = setjmp(here) == 0;  // NOLINT(modernize-avoid-setjmp-longjmp)
  if (completed) body();
  g_landing = outer;
  return completed;
}

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_CAUGHT_H_
