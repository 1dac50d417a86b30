// Frees and allocations at the very end of threads, and of their blocks afterwards.
//
// Each thread frees from destructors of pthread keys that arm themselves again in every iteration,
// from destructors of C++ thread-local objects, and through a library's dynamic thread-local
// storage, which the C library frees. Blocks it leaves behind are freed by later threads.
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include <atomic>

#include "tests/support/arguments.h"
#include "tests/support/library.h"
#include "tests/support/progress.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kTogether = 4;
constexpr int kLeft = 4;

pthread_key_t key;
std::atomic<uint64_t> destructor_runs = 0;
void (*touch_thread_local)() = nullptr;

struct Rearming {
  int runs = 0;
  test::Block block;
};

// Runs after C++ destructors, PTHREAD_DESTRUCTOR_ITERATIONS times.
void RunAtExit(void* value) {
  Rearming* state = static_cast<Rearming*>(value);
  state->block.CheckContents();
  state->block.Release();
  destructor_runs.fetch_add(1, std::memory_order_relaxed);
  if (++state->runs == PTHREAD_DESTRUCTOR_ITERATIONS) {
    free(state);
    return;
  }
  size_t size = state->runs == 2 ? 300000 : 40 * static_cast<size_t>(state->runs);
  state->block.Allocate(size, destructor_runs.load(std::memory_order_relaxed));
  pthread_setspecific(key, state);
}

struct ThreadLocal {
  test::Block first;
  test::Block second;
  ~ThreadLocal() {
    first.CheckContents();
    first.Release();
    test::Block late;
    late.Allocate(5000, 5);
    second.CheckContents();
    second.Release();
    late.CheckContents();
    late.Release();
  }
};

thread_local ThreadLocal thread_local_blocks;

// Blocks that a thread leaves to the thread that takes its place.
struct Slot {
  test::Block left[kLeft];
  uint64_t seed = 0;
};

void* RunThread(void* argument) {
  Slot* slot = static_cast<Slot*>(argument);
  test::Random random(slot->seed);
  for (test::Block& block : slot->left) {
    if (block.at == nullptr) continue;
    block.CheckContents();
    block.Release();
  }
  Rearming* state = static_cast<Rearming*>(malloc(sizeof(Rearming)));
  EXPECT(state != nullptr, "malloc failed");
  *state = {};
  state->block.Allocate(test::MixedSize(random), random.Next());
  pthread_setspecific(key, state);
  thread_local_blocks.first.Allocate(test::TinySize(random), random.Next());
  thread_local_blocks.second.Allocate(test::MixedSize(random), random.Next());
  touch_thread_local();
  for (test::Block& block : slot->left) {
    block.Allocate(test::BurstySize(random), random.Next());
  }
  return nullptr;
}

void LoadLibrary() {
  test::Path path = test::BesideProgram("libplain_library.so");
  void* library = dlopen(path.text, RTLD_NOW | RTLD_LOCAL);
  EXPECT(library != nullptr, "%s", dlerror());
  touch_thread_local =
      reinterpret_cast<void (*)()>(dlsym(library, "plain_library_touch_thread_local"));
  EXPECT(touch_thread_local != nullptr, "%s", dlerror());
}

// Threads that nobody joins end while the process goes on, and while it ends.
void* RunDetached(void*) {
  test::Block block;
  block.Allocate(100, 1);
  touch_thread_local();
  block.CheckContents();
  block.Release();
  return nullptr;
}

void StartDetached(int count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (int i = 0; i < count; ++i) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, &attributes, RunDetached, nullptr) == 0, "pthread_create");
  }
  pthread_attr_destroy(&attributes);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t threads = arguments.Amount("threads", 20000, 1000000);
  arguments.RejectUnknown();
  test::Watchdog(arguments.Long() ? 3600 : 250, "creating and ending threads");
  EXPECT(pthread_key_create(&key, RunAtExit) == 0, "pthread_key_create");
  LoadLibrary();

  test::Progress progress("threads", threads);
  Slot slots[kTogether];
  uint64_t created = 0;
  while (created < threads) {
    pthread_t running[kTogether];
    for (int i = 0; i < kTogether; ++i) {
      slots[i].seed = random.Next();
      EXPECT(pthread_create(&running[i], nullptr, RunThread, &slots[i]) == 0, "pthread_create");
    }
    for (pthread_t thread : running) EXPECT(pthread_join(thread, nullptr) == 0, "pthread_join");
    created += kTogether;
    // Next time a block is freed by a thread other than the successor of its owner.
    test::Block moved = slots[0].left[0];
    for (int i = 0; i + 1 < kTogether; ++i) slots[i].left[0] = slots[i + 1].left[0];
    slots[kTogether - 1].left[0] = moved;
    progress.At(created);
  }
  uint64_t expected = created * PTHREAD_DESTRUCTOR_ITERATIONS;
  EXPECT(destructor_runs.load() == expected, "destructors ran %llu times",
         static_cast<unsigned long long>(destructor_runs.load()));
  for (Slot& slot : slots) {
    for (test::Block& block : slot.left) {
      block.CheckContents();
      block.Release();
    }
  }
  StartDetached(64);
  return 0;
}
