// Calls of memcpy, snprintf, read and their like that arrive before a preloaded library has been
// relocated, or before its constructor has run.
#include "tests/support/arguments.h"
#include "tests/support/expect.h"

extern "C" const char* early_calls_failure();

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  const char* failure = early_calls_failure();
  EXPECT(failure == nullptr, "wrong: %s", failure);
  return 0;
}
