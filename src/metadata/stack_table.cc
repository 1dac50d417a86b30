#include "src/metadata/stack_table.h"

#include <cstring>

#include "src/metadata/metadata_memory.h"
#include "src/metadata/seeding.h"
#include "src/platform/marked_point.h"
#include "src/platform/memory.h"

namespace bartizan {

constinit StackTable g_stack_table;

namespace {

// Keyed, so that nobody who chooses what calls what fills one list.
uint64_t HashOf(uint64_t key, const uintptr_t* frames, size_t count) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
  uint64_t hash = key ^ count;
  for (size_t i = 0; i < count; ++i) {
    hash = (hash ^ frames[i]) * kOdd;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

// Address space for all of it, or for a part where the process may not have as much. Threads that
// come here at the same time each claim some; one of them stays.
bool StackTable::Reserve() {
  RandomStream random = NewStream(StreamUse::kStacks);
  for (size_t bytes = most_bytes_; bytes >= kLeastBytes; bytes /= 8) {
    const uintptr_t place = ClaimMetadata(random, bytes);
    if (place == 0) continue;
    uintptr_t none = 0;
    if (!base_.compare_exchange_strong(none, place, std::memory_order_relaxed)) {
      platform::Release(place, bytes);
      return false;
    }
    bytes_.store(bytes, std::memory_order_relaxed);
    key_.store(random.Next64(), std::memory_order_relaxed);
    const size_t lists = bytes / kBytesPerList * sizeof(StackId);
    used_.store(static_cast<uint32_t>(lists / kUnitBytes), std::memory_order_relaxed);
    ready_.store(1, std::memory_order_release);
    return true;
  }
  return false;
}

std::atomic<StackId>& StackTable::ListOf(uint64_t hash) const {
  const size_t lists = bytes_.load(std::memory_order_relaxed) / kBytesPerList;
  return reinterpret_cast<std::atomic<StackId>*>(base())[hash & (lists - 1)];
}

StackId StackTable::Search(StackId first, StackId end, uint32_t hash, const uintptr_t* frames,
                           size_t count, int* length) const {
  for (StackId id = first; id != end && ++*length <= kLongestList; id = At(id)->next) {
    Stack* const stack = At(id);
    if (stack->hash != hash || stack->count != count) continue;
    if (std::memcmp(FramesOf(stack), frames, count * sizeof *frames) == 0) return id;
  }
  return 0;
}

StackId StackTable::Room(size_t units) {
  const size_t limit = bytes_.load(std::memory_order_relaxed) / kUnitBytes;
  uint32_t used = used_.load(std::memory_order_relaxed);
  do {
    platform::MarkedPoint();
    if (units > limit - used) return 0;
  } while (!used_.compare_exchange_weak(used, used + static_cast<uint32_t>(units),
                                        std::memory_order_relaxed));
  return used;
}

StackId StackTable::Refuse() {
  refused_.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

StackId StackTable::Insert(const uintptr_t* frames, size_t count) {
  if (count == 0) return 0;
  if (count > kMostFrames) count = kMostFrames;
  // Acquire pairs with the release in Reserve.
  if (ready_.load(std::memory_order_acquire) == 0 && !Reserve() &&
      ready_.load(std::memory_order_acquire) == 0) {
    return Refuse();
  }
  const uint64_t whole_hash = HashOf(key_.load(std::memory_order_relaxed), frames, count);
  const auto hash = static_cast<uint32_t>(whole_hash >> 32);
  std::atomic<StackId>& list = ListOf(whole_hash);
  int length = 0;
  // Acquire, here and where the exchange fails, pairs with the release below: the stacks are whole.
  StackId head = list.load(std::memory_order_acquire);
  if (const StackId id = Search(head, 0, hash, frames, count, &length)) return id;
  if (length > kLongestList) return Refuse();
  const StackId mine = Room((sizeof(Stack) + count * sizeof *frames + kUnitBytes - 1) / kUnitBytes);
  if (mine == 0) return Refuse();
  Stack* const stack = At(mine);
  // The counters are zeros, as all of the table is that was not used.
  stack->next = head;
  stack->hash = hash;
  stack->count = static_cast<uint32_t>(count);
  std::memcpy(FramesOf(stack), frames, count * sizeof *frames);
  StackId seen = head;
  platform::MarkedPoint();
  while (!list.compare_exchange_weak(head, mine, std::memory_order_release,
                                     std::memory_order_acquire)) {
    if (const StackId id = Search(head, seen, hash, frames, count, &length)) return id;
    seen = head;
    stack->next = head;
    platform::MarkedPoint();
  }
  stacks_.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

StackCounters& StackTable::CountersOf(StackId id) { return id == 0 ? unknown_ : At(id)->counters; }

void StackTable::CountAllocated(StackId id, uint64_t blocks, uint64_t bytes) {
  StackCounters& counters = CountersOf(id);
  counters.allocated_blocks.fetch_add(blocks, std::memory_order_relaxed);
  counters.allocated_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void StackTable::CountFreed(StackId id, uint64_t blocks, uint64_t bytes) {
  StackCounters& counters = CountersOf(id);
  counters.freed_blocks.fetch_add(blocks, std::memory_order_relaxed);
  counters.freed_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

size_t StackTable::Frames(StackId id, uintptr_t* frames, size_t max) const {
  if (ready_.load(std::memory_order_acquire) == 0) return 0;
  const uint32_t used = used_.load(std::memory_order_relaxed);
  const size_t first = bytes_.load(std::memory_order_relaxed) / kBytesPerList * sizeof(StackId);
  if (id < first / kUnitBytes || id >= used) return 0;
  Stack* const stack = At(id);
  // A number that none of ours is may lead anywhere in the table.
  const size_t room = (size_t{used} - id) * kUnitBytes - sizeof *stack;
  if (stack->count > kMostFrames || stack->count * sizeof *frames > room) return 0;
  const size_t count = stack->count < max ? stack->count : max;
  std::memcpy(frames, FramesOf(stack), count * sizeof *frames);
  return count;
}

}  // namespace bartizan
