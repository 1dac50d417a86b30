#include "tools/bench/given_back/heap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "bartizan/bartizan.h"

// Other allocators have none of these.
#pragma weak bartizan_get_statistics
#pragma weak bartizan_epoch_open
#pragma weak bartizan_epoch_enter
#pragma weak bartizan_epoch_leave
#pragma weak bartizan_epoch_close

namespace given_back {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kOneLargeIn = 1000;

// The drivers' own memory, which is always resident.
uint64_t driver_bytes = 0;

uint64_t ResidentBytes() {
  char text[128] = {};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, text, sizeof text - 1) <= 0) Fail("/proc is not mounted");
  close(file);
  char* second = nullptr;
  strtoull(text, &second, 10);
  return strtoull(second, nullptr, 10) * kPage;
}

}  // namespace

void Fail(const char* what) {
  fprintf(stderr, "FAIL: %s\n", what);
  _exit(1);
}

bool KnowsCommitted() { return &bartizan_get_statistics != nullptr; }

bool HasEpochs() { return &bartizan_epoch_open != nullptr; }

Held Look() {
  Held held = {.resident = ResidentBytes() - driver_bytes};
  if (KnowsCommitted()) {
    bartizan_statistics statistics = {};
    statistics.struct_bytes = sizeof statistics;
    if (bartizan_get_statistics(&statistics) != 0) Fail("no statistics");
    held.committed = statistics.committed_bytes;
  }
  return held;
}

Block Allocate(size_t size) {
  char* const data = static_cast<char*>(malloc(size));
  if (data == nullptr) Fail("no memory");
  for (size_t at = 0; at < size; at += kPage) data[at] = 1;
  data[size - 1] = 1;
  return {data, size};
}

void Free(Block& block) {
  free(block.data);
  block = {};
}

size_t DrawSize(bench::Random& random) {
  return random.Below(kOneLargeIn) == 0 ? random.Doublings(17, 20) : random.Doublings(4, 13);
}

Blocks::Blocks(size_t most) : most_(most) {
  void* const memory = mmap(nullptr, most * sizeof(Block), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) Fail("no memory for the driver");
  blocks_ = static_cast<Block*>(memory);
  driver_bytes += most * sizeof(Block);
}

Blocks::~Blocks() {
  for (size_t i = 0; i < count_; ++i) Free(blocks_[i]);
  munmap(blocks_, most_ * sizeof(Block));
  driver_bytes -= most_ * sizeof(Block);
}

void Blocks::Keep(const Block& block) {
  if (count_ == most_) Fail("more blocks than expected");
  blocks_[count_++] = block;
}

void Blocks::Add(size_t size) { Keep(Allocate(size)); }

void Blocks::Fill(uint64_t bytes, bench::Random& random) {
  for (uint64_t done = 0; done < bytes;) {
    const size_t size = DrawSize(random);
    Add(size);
    done += size;
  }
}

void Blocks::Shuffle(bench::Random& random) {
  for (size_t i = count_; i > 1; --i) std::swap(blocks_[i - 1], blocks_[random.Below(i)]);
}

void Blocks::FreeBehind(size_t kept, bench::Random& random) {
  while (count_ > kept) {
    std::swap(blocks_[count_ - 1], blocks_[random.Between(kept, count_ - 1)]);
    Free(blocks_[--count_]);
  }
}

void Blocks::Replace(size_t index, size_t size) {
  Free(blocks_[index]);
  blocks_[index] = Allocate(size);
}

uint64_t Blocks::Bytes() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < count_; ++i) sum += blocks_[i].size;
  return sum;
}

Phase::Phase(bool with_epochs) : inside_(with_epochs && HasEpochs()) {
  if (!inside_) return;
  if (bartizan_epoch_open("phase", &epoch_) != BARTIZAN_EPOCH_OK) Fail("an epoch does not open");
  if (bartizan_epoch_enter(epoch_, 0, &scope_) != BARTIZAN_EPOCH_OK) Fail("no scope");
}

void Phase::End() {
  if (!inside_) return;
  inside_ = false;
  if (bartizan_epoch_leave(&scope_) != BARTIZAN_EPOCH_OK) Fail("a scope does not end");
  if (bartizan_epoch_close(epoch_, nullptr) != BARTIZAN_EPOCH_OK) Fail("an epoch does not close");
}

}  // namespace given_back
