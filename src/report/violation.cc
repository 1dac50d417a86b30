// The report of a violation: one line, then SIGABRT.
#include "src/base/violation.h"

#include <atomic>

#include "src/base/text.h"
#include "src/options/options.h"
#include "src/options/sealed_page.h"
#include "src/platform/file.h"
#include "src/platform/process.h"

namespace bartizan {
namespace {

using ReportLine = Text<1024>;

// Long enough for a report to reach a slow disk.
constexpr int kWaitForReportMs = 5000;

void FormatProcess(ReportLine& line) {
  line << ", process " << platform::ProcessId() << " (";
  // A file's name may hold anything; the report is one line.
  for (char c : platform::ProgramName()) line << (c < ' ' || c == 0x7f ? '?' : c);
  line << ") thread " << platform::ThreadId();
}

void Format(const Violation& violation, ReportLine& line) {
  line << "bartizan: fatal: " << violation.what << ": " << violation.detail << "; address ";
  line.Hex(violation.address);
  if (violation.slot_bytes != Violation::kUnknown) {
    line << ", size class " << uint64_t{violation.slot_bytes};
  }
  if (violation.requested != Violation::kUnknown) {
    line << ", requested " << uint64_t{violation.requested};
  }
  if (violation.stated != Violation::kUnknown) {
    line << ", stated " << uint64_t{violation.stated};
  }
  FormatProcess(line);
  if (!violation.advice.empty()) line << ". What to do: " << violation.advice;
  line << "\n";
}

// To the file of `report_file`; where that does not work, to standard error, which says so.
void Deliver(std::string_view line) {
  const char* configured = OptionsInForce().report_file;
  if (configured[0] != '\0') {
    ExpandedPath path;
    ExpandProcessId(configured, platform::ProcessId(), path);
    const int file = platform::OpenForAppend(path.c_str());
    if (file >= 0 && platform::WriteAll(file, line)) {
      platform::Close(file);
      return;
    }
    platform::WriteAll(platform::kStandardError, "bartizan: cannot write to report_file\n");
  }
  platform::WriteAll(platform::kStandardError, line);
}

std::string_view TextOf(Degradation what) {
  switch (what) {
    case Degradation::kSlabGuards:
      return "guard_pages: the system refuses guards, or their share of its mappings is used up: "
             "some slabs have none (degraded_guards counts them)";
    case Degradation::kLargeGuards:
      return "guard_pages: so many large blocks live that further ones have no guards "
             "(degraded_guards counts them)";
    case Degradation::kWaits:
      return "quarantine: the system refused memory: freed slots were given back before their time "
             "(shortened_waits counts them)";
  }
  return "";
}

}  // namespace

void SayDegraded(Degradation what) {
  static constinit std::atomic<uint32_t> said{0};
  const uint32_t bit = 1u << static_cast<unsigned>(what);
  if ((said.load(std::memory_order_relaxed) & bit) != 0) return;
  if ((said.fetch_or(bit, std::memory_order_relaxed) & bit) != 0) return;
  ReportLine line;
  line << "bartizan: degraded: " << TextOf(what);
  FormatProcess(line);
  line << "\n";
  Deliver(line.view());
}

void ReportViolation(const Violation& violation) {
  // Several threads may find something at once: the first one reports and ends the process, the
  // others wait for that, though not for ever. A second violation in a signal handler that the
  // first one's end has called only ends the process.
  static constinit std::atomic<int> reporting{0};
  const int me = platform::ThreadId();
  int first = 0;
  if (reporting.compare_exchange_strong(first, me, std::memory_order_relaxed)) {
    ReportLine line;
    Format(violation, line);
    Deliver(line.view());
  } else if (first == me) {
    platform::AbortUnhandled();
  } else {
    platform::SleepMilliseconds(kWaitForReportMs);
  }
  platform::Abort();
}

}  // namespace bartizan
