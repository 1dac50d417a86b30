#include "fuzz/preloaded/players.h"

#include <malloc.h>

#include <algorithm>

#include "fuzz/harness/check.h"

namespace fuzz {

Players::Thread Players::threads_[kThreads];

namespace {

// glibc's: the thread pointer points to itself, then comes the table, whose first entry lies before
// it.
struct ThreadHead {
  ThreadHead* self;
  uintptr_t table;
};
constexpr size_t kTableEntry = 16;

}  // namespace

Players::Players() {
  for (Thread& thread : threads_) {
    pthread_mutex_init(&thread.lock, nullptr);
    pthread_cond_init(&thread.changed, nullptr);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, thread.stack, kStackBytes);
    FUZZ_CHECK(pthread_create(&thread.id, &attributes, Play, &thread) == 0, "pthread_create");
    pthread_attr_destroy(&attributes);
    const auto* head = reinterpret_cast<const ThreadHead*>(thread.id);
    thread.table = head->table - kTableEntry;
    thread.table_bytes = malloc_usable_size(reinterpret_cast<void*>(thread.table));
  }
  for (size_t i = 0; i < kPlaces; ++i) playing_[i] = i;
}

void* Players::Play(void* argument) {
  Thread& thread = *static_cast<Thread*>(argument);
  pthread_mutex_lock(&thread.lock);
  for (;;) {
    while (thread.task == nullptr && !thread.over) {
      pthread_cond_wait(&thread.changed, &thread.lock);
    }
    if (thread.task == nullptr) break;
    thread.task(thread.argument);
    thread.task = nullptr;
    pthread_cond_broadcast(&thread.changed);
  }
  pthread_mutex_unlock(&thread.lock);
  return nullptr;
}

void Players::Give(Thread& thread, void (*task)(void*), void* argument) {
  pthread_mutex_lock(&thread.lock);
  thread.task = task;
  thread.argument = argument;
  pthread_cond_broadcast(&thread.changed);
  while (thread.task != nullptr) pthread_cond_wait(&thread.changed, &thread.lock);
  pthread_mutex_unlock(&thread.lock);
}

void Players::End() {
  if (next_ == kThreads) return;
  Thread& thread = threads_[playing_[place_]];
  pthread_mutex_lock(&thread.lock);
  thread.over = true;
  pthread_cond_broadcast(&thread.changed);
  pthread_mutex_unlock(&thread.lock);
  pthread_join(thread.id, nullptr);
  thread.table_bytes = 0;
  playing_[place_] = next_++;
}

size_t Players::OutsideOfThreads(uintptr_t address, size_t size) const {
  for (const Thread& thread : threads_) {
    if (thread.table_bytes == 0 || address >= thread.table + thread.table_bytes) continue;
    size = std::min(size, address >= thread.table ? 0 : thread.table - address);
  }
  return size;
}

}  // namespace fuzz
