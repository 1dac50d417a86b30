// A violation as an exception, in programs that do not link src/report.
#ifndef BARTIZAN_TESTS_UNIT_HARDENING_CAUGHT_VIOLATION_H_
#define BARTIZAN_TESTS_UNIT_HARDENING_CAUGHT_VIOLATION_H_

#include <cstdint>
#include <string>

#include "src/base/violation.h"

namespace bartizan {

struct CaughtViolation {
  std::string what;
  uintptr_t address;
  size_t slot_bytes;
  size_t requested;
  size_t stated;
  std::string detail;
};

// What the function reports; an empty `what` when it reports nothing.
template <class Function>
CaughtViolation ViolationOf(Function function) {
  try {
    function();
  } catch (const CaughtViolation& caught) {
    return caught;
  }
  return {};
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_HARDENING_CAUGHT_VIOLATION_H_
