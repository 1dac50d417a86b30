// Loses what tests/leaks/leaks_command_test.py knows, says so without emptying its buffer, and ends
// as its argument says: "wait" for a byte, then "+"; a number is its exit status; "clean" loses
// nothing.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/leaks/hidden.h"

extern "C" {

struct Pair {
  Pair* other;
  char rest[88];
};

[[gnu::noinline]] void LoseAlone() {
  for (int i = 0; i < 3; ++i) Use(Block(200));
}
[[gnu::noinline]] Pair* MakeFirst() { return static_cast<Pair*>(Block(300)); }
[[gnu::noinline]] Pair* MakeOther() { return static_cast<Pair*>(Block(sizeof(Pair))); }
[[gnu::noinline]] void LosePair() {
  Pair* const first = MakeFirst();
  first->other = MakeOther();
  Use(first);
}

}  // extern "C"

// Far below the frame of main, so that all traces are cleared.
[[gnu::noinline]] static void LoseAll() {
  char distance[4096];
  Use(distance);
  LoseAlone();
  LosePair();
  Use(distance);
}

int main(int argc, char** argv) {
  const char* const what = argc > 1 ? argv[1] : "0";
  std::printf("started\n");
  if (std::strcmp(what, "clean") == 0) return 0;
  const bool waits = std::strcmp(what, "wait") == 0;
  LoseAll();
  if (waits) std::fflush(stdout);
  ClearTraces();
  if (!waits) return std::atoi(what);
  while (WaitHolding(STDIN_FILENO, 0) == 1) {
    if (write(STDOUT_FILENO, "+", 1) != 1) return 1;
  }
  _exit(0);
}
