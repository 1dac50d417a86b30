#include "tools/faults/blocks.h"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace faults {
namespace {

// What one churn allocates: enough for every quarantine of small blocks (at most 1024 slots) and of
// large ones (128 MiB), bounded by what takes some milliseconds.
constexpr size_t kChurnBytes = size_t{256} << 20;
constexpr size_t kMostChurnBlocks = 16384;
constexpr size_t kBatch = 256;
constexpr size_t kMostBatchBytes = size_t{8} << 20;

char source[kMostCopied];

}  // namespace

char* Allocate(size_t size) {
  char* const block = Opaque(static_cast<char*>(malloc(size)));
  if (block == nullptr) Inapplicable("there is no memory");
  memset(block, kContents, size);
  return block;
}

void Free(void* block) { free(Opaque(block)); }

char* Freed(size_t size) {
  char* const block = Allocate(size);
  Free(block);
  return Opaque(block);
}

void* InPassingThread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  void* result = nullptr;
  if (pthread_create(&thread, nullptr, body, argument) != 0) {
    Inapplicable("the system refuses a thread");
  }
  pthread_join(thread, &result);
  return result;
}

void StoreUp(char* from, size_t bytes) {
  volatile char* const to = Opaque(from);
  for (size_t i = 0; i < bytes; ++i) to[i] = kDamage;
}

void StoreDown(char* end, size_t bytes) {
  volatile char* const to = Opaque(end);
  for (size_t i = 1; i <= bytes; ++i) *(to - i) = Unlike(*(to - i));
}

unsigned char Load(const char* from) {
  return static_cast<unsigned char>(*static_cast<const volatile char*>(Opaque(from)));
}

bool ReadsZeros(const char* from, size_t bytes) {
  unsigned char all = 0;
  for (size_t i = 0; i < bytes; ++i) all |= Load(from + i);
  return all == 0;
}

const char* Source(unsigned char filling) {
  memset(source, filling, sizeof source);
  return source;
}

Row::Row(size_t size) {
  for (char*& block : blocks_) block = Allocate(size);
  std::sort(std::begin(blocks_), std::end(blocks_));
  for (size_t i = 1; i < kBlocks; ++i) {
    distance_ = std::min(distance_, static_cast<size_t>(blocks_[i] - blocks_[i - 1]));
  }
}

bool Row::Has(const char* block) const {
  return std::binary_search(std::begin(blocks_), std::end(blocks_), block);
}

size_t Row::IndexWithLowerNeighbour() const {
  for (size_t i = 1; i < kBlocks; ++i) {
    if (static_cast<size_t>(blocks_[i] - blocks_[i - 1]) == distance_) return i;
  }
  return 1;
}

void Row::FreeAllBut(const char* kept) const {
  for (char* block : blocks_) {
    if (block != kept) Free(block);
  }
}

bool Churn(size_t size, const char* watched) {
  const size_t least = std::max<size_t>(size, 1);
  const size_t batch = std::clamp<size_t>(kMostBatchBytes / least, 16, kBatch);
  const size_t blocks = std::clamp<size_t>(kChurnBytes / least, batch, kMostChurnBlocks);
  char* held[kBatch];
  bool seen = false;
  for (size_t done = 0; done < blocks && !seen; done += batch) {
    for (size_t i = 0; i < batch; ++i) {
      held[i] = Opaque(static_cast<char*>(malloc(Opaque(size))));
      seen = seen || (watched != nullptr && held[i] == watched);
    }
    for (size_t i = 0; i < batch; ++i) {
      if (watched == nullptr || held[i] != watched) Free(held[i]);
    }
  }
  return seen;
}

void WriteOutOf(Run& run, const Row& row, char* block, void (*write)(char* block, size_t size)) {
  run.Names(block);
  run.At(Moment::kAccess);
  run.Do([&] { write(block, run.size()); });
  run.At(Moment::kFree);
  run.Do([&] { Free(block); });
  row.FreeAllBut(block);
  run.At(Moment::kReuse);
  Churn(run.size());
  run.Do([&] { Churn(run.size()); });
}

void Groom(size_t size) {
  for (int round = 0; round < 2; ++round) {
    Row row(size);
    row.FreeAllBut(nullptr);
  }
}

}  // namespace faults
