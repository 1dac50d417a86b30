// Whether the functions that bounded_libc watches do before the library is ready what they do
// afterwards: each of them, on the same arguments.
#include <string.h>

#include "tests/contract/abi/early_functions_library.h"
#include "tests/support/arguments.h"
#include "tests/support/expect.h"

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  size_t compared = 0;
  for (size_t i = 0; i < test::kFunctionCount; ++i) {
    const char* name = test::kFunctions[i].name;
    const test::Written late = test::WrittenBy(test::kFunctions[i]);
    const test::Written& early = test::WrittenEarlyBy(i);
    EXPECT(early.exists == late.exists, "%s was there only once", name);
    EXPECT(memcmp(early.bytes, late.bytes, sizeof late.bytes) == 0, "%s wrote other bytes", name);
    compared += late.exists;
  }
  EXPECT(compared > 70, "only %zu functions were found", compared);
  return 0;
}
