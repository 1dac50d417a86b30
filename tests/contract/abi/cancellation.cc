// Threads that are cancelled while they allocate. malloc and free are no cancellation points, so a
// deferred cancellation never acts inside them: no lock is lost, no block is half freed, and the
// other threads go on.
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kBlocks = 32;

std::atomic<bool> stop = false;
std::atomic<uint64_t> steps = 0;
std::atomic<int> started = 0;
std::atomic<int> cancelled_outside = 0;

struct Worker {
  uint64_t seed;
  // Set while the thread is inside the allocator. Only this thread uses it, in its own order.
  bool inside;
  test::WorkingSet* set;
};

void Unwind(void* argument) {
  Worker* worker = static_cast<Worker*>(argument);
  EXPECT(!worker->inside, "a thread was cancelled inside the allocator");
  worker->set->ReleaseAll();
  cancelled_outside.fetch_add(1);
}

void* AllocateUntilCancelled(void* argument) {
  Worker* worker = static_cast<Worker*>(argument);
  test::Block blocks[kBlocks];
  test::WorkingSet set(blocks, test::MixedSize, worker->seed);
  worker->set = &set;
  worker->inside = false;
  pthread_cleanup_push(Unwind, worker);
  started.fetch_add(1);
  for (;;) {
    asm volatile("" ::: "memory");
    worker->inside = true;
    asm volatile("" ::: "memory");
    set.Steps(50);
    asm volatile("" ::: "memory");
    worker->inside = false;
    asm volatile("" ::: "memory");
    pthread_testcancel();
  }
  pthread_cleanup_pop(0);
  return nullptr;
}

void GoOn(uint64_t seed) {
  test::Block blocks[kBlocks];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  while (!stop.load(std::memory_order_relaxed)) {
    set.Step();
    steps.fetch_add(1, std::memory_order_relaxed);
  }
  set.ReleaseAll();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  int rounds = static_cast<int>(arguments.Amount("rounds", 30, 20000));
  arguments.RejectUnknown();
  test::Watchdog(arguments.Long() ? 1800 : 250, "cancelling threads that allocate");
  std::thread other(GoOn, random.Next());
  for (int i = 0; i < rounds; ++i) {
    Worker workers[2] = {};
    pthread_t threads[2];
    started = 0;
    for (int t = 0; t < 2; ++t) {
      workers[t].seed = random.Next();
      EXPECT(pthread_create(&threads[t], nullptr, AllocateUntilCancelled, &workers[t]) == 0,
             "pthread_create");
    }
    while (started.load() < 2) sched_yield();
    for (uint64_t wait = random.Below(50); wait > 0; --wait) sched_yield();
    for (pthread_t thread : threads) EXPECT(pthread_cancel(thread) == 0, "pthread_cancel");
    uint64_t before = steps.load();
    for (pthread_t thread : threads) {
      void* result = nullptr;
      EXPECT(pthread_join(thread, &result) == 0, "pthread_join");
      EXPECT(result == PTHREAD_CANCELED, "the thread was not cancelled");
    }
    // Whatever the cancelled threads held, another thread can still allocate.
    while (steps.load() < before + 10) sched_yield();
  }
  EXPECT(cancelled_outside.load() == 2 * rounds, "%d threads unwound", cancelled_outside.load());
  stop = true;
  other.join();
  return 0;
}
