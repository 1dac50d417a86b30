#include "src/abi/library_calls/library_table.h"

#include "src/platform/memory.h"
#include "src/profiles/dynamic.h"

namespace bartizan::library_calls {

constinit Table g_table = {};

namespace {

// Where another malloc serves the process there are no blocks to stay in.
bool LayerIsOn() {
  return EnsureStarted() && SelectedProfile::Has(CurrentToggles(), Toggle::kBoundedLibc);
}

[[gnu::constructor]] void OnLoad() {
  const bool checked = LayerIsOn();
  FillMemoryCalls(checked);
  FillStringCalls(checked);
  FillWideCalls(checked);
  FillPrintCalls(checked);
  FillInputCalls(checked);
  platform::SealReadOnly(reinterpret_cast<uintptr_t>(&g_table), sizeof g_table);
}

}  // namespace
}  // namespace bartizan::library_calls
