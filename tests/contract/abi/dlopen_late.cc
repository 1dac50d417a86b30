// The allocator loaded by dlopen into a process that runs on another one, when little of the
// reserve of static thread-local storage is left. Its heap then serves those who ask it by name.
//
// The library is named by BARTIZAN_LIBRARY, or else by LD_PRELOAD, which is dropped first.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/library.h"
#include "tests/support/pattern.h"

namespace {

constexpr int kMostCopies = 200;
// What the allocator may need, as 64-byte libraries: its own 64 bytes and their alignment.
constexpr int kLeft = 2;

char directory[] = "/tmp/bartizan_dlopen_XXXXXX";

void CopyPath(char (&path)[64], int number) {
  snprintf(path, sizeof path, "%s/%d.so", directory, number);
}

// The dynamic linker loads one file once, so every further load needs a copy.
void CopyLibrary(int number) {
  test::Path original = test::BesideProgram("libstatic_tls_library.so");
  char path[64];
  CopyPath(path, number);
  int from = open(original.text, O_RDONLY | O_CLOEXEC);
  int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  EXPECT(from >= 0 && to >= 0, "copying %s: errno %d", original.text, errno);
  struct stat status;
  EXPECT(fstat(from, &status) == 0, "fstat: errno %d", errno);
  size_t left = static_cast<size_t>(status.st_size);
  while (left > 0) {
    ssize_t copied = sendfile(to, from, nullptr, left);
    EXPECT(copied > 0, "sendfile: errno %d", errno);
    left -= static_cast<size_t>(copied);
  }
  close(from);
  close(to);
}

// Loads up to `most` copies; returns how many the reserve had room for.
int TakeReserve(int most) {
  for (int i = 0; i < most; ++i) {
    char path[64];
    CopyPath(path, i);
    if (dlopen(path, RTLD_NOW | RTLD_LOCAL) == nullptr) return i;
  }
  return most;
}

void RemoveCopies(int count) {
  for (int i = 0; i < count; ++i) {
    char path[64];
    CopyPath(path, i);
    unlink(path);
  }
  rmdir(directory);
}

struct Heap {
  void* (*allocate)(size_t);
  void (*release)(void*);
  void* (*resize)(void*, size_t);
};

void UseHeap(const Heap& heap) {
  for (size_t size = 1; size < 600000; size = size * 3 / 2 + 1) {
    void* block = heap.allocate(size);
    EXPECT(block != nullptr, "malloc(%zu)", size);
    test::Fill(block, size, size);
    block = heap.resize(block, size * 2);
    EXPECT(block != nullptr, "realloc(%zu)", size * 2);
    test::Check("block of the late library", block, size, size);
    heap.release(block);
  }
}

void UseLibrary(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  EXPECT(library != nullptr, "%s", dlerror());
  Heap heap = {reinterpret_cast<void* (*)(size_t)>(dlsym(library, "malloc")),
               reinterpret_cast<void (*)(void*)>(dlsym(library, "free")),
               reinterpret_cast<void* (*)(void*, size_t)>(dlsym(library, "realloc"))};
  EXPECT(heap.allocate != nullptr && heap.release != nullptr && heap.resize != nullptr,
         "%s has no malloc, free or realloc", path);
  EXPECT(reinterpret_cast<void*>(heap.allocate) != reinterpret_cast<void*>(&malloc),
         "the library was already loaded");
  UseHeap(heap);
  std::thread first([&] { UseHeap(heap); });
  std::thread second([&] { UseHeap(heap); });
  first.join();
  second.join();
  void* ours = test::Opaque(malloc(1000));
  free(ours);
  test::Ending ending = test::RunInChild("fork after the late load", [&] { UseHeap(heap); });
  EXPECT(ending.Clean(), "child: %s %d", ending.Kind(), ending.Number());
}

// Empty is the same as unset.
const char* Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

void RunWithoutPreload(char** argv, const char* library) {
  EXPECT(setenv("BARTIZAN_LIBRARY", library, 1) == 0, "setenv");
  unsetenv("LD_PRELOAD");
  execv("/proc/self/exe", argv);
  test::Fail(__FILE__, __LINE__, "execv", "errno %d", errno);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  const char* preloaded = Environment("LD_PRELOAD");
  const char* library = Environment("BARTIZAN_LIBRARY");
  if (library == nullptr) library = preloaded;
  if (library == nullptr) test::Skip("BARTIZAN_LIBRARY names no library");
  if (preloaded != nullptr) RunWithoutPreload(argv, library);
  test::Watchdog(100, "loading the library late");

  EXPECT(mkdtemp(directory) != nullptr, "mkdtemp: errno %d", errno);
  for (int i = 0; i < kMostCopies; ++i) CopyLibrary(i);
  int room = 0;
  test::Ending counted = test::RunInChild("counting", [] { _exit(TakeReserve(kMostCopies)); });
  EXPECT(!counted.Signaled(SIGALRM), "counting the reserve hung");
  room = counted.Number();
  int taken = TakeReserve(room > kLeft ? room - kLeft : 0);
  test::Ending used = test::RunInChild("using the library", [&] { UseLibrary(library); });
  RemoveCopies(kMostCopies);
  EXPECT(used.Clean(), "with %d of %d times 64 bytes taken: %s %d", taken, room, used.Kind(),
         used.Number());
  test::Say("the reserve holds %d times 64 bytes, %d were taken", room, taken);
  return 0;
}
