// A heap bug that was caught: what the report is made from. And what is said without ending the
// process.
#ifndef BARTIZAN_SRC_BASE_VIOLATION_H_
#define BARTIZAN_SRC_BASE_VIOLATION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bartizan {

// How memory was accessed, where a report is about an access.
enum class AccessKind : uint8_t { kNone, kUnknown, kRead, kWrite, kExecute };

struct Violation {
  static constexpr size_t kUnknown = SIZE_MAX;

  std::string_view what = {};    // the field's term: "double free"
  std::string_view detail = {};  // what was found, in words
  uintptr_t address = 0;         // the pointer that the program passed, or the block concerned
  size_t slot_bytes = kUnknown;  // the block's size class
  size_t requested = kUnknown;   // bytes the program had asked for
  size_t stated = kUnknown;      // bytes the program claims now, where that is the mistake
  std::string_view advice = {};  // what to do next
  std::string_view layer = {};   // that caught it; none: the engine, which always checks
  // Of the access, where one was stopped or would have been made.
  AccessKind access = AccessKind::kNone;
  size_t access_bytes = kUnknown;
  // Where the program was, when that is not in the caller of what reports: the ucontext_t of a
  // signal.
  const void* context = nullptr;
};

// Prints the report and aborts. Declared here so that every layer can call it; src/report has it.
// Neither allocates nor takes a lock.
[[noreturn]] void ReportViolation(const Violation& violation);

// The same of a mistake that has done no damage: where on_error=continue says so, it returns, and
// the program is served as if it had made none.
void ReportMistake(const Violation& violation);

// The same of a wild access that the processor has stopped: what comes of that is the program's
// business, so this returns. May be called in signal handlers.
void ReportFault(const Violation& violation);

// What a layer cannot keep up because the system refuses what it takes. Counted where it happens.
enum class Degradation { kSlabGuards, kLargeGuards, kWaits };

// Says so, once for each in a process, where reports go. Neither allocates nor takes a lock; errno
// stays.
void SayDegraded(Degradation what);

// A mistake of the program that is not a heap bug, in words; the call that made it fails. Neither
// allocates nor takes a lock; errno stays.
void SayMisuse(std::string_view what);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_VIOLATION_H_
