#include "fuzz/harness/heap_model.h"

#include <algorithm>
#include <atomic>

#include "fuzz/harness/check.h"

namespace fuzz {
namespace {

// Where blocks are looked at: whole up to 2 KiB, else both ends, and of long ones a line in the
// middle of each 256 KiB, so that a huge block costs no page for each page.
constexpr size_t kWhole = 2048;
constexpr size_t kEnd = 512;
constexpr size_t kLine = 64;
constexpr size_t kStep = size_t{256} << 10;

template <class Function>
bool AllOfParts(size_t size, Function function) {
  if (size <= kWhole) return function(size_t{0}, size);
  if (!function(size_t{0}, kEnd) || !function(size - kEnd, kEnd)) return false;
  for (size_t at = kStep / 2; at < size - kEnd; at += kStep) {
    if (!function(at, kLine)) return false;
  }
  return true;
}

// Short loops that compilers turn into vectors.
void FillPart(uint8_t* at, size_t offset, size_t bytes, uint8_t seed) {
  for (size_t i = 0; i < bytes; ++i) {
    at[offset + i] = static_cast<uint8_t>(seed + (offset + i) * 7);
  }
}
bool HoldsPart(const uint8_t* at, size_t offset, size_t bytes, uint8_t seed) {
  uint8_t difference = 0;
  for (size_t i = 0; i < bytes; ++i) {
    difference |= at[offset + i] ^ static_cast<uint8_t>(seed + (offset + i) * 7);
  }
  return difference == 0;
}
// The program writes there next: written to at once, a page costs one fault instead of two.
void TouchPages(uint8_t* at, size_t bytes) {
  constexpr size_t kPage = 4096;
  for (size_t offset = 0; offset < bytes;) {
    const std::atomic_ref<uint8_t> byte(at[offset]);
    const uint8_t was = byte.exchange(1, std::memory_order_relaxed);  // one's own memory: no pair
    byte.store(was, std::memory_order_relaxed);
    offset += kPage - reinterpret_cast<uintptr_t>(at + offset) % kPage;
  }
}
bool IsZeroPart(uint8_t* at, size_t bytes) {
  TouchPages(at, bytes);
  uint8_t any = 0;
  for (size_t i = 0; i < bytes; ++i) any |= at[i];
  return any == 0;
}

void Fill(const Block& block) {
  AllOfParts(block.size, [&block](size_t offset, size_t bytes) {
    FillPart(block.at, offset, bytes, block.seed);
    return true;
  });
}

}  // namespace

bool IsZero(uint8_t* at, size_t size) {
  return AllOfParts(size,
                    [at](size_t offset, size_t bytes) { return IsZeroPart(at + offset, bytes); });
}

Block& HeapModel::Enter(void* at, size_t size, size_t alignment, bartizan::Family family) {
  while (blocks_[next_].live) next_ = (next_ + 1) % (2 * kMost);
  Block& block = blocks_[next_];
  next_ = (next_ + 1) % (2 * kMost);
  block = {.at = static_cast<uint8_t*>(at),
           .size = size,
           .alignment = alignment,
           .family = family,
           .seed = next_seed_};
  next_seed_ = static_cast<uint8_t>(next_seed_ * 5 + 1);
  CheckPlace(block, alignment);
  SetLive(block, true);
  live_count_++;
  live_bytes_ += size;
  Fill(block);
  return block;
}

void HeapModel::CheckPlace(const Block& block, size_t alignment) const {
  FUZZ_CHECK(block.begin() % alignment == 0, "%p is not aligned to %zu", block.at, alignment);
  // A block of no bytes lies in memory or begins where it ends.
  const bool inside =
      block.size != 0 ? memory_.Covers(block.begin(), block.size)
                      : memory_.Covers(block.begin(), 1) || memory_.Covers(block.begin() - 1, 1);
  FUZZ_CHECK(inside, "%p of %zu bytes leaves the allocator's memory", block.at, block.size);
  FUZZ_CHECK(!memory_.IsGuard(block.begin(), block.size), "%p of %zu bytes has a guard inside",
             block.at, block.size);
  // A block of no bytes has an address of its own all the same.
  const uintptr_t end = block.size == 0 ? block.begin() + 1 : block.end();
  const Block* const other = FindLive([&block, end](const Block& live) {
    const uintptr_t live_end = live.size == 0 ? live.begin() + 1 : live.end();
    return &live != &block && block.begin() < live_end && live.begin() < end;
  });
  FUZZ_CHECK(other == nullptr, "%p of %zu bytes overlaps the live block %p of %zu", block.at,
             block.size, other->at, other->size);
}

void HeapModel::SetLive(Block& block, bool live) {
  block.live = live;
  const size_t index = IndexOf(block);
  const uint64_t bit = uint64_t{1} << index % 64;
  live_[index / 64] = live ? live_[index / 64] | bit : live_[index / 64] & ~bit;
}

void HeapModel::Leave(Block& block) {
  SetLive(block, false);
  live_count_--;
  live_bytes_ -= block.size;
}

void HeapModel::Resize(Block& block, void* at, size_t size) {
  const size_t kept = size < block.size ? size : block.size;
  live_bytes_ += size - block.size;
  block.at = static_cast<uint8_t*>(at);
  if (!block.written) CheckKept(block, kept);
  block.size = size;
  block.alignment = 16;
  block.family = bartizan::Family::kMalloc;
  CheckPlace(block, 16);
  if (!block.written) Fill(block);
}

// What was filled in for the block's old size must still be there, up to `kept` bytes.
void HeapModel::CheckKept(const Block& block, size_t kept) {
  const bool intact = AllOfParts(block.size, [&block, kept](size_t offset, size_t bytes) {
    if (offset >= kept) return true;
    return HoldsPart(block.at, offset, std::min(bytes, kept - offset), block.seed);
  });
  FUZZ_CHECK(intact, "%p of %zu bytes lost contents in realloc, which keeps %zu", block.at,
             block.size, kept);
}

Block* HeapModel::Live(size_t choice) {
  if (live_count_ == 0) return nullptr;
  for (size_t i = 0; i < 2 * kMost; ++i) {
    Block& block = blocks_[(choice + i) % (2 * kMost)];
    if (block.live) return &block;
  }
  return nullptr;
}

Block* HeapModel::Any(size_t choice) {
  Block& block = blocks_[choice % (2 * kMost)];
  return block.at == nullptr ? Live(choice) : &block;
}

Block* HeapModel::LiveAt(uintptr_t begin, size_t bytes) {
  return const_cast<Block*>(FindLive([begin, bytes](const Block& block) {
    const size_t size = block.size == 0 ? 1 : block.size;
    return begin < block.begin() + size && block.begin() < begin + bytes;
  }));
}

Block* HeapModel::LiveBeginningAt(uintptr_t address) {
  return const_cast<Block*>(
      FindLive([address](const Block& block) { return block.begin() == address; }));
}

void HeapModel::CheckContents(const Block& block) const {
  if (block.written) return;
  const bool intact = AllOfParts(block.size, [&block](size_t offset, size_t bytes) {
    return HoldsPart(block.at, offset, bytes, block.seed);
  });
  FUZZ_CHECK(intact, "the live block %p of %zu bytes has changed", block.at, block.size);
}

void HeapModel::CheckAll() const {
  FindLive([this](const Block& block) {
    CheckContents(block);
    return false;
  });
}

}  // namespace fuzz
