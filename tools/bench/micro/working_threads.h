// Threads that all do the same, each with its own data, whenever the clock runs.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_WORKING_THREADS_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_WORKING_THREADS_H_

#include <stdlib.h>

#include <algorithm>
#include <cstdint>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/thread.h"

namespace bench {

// A thread's part: it makes a `Task(number of the thread)` and calls its `Step()` so many times
// each time the gate opens.
template <typename Task>
class Worker {
 public:
  void Prepare(Barrier& gate, uint64_t number, uint64_t steps) {
    gate_ = &gate;
    number_ = number;
    steps_ = steps;
  }
  // Before the gate opens for the last time.
  void End() { steps_ = 0; }

  void Work() {
    Task task(number_);
    for (;;) {
      gate_->Wait();
      if (steps_ == 0) return;
      for (uint64_t i = 0; i < steps_; ++i) task.Step();
      gate_->Wait();
    }
  }

 private:
  Barrier* gate_ = nullptr;
  uint64_t number_ = 0;
  uint64_t steps_ = 0;
};

// Times `steps` steps, shared out among the threads.
template <typename Task>
void MeasureThreads(Run& run, uint64_t threads, uint64_t steps) {
  constexpr size_t kMostThreads = 64;
  if (threads > kMostThreads) abort();
  const uint64_t each = std::max<uint64_t>(steps / threads, 1);
  Barrier gate(static_cast<unsigned>(threads) + 1);
  Worker<Task> workers[kMostThreads];
  Thread<Worker<Task>> running[kMostThreads];
  for (uint64_t i = 0; i < threads; ++i) {
    workers[i].Prepare(gate, i, each);
    running[i].Start(workers[i]);
  }
  run.Repeat(each * threads, [&] {
    gate.Wait();
    gate.Wait();
  });
  for (uint64_t i = 0; i < threads; ++i) workers[i].End();
  gate.Wait();
  for (uint64_t i = 0; i < threads; ++i) running[i].Join();
}

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_WORKING_THREADS_H_
