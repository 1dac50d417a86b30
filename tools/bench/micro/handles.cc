// Handles beside pointers. Only where the malloc that is preloaded has them (bartizan_handle_*).
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"
#include "tools/bench/micro/find.h"
#include "tools/bench/micro/working_threads.h"

namespace bench {
namespace {

constexpr uint64_t kOperations = 10'000;

struct Functions {
  int (*allocate)(size_t size, uint64_t* handle);
  int (*release)(uint64_t handle);
  void* (*resolve)(uint64_t handle);
  int (*pin)(uint64_t handle, void** block);
  void (*unpin)(uint64_t handle);
};
Functions g_handles;

bool FindHandles() {
  const bool found = Find("bartizan_handle_malloc", g_handles.allocate) &&
                     Find("bartizan_handle_free", g_handles.release) &&
                     Find("bartizan_handle_resolve", g_handles.resolve) &&
                     Find("bartizan_handle_pin", g_handles.pin) &&
                     Find("bartizan_handle_unpin", g_handles.unpin);
  if (!found) fputs("bartizan-bench: this malloc has no handles\n", stderr);
  return found;
}

uint64_t Make(size_t size) {
  uint64_t handle = 0;
  if (g_handles.allocate(size, &handle) != 0) abort();
  Touch(g_handles.resolve(handle), size);
  return handle;
}

// How a block is named, and found by its name.
struct ByPointer {
  static uint64_t Name(size_t size) { return reinterpret_cast<uintptr_t>(Allocate(size)); }
  static uint64_t* At(uint64_t name) { return reinterpret_cast<uint64_t*>(name); }
  static void Release(uint64_t name) { free(At(name)); }
};
struct ByHandle {
  static uint64_t Name(size_t size) { return Make(size); }
  static uint64_t* At(uint64_t name) { return static_cast<uint64_t*>(g_handles.resolve(name)); }
  static void Release(uint64_t name) { g_handles.release(name); }
};

constexpr size_t kBytes = 48;

// Blocks in random order.
template <class By>
class Blocks {
 public:
  explicit Blocks(size_t count) : names_(count) {
    for (uint64_t& name : names_) name = By::Name(kBytes);
    Random random(0);
    for (size_t i = count; i > 1; --i) std::swap(names_[i - 1], names_[random.Below(i)]);
  }
  ~Blocks() {
    for (const uint64_t name : names_) By::Release(name);
  }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  Table<uint64_t>& Names() { return names_; }

