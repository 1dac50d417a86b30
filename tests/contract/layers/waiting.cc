// Prints how long freed blocks wait: how many blocks of the size are freed, at the least, between
// the free of a block and the next allocation that gets its address.
//
// usage: waiting SIZE tight|batch|thread
//   tight   one block, freed and allocated again at once
//   batch   100 blocks freed, then 100 allocated
//   thread  as tight, but another thread frees
// One line: the least distance, and how many distances there were. 0 0 when no address came again.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

namespace {

constexpr int kRounds = 20000;

class Watch {
 public:
  void Freed(const void* block) { freed_[reinterpret_cast<uintptr_t>(block)] = ++frees_; }
  void Allocated(const void* block) {
    const auto found = freed_.find(reinterpret_cast<uintptr_t>(block));
    if (found == freed_.end()) return;
    const uint64_t distance = frees_ - found->second;
    if (least_ == 0 || distance < least_) least_ = distance;
    distances_.insert(distance);
    freed_.erase(found);
  }
  void Print() const {
    printf("%llu %zu\n", static_cast<unsigned long long>(least_), distances_.size());
  }

 private:
  std::map<uintptr_t, uint64_t> freed_;
  std::set<uint64_t> distances_;
  uint64_t frees_ = 0;
  uint64_t least_ = 0;
};

// Frees what it is handed.
class OtherThread {
 public:
  OtherThread() : thread_([this] { Run(); }) {}
  ~OtherThread() {
    block_.store(this);
    block_.notify_one();
    thread_.join();
  }
  void Free(void* block) {
    block_.store(block);
    block_.notify_one();
    block_.wait(block);
  }

 private:
  void Run() {
    for (;;) {
      block_.wait(nullptr);
      void* block = block_.load();
      if (block == this) return;
      free(block);
      block_.store(nullptr);
      block_.notify_one();
    }
  }
  std::atomic<void*> block_{nullptr};
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t size = strtoul(argv[1], nullptr, 10);
  Watch watch;
  if (strcmp(argv[2], "batch") == 0) {
    void* blocks[100];
    for (int round = 0; round < kRounds / 100; ++round) {
      for (void*& block : blocks) watch.Allocated(block = malloc(size));
      for (void* block : blocks) {
        free(block);
        watch.Freed(block);
      }
    }
  } else {
    OtherThread other;
    const bool by_other = strcmp(argv[2], "thread") == 0;
    for (int round = 0; round < kRounds; ++round) {
      void* block = malloc(size);
      watch.Allocated(block);
      by_other ? other.Free(block) : free(block);
      watch.Freed(block);
    }
  }
  watch.Print();
  return 0;
}
