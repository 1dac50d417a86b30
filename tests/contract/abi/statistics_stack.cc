// Statistics as text take no more stack than include/bartizan/bartizan.h promises, so that a signal
// handler may write them.
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "bartizan/bartizan.h"
#include "bartizan/handle.h"
#include "tests/support/allocator.h"

#pragma weak bartizan_statistics_json
#pragma weak bartizan_statistics_prometheus
#pragma weak bartizan_handle_malloc

namespace {

constexpr size_t kPromised = size_t{16} * 1024;
constexpr size_t kStackBytes = 4 * kPromised;
constexpr char kUntouched = 0x5a;

char g_stack[kStackBytes];
char g_text[size_t{256} * 1024];
ucontext_t g_here;
ucontext_t g_there;

void WriteAll() {
  EXPECT(bartizan_statistics_json(g_text, sizeof g_text) > 1000, "no JSON");
  EXPECT(bartizan_statistics_prometheus(g_text, sizeof g_text) > 1000, "no Prometheus text");
}

}  // namespace

int main() {
  if (!test::UnderBartizan()) return 0;
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  EXPECT(bartizan_handle_malloc(10, &handle) == BARTIZAN_HANDLE_OK, "no handle");
  for (size_t bytes = 1; bytes < 100'000; bytes += bytes / 3 + 1) {
    EXPECT(malloc(bytes) != nullptr, "malloc failed");
  }
  memset(g_stack, kUntouched, sizeof g_stack);
  EXPECT(getcontext(&g_there) == 0, "getcontext");
  g_there.uc_stack.ss_sp = g_stack;
  g_there.uc_stack.ss_size = sizeof g_stack;
  g_there.uc_link = &g_here;
  makecontext(&g_there, WriteAll, 0);
  EXPECT(swapcontext(&g_here, &g_there) == 0, "swapcontext");
  size_t untouched = 0;
  while (untouched < kStackBytes && g_stack[untouched] == kUntouched) ++untouched;
  EXPECT(kStackBytes - untouched <= kPromised, "%zu bytes of stack", kStackBytes - untouched);
  return 0;
}
