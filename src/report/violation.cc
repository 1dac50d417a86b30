// The report of a violation, and how the process ends.
#include "src/base/violation.h"

#include <atomic>
#include <new>

#include "src/base/text.h"
#include "src/engine/catches.h"
#include "src/options/options.h"
#include "src/options/sealed_page.h"
#include "src/platform/fault_signals.h"
#include "src/platform/process.h"
#include "src/platform/stack_point.h"
#include "src/report/delivery.h"
#include "src/report/going_on.h"
#include "src/report/report_text.h"

namespace bartizan {
namespace {

// Long enough for a report to reach a slow disk.
constexpr int kWaitForReportMs = 5000;

// --- One report at a time -----------------------------------------------------------------------

// Process and thread that report now; another process's number was inherited, and says nothing.
constinit std::atomic<uint64_t> g_reporting{0};

enum class Turn { kMine, kNested, kOthers };

Turn TakeTurn() {
  const auto process = static_cast<uint64_t>(platform::ProcessId());
  const uint64_t me = process << 32 | static_cast<uint32_t>(platform::ThreadId());
  uint64_t found = 0;
  while (!g_reporting.compare_exchange_weak(found, me, std::memory_order_relaxed)) {
    if (found == me) return Turn::kNested;
    if (found >> 32 == process) return Turn::kOthers;
  }
  return Turn::kMine;
}

void EndTurn() { g_reporting.store(0, std::memory_order_relaxed); }

// --- Writing it ---------------------------------------------------------------------------------

// A signal's stack may be far too small. Whose turn it is has these; pages are not touched before.
constexpr size_t kStackBytes = size_t{64} * 1024;
alignas(64) constinit std::byte g_stack[kStackBytes] = {};
alignas(ReportText) constinit std::byte g_text[sizeof(ReportText)] = {};

void Compose(void* parts) { static_cast<Parts*>(parts)->Details(); }
void ComposeJson(void* parts) { static_cast<Parts*>(parts)->Json(); }

// The thread leaves its stack without the kernel knowing, which must not take it for free.
void OnOwnStack(void (*work)(void*), Parts& parts) {
  const uint64_t mask = platform::BlockSignals();
  platform::CallOnStack(g_stack + kStackBytes, work, &parts);
  platform::RestoreSignals(mask);
}

void Write(const Violation& violation, const platform::StackPoint& from, std::string_view ending) {
  ReportText& text = *new (g_text) ReportText;
  Report report{.violation = violation, .from = from, .ending = ending};
  Parts parts(report, text);
  if (OptionsInForce().report_format == kReportJson) {
    OnOwnStack(ComposeJson, parts);
    Deliver(text.view());
    return;
  }
  // Out at once, whatever comes of the rest: in a sandbox, that may be one system call too many.
  parts.FirstLine();
  Deliver(text.view());
  text.Clear();
  if (DeliversToTerminal()) parts.UseColours();
  OnOwnStack(Compose, parts);
  if (!text.empty()) Deliver(text.view());
}

constexpr std::string_view kCannotGoOn =
    "bartizan: on_error=continue: not after this, what the heap holds cannot be trusted\n";

bool EndsByExit() { return OptionsInForce().on_error == kOnErrorExit; }

void ExitIfWanted() {
  if (EndsByExit()) platform::ExitAtOnce(static_cast<int>(OptionsInForce().exit_code));
}

// A handler of the program that goes on, or comes back to the same access, may bring us here for
// ever; so may mistakes after which the process goes on.
bool IsOneOfTheFirst() {
  constexpr int kMostReports = 16;
  static constinit std::atomic<int> reports{0};
  return reports.load(std::memory_order_relaxed) < kMostReports &&
         reports.fetch_add(1, std::memory_order_relaxed) < kMostReports;
}

// --- What is no violation -----------------------------------------------------------------------

using Line = Text<1024>;

std::string_view TextOf(Degradation what) {
  switch (what) {
    case Degradation::kSlabGuards:
      return "guard_pages: the system refuses guards, or their share of its mappings is used up: "
             "some slabs have none (degraded_guards counts them)";
    case Degradation::kLargeGuards:
      return "guard_pages: so many large blocks live that further ones have no guards "
             "(degraded_guards counts them)";
    case Degradation::kWaits:
      return "quarantine: the system refused memory, or the container's limit is near: freed slots "
             "were given back before their time (shortened_waits counts them)";
  }
  return "";
}

void Say(std::string_view sort, std::string_view what) {
  Line line;
  line << "bartizan: " << sort << ": " << what << ", process " << platform::ProcessId() << " (";
  AppendForeignName(platform::ProgramName(), line);
  line << ") thread " << platform::ThreadId() << "\n";
  Deliver(line.view());
}

}  // namespace

void SayDegraded(Degradation what) {
  static constinit std::atomic<uint32_t> said{0};
  const uint32_t bit = 1u << static_cast<unsigned>(what);
  if ((said.load(std::memory_order_relaxed) & bit) != 0) return;
  if ((said.fetch_or(bit, std::memory_order_relaxed) & bit) != 0) return;
  Say("degraded", TextOf(what));
}

void SayMisuse(std::string_view what) { Say("misuse", what); }

void ReportViolation(const Violation& violation) {
  CountCatch(violation.layer);
  // Several threads may find something at once: the first one reports and ends the process, the
  // others wait for that, though not for ever. A second violation in a signal handler that the
  // first one's end has called only ends the process.
  switch (TakeTurn()) {
    case Turn::kMine:
      Write(violation, platform::HereOnStack(), EndsByExit() ? "exit" : "abort");
      if (OptionsInForce().on_error == kOnErrorContinue) Deliver(kCannotGoOn);
      break;
    case Turn::kNested:
      platform::AbortUnhandled();
    case Turn::kOthers:
      platform::SleepMilliseconds(kWaitForReportMs);
      break;
  }
  ExitIfWanted();
  platform::Abort();
}

void ReportFault(const Violation& violation) {
  CountCatch(violation.layer);
  switch (TakeTurn()) {
    case Turn::kMine:
      if (IsOneOfTheFirst()) {
        Write(violation, platform::InterruptedPoint(violation.context),
              EndsByExit() ? "exit" : "signal");
      }
      ExitIfWanted();
      EndTurn();
      break;
    case Turn::kNested:
      break;
    case Turn::kOthers:
      platform::SleepMilliseconds(kWaitForReportMs);
      break;
  }
}

void ReportAndGoOn(const Violation& violation) {
  CountCatch(violation.layer);
  if (!IsOneOfTheFirst() || TakeTurn() != Turn::kMine) return;
  Write(violation, platform::HereOnStack(), "continue");
  EndTurn();
}

}  // namespace bartizan
