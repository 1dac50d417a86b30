// Allocation before main, as early as a program can do it: in .preinit_array of the executable (it
// runs before every constructor), in a library's constructors, in constructors of the executable of
// the first priority, and after main: in atexit handlers and destructors.
#include <stdlib.h>
#include <unistd.h>

#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/working_set.h"

extern "C" int startup_library_intact_blocks();

namespace {

constexpr int kBlocks = 64;

// Plain memory: nothing else is initialised when the first of these runs.
struct Early {
  test::Block blocks[kBlocks];
  int stage;

  void Allocate(uint64_t seed) {
    test::Random random(seed);
    for (test::Block& block : blocks) block.Allocate(test::BurstySize(random), random.Next());
    stage = 1;
  }
  void Check(const char* what) const {
    EXPECT(stage == 1, "%s did not run", what);
    for (const test::Block& block : blocks) block.CheckContents();
  }
  void Release() {
    for (test::Block& block : blocks) block.Release();
  }
};

constinit Early before_constructors = {};
constinit Early first_constructor = {};
constinit Early after_main = {};

void RunBeforeConstructors(int, char**, char**) { before_constructors.Allocate(1); }

[[gnu::section(".preinit_array"), gnu::used]] void (*const preinit)(int, char**,
                                                                    char**) = RunBeforeConstructors;

// A thread and a fork before main are unusual, and some libraries do both.
[[gnu::constructor(101)]] void RunFirst() {
  first_constructor.Allocate(2);
  std::thread([] {
    before_constructors.Check("preinit");
    test::Block block;
    block.Allocate(1000, 3);
    block.CheckContents();
    block.Release();
  }).join();
}

void RunAtExit() {
  after_main.Check("main");
  after_main.Release();
}

[[gnu::destructor(101)]] void RunLast() {
  first_constructor.Check("constructor");
  first_constructor.Release();
  before_constructors.Release();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  EXPECT(startup_library_intact_blocks() == 5, "the library's constructor did not allocate");
  before_constructors.Check("preinit");
  first_constructor.Check("constructor");
  after_main.Allocate(4);
  EXPECT(atexit(RunAtExit) == 0, "atexit");
  return 0;
}
