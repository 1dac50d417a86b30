// Threads that allocate in shared epochs, in scopes and directly, free each other's blocks, close
// epochs under each other, release their own, and fork: blocks keep their contents, and epochs
// without blocks are gone. `epochs [--rounds=N] [--threads=N]`.
#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "bartizan/epoch.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/heap.h"
#include "tests/support/pattern.h"
#include "tests/support/progress.h"
#include "tests/support/random.h"

// The library is preloaded, or linked in.
#pragma weak bartizan_epoch_open
#pragma weak bartizan_epoch_close
#pragma weak bartizan_epoch_release
#pragma weak bartizan_epoch_enter
#pragma weak bartizan_epoch_leave
#pragma weak bartizan_epoch_malloc
#pragma weak bartizan_epoch_list

namespace {

constexpr size_t kEpochs = 6;
constexpr size_t kPlaces = 256;

struct Header {
  uint64_t seed;
  size_t size;  // of what is behind it
};

struct Shared {
  std::mutex lock;
  std::array<bartizan_epoch, kEpochs> epochs;
  std::array<std::atomic<Header*>, kPlaces> places = {};
};

size_t DrawSize(test::Random& random) {
  return random.OneIn(300) ? random.Between(130'000, 400'000) : random.Logarithmic(1, 3000);
}

Header* Fill(void* block, size_t size, uint64_t seed) {
  auto* const header = static_cast<Header*>(block);
  *header = {seed, size};
  test::FillSparse(header + 1, size, seed);
  return header;
}

void Free(Header* block) {
  if (block == nullptr) return;
  test::CheckSparse("block of an epoch", block + 1, block->size, block->seed);
  test::Free(block);
}

class Worker {
 public:
  Worker(Shared& shared, uint64_t seed) : shared_(shared), random_(seed) {}

  void Step() {
    const uint64_t kind = random_.Below(64);
    if (kind == 0) return Replace();
    if (kind == 1) return ReleaseOwn();
    if (kind < 8) return WorkInScope();
    const size_t size = DrawSize(random_);
    bartizan_epoch_status status = BARTIZAN_EPOCH_OK;
    void* const block = bartizan_epoch_malloc(Any(), sizeof(Header) + size, &status);
    const bool gone = status == BARTIZAN_EPOCH_STALE || status == BARTIZAN_EPOCH_CLOSING;
    EXPECT(block != nullptr || gone, "status %d", status);
    if (block != nullptr) Keep(Fill(block, size, random_.Next()));
    if (random_.OneIn(2)) Keep(nullptr);
  }

  // Once all threads are done.
  void CheckReleased() const {
    for (const bartizan_epoch epoch : left_to_others_) {
      const bartizan_epoch_status status = bartizan_epoch_close(epoch, nullptr);
      EXPECT(status == BARTIZAN_EPOCH_STALE, "an epoch released in the end: status %d", status);
    }
  }

 private:
  bartizan_epoch Any() {
    const std::lock_guard guard(shared_.lock);
    return shared_.epochs[random_.Below(kEpochs)];
  }
  void Keep(Header* block) { Free(shared_.places[random_.Below(kPlaces)].exchange(block)); }

  static bartizan_epoch Open() {
    bartizan_epoch epoch;
    const bartizan_epoch_status status = bartizan_epoch_open("stress", &epoch);
    EXPECT(status == BARTIZAN_EPOCH_OK, "open: status %d", status);
    return epoch;
  }

  // One that others may be working in closes.
  void Replace() {
    const bartizan_epoch next = Open();
    bartizan_epoch last;
    {
      const std::lock_guard guard(shared_.lock);
      bartizan_epoch& place = shared_.epochs[random_.Below(kEpochs)];
      last = place;
      place = next;
    }
    const bartizan_epoch_status status = bartizan_epoch_close(last, nullptr);
    EXPECT(status == BARTIZAN_EPOCH_OK, "close: status %d", status);
  }

