// Threads that make, pin, check and free the blocks behind shared handles, which race for each
// other's: a pinned block is the handle's own and whole, one free of each handle succeeds, and what
// was freed resolves never again. `handles [--rounds=N] [--threads=N]`.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "bartizan/handle.h"
#include "tests/support/arguments.h"
#include "tests/support/heap.h"
#include "tests/support/pattern.h"
#include "tests/support/progress.h"
#include "tests/support/random.h"

// The library is preloaded, or linked in.
#pragma weak bartizan_handle_malloc
#pragma weak bartizan_handle_resolve
#pragma weak bartizan_handle_free
#pragma weak bartizan_handle_pin
#pragma weak bartizan_handle_unpin

namespace {

// Few, so that threads meet.
constexpr size_t kPlaces = 32;

struct Header {
  bartizan_handle handle;
  uint64_t seed;
  size_t size;  // of what is behind it
};

struct Shared {
  std::atomic<bartizan_handle> places[kPlaces] = {};
  std::atomic<uint64_t> made = 0;
  std::atomic<uint64_t> freed = 0;
};

bartizan_handle Make(test::Random& random) {
  const size_t size =
      random.OneIn(200) ? random.Between(130'000, 400'000) : random.Logarithmic(1, 3000);
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  const bartizan_handle_status status = bartizan_handle_malloc(sizeof(Header) + size, &handle);
  EXPECT(status == BARTIZAN_HANDLE_OK, "malloc(%zu): status %d", size, status);
  auto* header = static_cast<Header*>(bartizan_handle_resolve(handle));
  EXPECT(header != nullptr, "a new handle does not resolve");
  *header = {handle, random.Next(), size};
  test::FillSparse(header + 1, size, header->seed);
  return handle;
}

void Check(const Header& header, bartizan_handle handle) {
  EXPECT(header.handle == handle, "the block is of handle %#llx, not of %#llx",
         static_cast<unsigned long long>(header.handle), static_cast<unsigned long long>(handle));
  test::CheckSparse("pinned block", &header + 1, header.size, header.seed);
}

bool Free(Shared& shared, bartizan_handle handle) {
  if (bartizan_handle_free(handle) != BARTIZAN_HANDLE_OK) return false;
  shared.freed.fetch_add(1);
  EXPECT(bartizan_handle_resolve(handle) == nullptr, "a freed handle resolves");
  return true;
}

class Worker {
 public:
  Worker(Shared& shared, uint64_t seed) : shared_(shared), random_(seed) {}

  void Step() {
    std::atomic<bartizan_handle>& place = shared_.places[random_.Below(kPlaces)];
    const bartizan_handle handle = place.load();
    switch (random_.Below(8)) {
      case 0:
      case 1: {
        // Whoever else has read the old one races with this free.
        const bartizan_handle old = place.exchange(Make(random_));
        shared_.made.fetch_add(1);
        Bury(old);
        return;
      }
      case 2:
        Bury(handle);
        return;
      case 3:
        CheckDead();
        return;
      default:
        PinAndCheck(handle);
    }
  }

  void CheckAllDead() const {
    for (bartizan_handle handle : dead_) {
      EXPECT(bartizan_handle_resolve(handle) == nullptr, "a freed handle resolves again");
    }
  }

 private:
  void PinAndCheck(bartizan_handle handle) {
    void* block = nullptr;
    if (bartizan_handle_pin(handle, &block) != BARTIZAN_HANDLE_OK) return;
    auto* header = static_cast<Header*>(block);
    Check(*header, handle);
    // Sometimes this thread frees it itself, and goes on with it.
    if (random_.OneIn(16)) Free(shared_, handle);
    if (random_.OneIn(4)) std::this_thread::yield();
    Check(*header, handle);
    bartizan_handle_unpin(handle);
  }

  void Bury(bartizan_handle handle) {
    Free(shared_, handle);
    if (handle == BARTIZAN_NO_HANDLE) return;
    if (dead_.size() < kMostDead) {
      dead_.push_back(handle);
    } else {
      dead_[random_.Below(dead_.size())] = handle;
    }
  }

  void CheckDead() {
    if (dead_.empty()) return;
    const bartizan_handle handle = dead_[random_.Below(dead_.size())];
    void* block = nullptr;
    EXPECT(bartizan_handle_resolve(handle) == nullptr, "a freed handle resolves again");
    EXPECT(bartizan_handle_pin(handle, &block) == BARTIZAN_HANDLE_NOT_LIVE, "and can be pinned");
    EXPECT(bartizan_handle_free(handle) == BARTIZAN_HANDLE_NOT_LIVE, "and can be freed");
  }

  static constexpr size_t kMostDead = 10'000;

  Shared& shared_;
  test::Random random_;
  std::vector<bartizan_handle> dead_;
};

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  const uint64_t rounds = arguments.Amount("rounds", 300'000, 20'000'000);
  const uint64_t count = arguments.Number("threads", 4);
  arguments.RejectUnknown();
  EXPECT(&bartizan_handle_malloc != nullptr, "the library is not preloaded");
  bartizan_statistics before;
  bartizan_statistics after;
  auto shared = std::make_unique<Shared>();
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint64_t i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<Worker>(*shared, random.Next()));
  }
  test::Progress progress("rounds", rounds);
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < count; ++i) {
    threads.emplace_back([&, i] {
      for (uint64_t n = 0; n < rounds; ++n) workers[i]->Step();
    });
  }
  for (uint64_t n = 0; n < rounds; ++n) {
    workers[0]->Step();
    progress.At(n);
  }
  for (std::thread& thread : threads) thread.join();
  const bool has_statistics = test::Statistics(&before);
  uint64_t freed_now = 0;
  for (std::atomic<bartizan_handle>& place : shared->places) {
    if (Free(*shared, place.load())) ++freed_now;
  }
  EXPECT(shared->made == shared->freed, "%llu handles made and %llu freed",
         static_cast<unsigned long long>(shared->made.load()),
         static_cast<unsigned long long>(shared->freed.load()));
  if (has_statistics && test::Statistics(&after)) {
    EXPECT(before.live_blocks == after.live_blocks + freed_now, "a block is left or gone");
  }
  for (const std::unique_ptr<Worker>& worker : workers) worker->CheckAllDead();
  return 0;
}
