// The library's constructor. The allocator does not wait for it: the first malloc starts the
// engine. What is left for here is what needs other libraries' constructors; and the destructor.
#include <cstdio>

#include "src/engine/heap_registry.h"
#include "src/engine/runtime.h"
#include "src/leaks/leaks_at_exit.h"
#include "src/options/sealed_page.h"
#include "src/platform/process.h"
#include "src/platform/topology.h"
#include "src/report/exit_summary.h"
#include "src/report/own_statistics.h"

namespace {

[[gnu::constructor]] void OnLoad() {
  if (!bartizan::EnsureStarted()) return;
  if (!bartizan::OptionsInForce().numa) return;
  bartizan::platform::LearnTopology(bartizan::platform::kSystemTopology);
  // This thread's heap was made when there was but one node to know of.
  bartizan::registry::SettleNode();
}

// Runs when the process exits by exit() or by returning from main, after what the program has
// registered with atexit; not after _exit, exec or a signal.
[[gnu::destructor]] void OnExit() {
  if (!bartizan::IsStarted()) return;
  const bartizan::LeaksAtExit leaks = bartizan::FindLeaksAtExit();
  bartizan::WriteExitSummary(leaks.lost);
  bartizan::WriteStatisticsAtExit();
  if (leaks.status == 0) return;
  // As exit() would do next.
  std::fflush(nullptr);
  bartizan::platform::ExitAtOnce(leaks.status);
}

}  // namespace
