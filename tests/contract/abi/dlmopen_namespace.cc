// A library in a link-map namespace of its own brings its own copy of the C library and of its
// heap. Both heaps work beside each other. A copy of the preloaded allocator in the new namespace,
// where the dynamic linker can load it at all, works too.
#include <dlfcn.h>
#include <stdlib.h>

#include <thread>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/library.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kRounds = 2000;

void UseOurHeap(uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  set.Steps(5000);
  set.ReleaseAll();
}

void UseLibrary(void* library) {
  auto rounds = reinterpret_cast<int (*)(int)>(dlsym(library, "plain_library_rounds"));
  EXPECT(rounds != nullptr, "%s", dlerror());
  for (uint64_t i = 0; i < 4; ++i) {
    int right = rounds(kRounds);
    EXPECT(right == kRounds, "only %d of %d blocks of the library were right", right, kRounds);
    UseOurHeap(i);
  }
}

// The whole life of the second heap is in a child, so that a crash there is reported as such.
void UseSecondCopy(const char* allocator) {
  void* copy = dlmopen(LM_ID_NEWLM, allocator, RTLD_NOW);
  if (copy == nullptr) {
    test::Say("not tried: a second copy in a namespace: %s", dlerror());
    return;
  }
  auto allocate = reinterpret_cast<void* (*)(size_t)>(dlsym(copy, "malloc"));
  auto release = reinterpret_cast<void (*)(void*)>(dlsym(copy, "free"));
  EXPECT(allocate != nullptr && release != nullptr, "%s", dlerror());
  EXPECT(reinterpret_cast<void*>(allocate) != dlsym(RTLD_DEFAULT, "malloc"),
         "it is no second copy");
  for (size_t size = 1; size < 500000; size = size * 2 + 1) {
    void* block = allocate(size);
    EXPECT(block != nullptr, "malloc(%zu) of the second copy", size);
    test::Fill(block, size, size);
    UseOurHeap(size);
    test::Check("block of the second copy", block, size, size);
    release(block);
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  test::Watchdog(100, "library in a namespace");
  test::Path path = test::BesideProgram("libplain_library.so");
  void* library = dlmopen(LM_ID_NEWLM, path.text, RTLD_NOW);
  if (library == nullptr) test::Skip("dlmopen: %s", dlerror());
  UseLibrary(library);
  std::thread(UseLibrary, library).join();
  EXPECT(dlclose(library) == 0, "%s", dlerror());
  UseOurHeap(9);

  const char* allocator = test::ProviderOf("malloc");
  if (strstr(allocator, ".so") == nullptr || test::UnderGlibc()) return 0;
  test::Ending ending =
      test::RunInChild("second copy in a namespace", [=] { UseSecondCopy(allocator); });
  EXPECT(ending.Clean(), "second copy of %s: %s %d", allocator, ending.Kind(), ending.Number());
  return 0;
}
