// A function chosen at load time (STT_GNU_IFUNC) whose resolver allocates. The dynamic linker calls
// it while it relocates the executable: no constructor has run. Best effort everywhere: on
// platforms where the C library itself cannot, the resolver would crash without any allocator.
#include <stdlib.h>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"
#include "tests/support/pattern.h"

namespace {

constinit void* small_block = nullptr;
constinit void* large_block = nullptr;

}  // namespace

extern "C" {

int ChosenAnswer() { return 42; }

// No stack protector and no calls but malloc's: nothing is set up yet.
[[gnu::no_stack_protector]] int (*ResolveAnswer())() {
  small_block = malloc(100);
  large_block = malloc(300000);
  free(malloc(24));
  return ChosenAnswer;
}

[[gnu::ifunc("ResolveAnswer")]] int Answer();

}  // extern "C"

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  EXPECT(Answer() == 42, "the resolver's choice was not taken");
  EXPECT(small_block != nullptr && large_block != nullptr, "malloc failed in a resolver");
  test::Fill(small_block, 100, 1);
  test::Fill(large_block, 300000, 2);
  void* fresh = test::Opaque(malloc(100));
  EXPECT(fresh != small_block, "a block of the resolver was issued again");
  test::Fill(fresh, 100, 3);
  test::Check("small block of the resolver", small_block, 100, 1);
  test::Check("large block of the resolver", large_block, 300000, 2);
  free(fresh);
  free(small_block);
  free(large_block);
  return 0;
}
