// Other libraries' fork handlers allocate and free, in the parent and in the child.
//
// Prepare handlers run in the reverse of the order of registration, so those that were registered
// before the allocator's run after it: handlers are registered before every constructor (and
// before the program's first allocation), and again late, in main.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

std::atomic<bool> stop = false;
std::atomic<int> allocators_started = 0;
std::atomic<int> handlers_run = 0;
bool tried = false;

constexpr size_t kSizes[] = {24, 700, 9000, 400000};
constexpr size_t kCount = sizeof kSizes / sizeof kSizes[0];

// The blocks that one set of handlers carries from prepare to parent and child.
struct Carried {
  void* blocks[kCount];

  void Allocate() {
    for (size_t i = 0; i < kCount; ++i) {
      blocks[i] = malloc(kSizes[i]);
      EXPECT(blocks[i] != nullptr, "malloc(%zu) in a fork handler", kSizes[i]);
      test::FillSparse(blocks[i], kSizes[i], i);
    }
    handlers_run.fetch_add(1);
  }
  void Release() {
    for (size_t i = 0; i < kCount; ++i) {
      void* fresh = test::Opaque(malloc(kSizes[i]));
      test::CheckSparse("block from the prepare handler", blocks[i], kSizes[i], i);
      free(blocks[i]);
      free(fresh);
    }
    handlers_run.fetch_add(1);
  }
};

Carried early;
Carried late;

void PrepareEarly() {
  if (tried) early.Allocate();
}
void AfterEarly() {
  if (tried) early.Release();
}
void PrepareLate() { late.Allocate(); }
void AfterLate() { late.Release(); }

void RegisterEarly(int, char**, char**) { pthread_atfork(PrepareEarly, AfterEarly, AfterEarly); }

[[gnu::section(".preinit_array"), gnu::used]] void (*const register_early)(int, char**,
                                                                           char**) = RegisterEarly;

void Allocate(uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  allocators_started.fetch_add(1);
  while (!stop.load(std::memory_order_relaxed)) set.Step();
  set.ReleaseAll();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  uint64_t forks = arguments.Amount("forks", 500, 10000);
  arguments.RejectUnknown();
  test::Watchdog(arguments.Long() ? 1800 : 250, "fork with handlers that allocate");
  EXPECT(pthread_atfork(PrepareLate, AfterLate, AfterLate) == 0, "pthread_atfork");
  tried = true;

  std::thread first(Allocate, 1);
  std::thread second(Allocate, 2);
  while (allocators_started.load() < 2) std::this_thread::yield();
  for (uint64_t i = 0; i < forks; ++i) {
    int before = handlers_run.load();
    test::Ending ending = test::RunInChild("child", [=] {
      EXPECT(handlers_run.load() == before + 4, "%d handlers ran", handlers_run.load() - before);
    });
    EXPECT(ending.Clean(), "child: %s %d", ending.Kind(), ending.Number());
    EXPECT(handlers_run.load() == before + 4, "%d handlers ran", handlers_run.load() - before);
  }
  stop = true;
  first.join();
  second.join();
  return 0;
}