  void WorkInScope() {
    bartizan_epoch_scope scope;
    if (bartizan_epoch_enter(Any(), 0, &scope) != BARTIZAN_EPOCH_OK) return;
    const uint64_t count = random_.Below(60);
    for (uint64_t i = 0; i < count; ++i) {
      const size_t size = DrawSize(random_);
      Keep(Fill(test::Malloc(sizeof(Header) + size), size, random_.Next()));
    }
    const bartizan_epoch_status status = bartizan_epoch_leave(&scope);
    EXPECT(status == BARTIZAN_EPOCH_OK, "leave: status %d", status);
  }

  void ReleaseOwn() {
    const bartizan_epoch epoch = Open();
    const uint64_t count = random_.Below(200);
    for (uint64_t i = 0; i < count; ++i) {
      const size_t size = DrawSize(random_);
      Header* const block =
          Fill(bartizan_epoch_malloc(epoch, sizeof(Header) + size, nullptr), size, random_.Next());
      if (random_.OneIn(3)) Free(block);
    }
    bartizan_epoch_status status = bartizan_epoch_release(epoch, nullptr);
    EXPECT(status == BARTIZAN_EPOCH_OK, "release: status %d", status);
    // Another thread that was just giving back what rests in it finishes the release.
    status = bartizan_epoch_close(epoch, nullptr);
    const bool released = status == BARTIZAN_EPOCH_STALE || status == BARTIZAN_EPOCH_CLOSING;
    EXPECT(released, "a released epoch: status %d", status);
    if (status == BARTIZAN_EPOCH_CLOSING) left_to_others_.push_back(epoch);
  }

  Shared& shared_;
  test::Random random_;
  std::vector<bartizan_epoch> left_to_others_;
};

void Finish(Shared& shared) {
  for (std::atomic<Header*>& place : shared.places) Free(place.exchange(nullptr));
  for (const bartizan_epoch epoch : shared.epochs) {
    const bartizan_epoch_status status = bartizan_epoch_close(epoch, nullptr);
    EXPECT(status == BARTIZAN_EPOCH_OK, "last close: status %d", status);
  }
}

// Threads that the child does not have may have been anywhere, also holding the lock of this test.
void RunChild(uint64_t seed) {
  auto* const shared = new Shared;
  for (bartizan_epoch& epoch : shared->epochs) bartizan_epoch_open("child", &epoch);
  Worker worker(*shared, seed);
  for (int i = 0; i < 300; ++i) worker.Step();
  worker.CheckReleased();
  Finish(*shared);
  for (const bartizan_epoch epoch : shared->epochs) {
    EXPECT(bartizan_epoch_close(epoch, nullptr) == BARTIZAN_EPOCH_STALE, "an epoch stays");
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  const uint64_t rounds = arguments.Amount("rounds", 100'000, 3'000'000);
  const uint64_t count = arguments.Number("threads", 3);
  const uint64_t forks = arguments.Number("forks", 30);
  arguments.RejectUnknown();
  static Shared shared;
  for (bartizan_epoch& epoch : shared.epochs) bartizan_epoch_open("stress", &epoch);
  std::vector<Worker> workers;
  for (uint64_t i = 0; i < count; ++i) workers.emplace_back(shared, random.Next());
  std::vector<std::thread> threads;
  for (Worker& worker : workers) {
    threads.emplace_back([rounds, &worker] {
      for (uint64_t n = 0; n < rounds; ++n) worker.Step();
    });
  }
  for (uint64_t i = 0; i < forks; ++i) {
    const uint64_t seed = random.Next();
    const test::Ending ending = test::RunInChild("child with epochs", [&] { RunChild(seed); });
    EXPECT(ending.Clean(), "child %d: %s %d", static_cast<int>(i), ending.Kind(), ending.Number());
  }
  for (std::thread& thread : threads) thread.join();
  for (const Worker& worker : workers) worker.CheckReleased();
  Finish(shared);
  return 0;
}
