// Threads of the drivers. Starting one allocates nothing but what the C library does itself.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_THREAD_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_THREAD_H_

#include <pthread.h>
#include <stdlib.h>

#include <atomic>
#include <cstdint>

namespace bench {

// A thread that calls `T::Work()` of one object.
template <typename T>
class Thread {
 public:
  void Start(T& object) {
    if (pthread_create(&thread_, nullptr, Main, &object) != 0) abort();
  }
  void Join() { pthread_join(thread_, nullptr); }

  // Nobody joins it.
  static void StartDetached(T& object) {
    Thread thread;
    thread.Start(object);
    pthread_detach(thread.thread_);
  }

 private:
  static void* Main(void* object) {
    static_cast<T*>(object)->Work();
    return nullptr;
  }

  pthread_t thread_;
};

// Threads that meet.
class Barrier {
 public:
  explicit Barrier(unsigned threads) { pthread_barrier_init(&barrier_, nullptr, threads); }
  ~Barrier() { pthread_barrier_destroy(&barrier_); }
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  void Wait() { pthread_barrier_wait(&barrier_); }

 private:
  pthread_barrier_t barrier_;
};

// A number that threads raise and others wait for. What was written before Raise() is seen after
// WaitFor().
class Milestone {
 public:
  uint32_t Get() const { return value_.load(std::memory_order_acquire); }

  void Raise(uint32_t by = 1) {
    value_.fetch_add(by, std::memory_order_release);  // Pairs with Get().
    value_.notify_all();
  }

  // Until it is `least` or more; wraps round.
  void WaitFor(uint32_t least) const {
    for (uint32_t value = Get(); static_cast<int32_t>(value - least) < 0; value = Get()) {
      value_.wait(value, std::memory_order_acquire);
    }
  }

 private:
  std::atomic<uint32_t> value_ = 0;
};

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_THREAD_H_