 private:
  Table<uint64_t> names_;
};

// Each block holds the name of the next: nothing can be done before the last one has been found.
template <class By>
void Walk(Run& run, uint64_t count) {
  if (!FindHandles()) return;
  Blocks<By> blocks(count);
  Table<uint64_t>& names = blocks.Names();
  for (size_t i = 0; i < count; ++i) *By::At(names[i]) = names[(i + 1) % count];
  uint64_t name = names[0];
  const uint64_t operations = run.Amount(kOperations);
  run.Repeat(operations, [&] {
    for (uint64_t i = 0; i < operations; ++i) name = *By::At(name);
  });
  Publish(reinterpret_cast<void*>(name));
}

// One after another from a table of names: the processor finds several at a time.
template <class By>
void Read(Run& run, uint64_t count) {
  if (!FindHandles()) return;
  Blocks<By> blocks(count);
  uint64_t sum = 0;
  const uint64_t rounds = run.Amount(std::max<uint64_t>(kOperations / count, 1));
  run.Repeat(rounds * count, [&] {
    for (uint64_t i = 0; i < rounds; ++i) {
      for (const uint64_t name : blocks.Names()) sum += *By::At(name);
    }
  });
  Publish(reinterpret_cast<void*>(sum));
}

void PinAndUnpin(Run& run, uint64_t count) {
  if (!FindHandles()) return;
  Blocks<ByHandle> blocks(count);
  Random random(0);
  const uint64_t operations = run.Amount(kOperations);
  run.Repeat(operations, [&] {
    for (uint64_t i = 0; i < operations; ++i) {
      const uint64_t handle = blocks.Names()[random.Below(count)];
      void* block = nullptr;
      if (g_handles.pin(handle, &block) != 0) abort();
      Publish(block);
      g_handles.unpin(handle);
    }
  });
}

void Pair(Run& run, uint64_t size) {
  if (!FindHandles()) return;
  const uint64_t operations = run.Amount(kOperations);
  run.Repeat(operations, [=] {
    for (uint64_t i = 0; i < operations; ++i) g_handles.release(Make(size));
  });
}

// As `live` does with malloc: what grows with the number of live handles is their own cost.
void Live(Run& run, uint64_t live) {
  if (!FindHandles()) return;
  constexpr size_t kWindow = 1000;
  const size_t count = std::max<size_t>(run.Amount(live), kWindow);
  Blocks<ByHandle> blocks(count);
  Random random(0);
  const uint64_t operations = run.Amount(kOperations);
  size_t first = 0;
  run.Repeat(operations, [&] {
    first = random.Below(count - kWindow + 1);
    for (uint64_t i = 0; i < operations; ++i) {
      uint64_t& handle = blocks.Names()[first + random.Below(kWindow)];
      g_handles.release(handle);
      handle = Make(kBytes);
    }
  });
}

// One operation: free, malloc and resolve, and a pin and unpin of another one.
class Replacing {
 public:
  explicit Replacing(uint64_t stream) : random_(stream) {
    for (uint64_t& handle : handles_) handle = Make(kBytes);
  }
  ~Replacing() {
    for (const uint64_t handle : handles_) g_handles.release(handle);
  }
  Replacing(const Replacing&) = delete;
  Replacing& operator=(const Replacing&) = delete;

  void Step() {
    uint64_t& handle = handles_[random_.Below(kHandles)];
    g_handles.release(handle);
    handle = Make(kBytes);
    const uint64_t other = handles_[random_.Below(kHandles)];
    void* block = nullptr;
    if (g_handles.pin(other, &block) != 0) abort();
    Publish(block);
    g_handles.unpin(other);
  }

 private:
  static constexpr size_t kHandles = 512;

  Random random_;
  uint64_t handles_[kHandles];
};

void Threads(Run& run, uint64_t threads) {
  if (FindHandles()) MeasureThreads<Replacing>(run, threads, run.Amount(200'000));
}

constexpr uint64_t kCounts[] = {200, 100'000};  // in the first cache, and beyond all but the last
constexpr uint64_t kSizes[] = {48};
constexpr uint64_t kLive[] = {1'000, 10'000, 100'000, 1'000'000, 10'000'000};
constexpr uint64_t kThreadCounts[] = {1, 2, 4, 8, 16};

constexpr Benchmark kList[] = {
    {"pointer-walk", "from one of so many blocks to the next by a pointer in it", kCounts,
     Walk<ByPointer>},
    {"handle-walk", "the same by a handle in it", kCounts, Walk<ByHandle>},
    {"pointer-read", "a word of each of so many blocks, by a table of pointers", kCounts,
     Read<ByPointer>},
    {"handle-read", "the same by a table of handles", kCounts, Read<ByHandle>},
    {"handle-pin", "a pin and an unpin of one of so many handles", kCounts, PinAndUnpin},
    {"handle-pair", "a malloc, a resolve and a free of a handle", kSizes, Pair},
    {"handle-live", "so many live handles, a thousand of which are replaced at a time", kLive,
     Live},
    {"handle-threads", "so many threads, each with 512 live handles of its own", kThreadCounts,
     Threads},
};

}  // namespace

// They are a program of their own.
namespace {
constinit const BenchmarkList kHandles = kList;
constexpr const BenchmarkList* kLists[] = {&kHandles};
}  // namespace

constinit const std::span<const BenchmarkList* const> kAllLists = kLists;

}  // namespace bench
