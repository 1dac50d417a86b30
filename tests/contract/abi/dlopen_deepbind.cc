// A library loaded with RTLD_DEEPBIND finds the C library's malloc before the preloaded one. Its
// own pairs of malloc and free stay in that heap, beside ours, from several threads and after fork.
// (Blocks that cross over are the program's mistake; the invalid-free tests cover them.)
#include <dlfcn.h>

#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/library.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kRounds = 2000;

int (*rounds)(int) = nullptr;
void (*touch_thread_local)() = nullptr;

void UseBoth(uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  touch_thread_local();
  for (int i = 0; i < 4; ++i) {
    set.Steps(1000);
    int right = rounds(kRounds);
    EXPECT(right == kRounds, "only %d of %d blocks of the library were right", right, kRounds);
  }
  set.ReleaseAll();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  test::Watchdog(100, "library with RTLD_DEEPBIND");
  test::Path path = test::BesideProgram("libplain_library.so");
  void* library = dlopen(path.text, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  EXPECT(library != nullptr, "%s", dlerror());
  rounds = reinterpret_cast<int (*)(int)>(dlsym(library, "plain_library_rounds"));
  touch_thread_local =
      reinterpret_cast<void (*)()>(dlsym(library, "plain_library_touch_thread_local"));
  EXPECT(rounds != nullptr && touch_thread_local != nullptr, "%s", dlerror());
  UseBoth(1);
  std::thread first(UseBoth, 2);
  std::thread second(UseBoth, 3);
  test::Ending ending = test::RunInChild("fork", [] { UseBoth(4); });
  EXPECT(ending.Clean(), "child: %s %d", ending.Kind(), ending.Number());
  first.join();
  second.join();
  EXPECT(dlclose(library) == 0, "%s", dlerror());
  return 0;
}
