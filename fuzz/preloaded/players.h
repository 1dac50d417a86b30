// Threads that do one thing at a time, each when its turn comes: real threads, and every run of an
// input in the same order.
#ifndef BARTIZAN_FUZZ_PRELOADED_PLAYERS_H_
#define BARTIZAN_FUZZ_PRELOADED_PLAYERS_H_

#include <pthread.h>

#include <cstddef>
#include <cstdint>

namespace fuzz {

class Players {
 public:
  // So many play at a time; the others take the places of those that end.
  static constexpr size_t kPlaces = 3;
  static constexpr size_t kThreads = 8;

  // Starts all of them: later on, nobody but the attack has blocks made.
  Players();

  void SwitchTo(size_t place) { place_ = place % kPlaces; }
  // The current one ends, unless there is none to take its place.
  void End();

  // Has the function called by the current thread and waits for it.
  template <class Function>
  void Do(Function function) {
    Give(
        threads_[playing_[place_]], [](void* argument) { (*static_cast<Function*>(argument))(); },
        &function);
  }

  // The bytes from the address on that no thread's own block has.
  size_t OutsideOfThreads(uintptr_t address, size_t size) const;

 private:
  static constexpr size_t kStackBytes = 65536;

  struct Thread {
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*task)(void*);
    void* argument;
    bool over;
    // The C library's table of the thread's variables, which it has from malloc.
    uintptr_t table;
    size_t table_bytes;
    alignas(4096) uint8_t stack[kStackBytes];
  };

  static void* Play(void* thread);
  static void Give(Thread& thread, void (*task)(void*), void* argument);

  // Not from malloc either.
  static Thread threads_[kThreads];
  size_t playing_[kPlaces];
  size_t next_ = kPlaces;
  size_t place_ = 0;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_PRELOADED_PLAYERS_H_
