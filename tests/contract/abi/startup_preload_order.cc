// Another preloaded library whose constructor allocates, before and after the allocator in the
// list: the program runs itself with both orders.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/library.h"
#include "tests/support/working_set.h"

namespace {

void UseHeap() {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, 1);
  set.Steps(10000);
  set.ReleaseAll();
}

void RunWithPreload(char* const* argv, const char* first, const char* second) {
  char preload[2 * PATH_MAX + 32];
  snprintf(preload, sizeof preload, "LD_PRELOAD=%s:%s", first, second);
  test::Ending ending = test::RunInChild("program with two preloaded libraries", [&] {
    char child[] = "--child";
    char* const arguments[] = {argv[0], child, nullptr};
    EXPECT(putenv(preload) == 0, "putenv");
    execv("/proc/self/exe", arguments);
    test::Fail(__FILE__, __LINE__, "execv", "errno %d", errno);
  });
  EXPECT(ending.Clean(), "%s: %s %d", preload, ending.Kind(), ending.Number());
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  bool is_child = arguments.Flag("child");
  arguments.RejectUnknown();
  if (is_child) {
    UseHeap();
    return 0;
  }
  const char* allocator = getenv("LD_PRELOAD");
  if (allocator == nullptr) allocator = "";
  test::Path other = test::BesideProgram("libstartup_library.so");
  RunWithPreload(argv, allocator, other.text);
  RunWithPreload(argv, other.text, allocator);
  return 0;
}
