// Stacks, each distinct one kept once and named by a number of 32 bits.
//
// The table is one mapping of a fixed size, of which only what is used costs memory: lists by hash,
// then the stacks, one behind the other. A stack that is there never changes nor goes; a full table
// takes no more, which is counted. Nothing is locked: a thread reserves room behind the last stack
// (compare-and-exchange on used_), writes its stack there and puts it at the head of its list
// (compare-and-exchange on the head, release). Who loses looks at what has come before it: if that
// is the same stack, it takes the other's number, and its room stays unused. So a fork at any
// moment leaves a whole table in the child.
#ifndef BARTIZAN_SRC_METADATA_STACK_TABLE_H_
#define BARTIZAN_SRC_METADATA_STACK_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/bits.h"

namespace bartizan {

// 0 stands for none.
using StackId = uint32_t;

// What was allocated by calls of one stack, as estimated from samples. Only ever grows; what is
// alive is the difference. All accesses are relaxed: numbers for people.
struct StackCounters {
  std::atomic<uint64_t> allocated_blocks;
  std::atomic<uint64_t> allocated_bytes;
  std::atomic<uint64_t> freed_blocks;
  std::atomic<uint64_t> freed_bytes;
};

class StackTable {
 public:
  static constexpr size_t kMostFrames = 64;
  static constexpr size_t kMostBytes = 16 * kMiB;
  static constexpr size_t kLeastBytes = 256 * kKiB;

  // Tests make small ones. `bytes` is a power of two, at least kLeastBytes.
  constexpr explicit StackTable(size_t bytes = kMostBytes) : most_bytes_(bytes) {}
  StackTable(const StackTable&) = delete;
  StackTable& operator=(const StackTable&) = delete;

  // The number of this stack, innermost frame first; 0 for none, and where the table is full or the
  // system gives no memory. Frames beyond kMostFrames are left out. From any thread, also in signal
  // handlers; errno stays.
  StackId Insert(const uintptr_t* frames, size_t count);

  // Copies at most `max` frames and returns how many; 0 for a number that is none.
  size_t Frames(StackId id, uintptr_t* frames, size_t max) const;

  // A sample that stands for `blocks` of together `bytes` was allocated from the stack `id` (0:
  // from an unknown one), or is freed that was allocated from there.
  void CountAllocated(StackId id, uint64_t blocks, uint64_t bytes);
  void CountFreed(StackId id, uint64_t blocks, uint64_t bytes);

  uint64_t stacks() const { return stacks_.load(std::memory_order_relaxed); }
  // Stacks that found no room, each time they were met.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  uint64_t used_bytes() const {
    return uint64_t{used_.load(std::memory_order_relaxed)} * kUnitBytes;
  }

  // The same as Frames for a table of another process: `read(address, to, bytes)` copies from its
  // memory, and may fail. Nothing of what it says is believed.
  template <class Read>
  static size_t FramesElsewhere(const Read& read, uintptr_t table, StackId id, uintptr_t* frames,
                                size_t max);

  // What VisitElsewhere tells of a stack.
  struct Visited {
    StackId id;  // 0: all stacks that are not known
    const uintptr_t* frames;
    size_t count;
    uint64_t allocated_blocks, allocated_bytes, freed_blocks, freed_bytes;
  };
  // Calls `visit` with every stack of a table of another process. False: the table cannot be read.
  template <class Read, class Visit>
  static bool VisitElsewhere(const Read& read, uintptr_t table, const Visit& visit);

 private:
  // Numbers are places in units from the beginning of the table, and 0 is where the lists are.
  static constexpr size_t kUnitBytes = 16;
  struct Stack {
    StackId next;  // of the list; these are constant once the stack is in it
    uint32_t hash;
    uint32_t count;
    uint32_t reserved;
    StackCounters counters;
  };
  static_assert(sizeof(Stack) % kUnitBytes == 0);
  static_assert(kMostBytes / kUnitBytes <= UINT32_MAX);
  // One list for so many bytes of table: about four stacks of usual depth.
  static constexpr size_t kBytesPerList = 1024;
  // Longer lists come of somebody who knows how to make them; there is no search without end.
  static constexpr int kLongestList = 256;

  bool Reserve();
  std::atomic<StackId>& ListOf(uint64_t hash) const;
  Stack* At(StackId id) const { return reinterpret_cast<Stack*>(base() + id * kUnitBytes); }
  static uintptr_t* FramesOf(Stack* stack) { return reinterpret_cast<uintptr_t*>(stack + 1); }
  uintptr_t base() const { return base_.load(std::memory_order_relaxed); }
  // The stack's number if it is in the list before `end`; `length` is raised by what was looked at.
  StackId Search(StackId first, StackId end, uint32_t hash, const uintptr_t* frames, size_t count,
                 int* length) const;
  StackId Room(size_t units);
  StackId Refuse();
  StackCounters& CountersOf(StackId id);

  const size_t most_bytes_;
  std::atomic<uintptr_t> base_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> key_{0};
  // Release by who has set the three above; acquire by all others.
  std::atomic<uint32_t> ready_{0};
  std::atomic<uint32_t> used_{0};  // units, with the lists
  std::atomic<uint64_t> stacks_{0};
  std::atomic<uint64_t> refused_{0};
  StackCounters unknown_ = {};
};

extern constinit StackTable g_stack_table;

template <class Read>
size_t StackTable::FramesElsewhere(const Read& read, uintptr_t table, StackId id, uintptr_t* frames,
                                   size_t max) {
  alignas(StackTable) std::byte bytes[sizeof(StackTable)];
  if (id == 0 || !read(table, bytes, sizeof bytes)) return 0;
  const auto* copy = reinterpret_cast<const StackTable*>(bytes);
  if (id >= copy->used_.load(std::memory_order_relaxed)) return 0;
  const uintptr_t place = copy->base() + id * kUnitBytes;
  alignas(Stack) std::byte stack_bytes[sizeof(Stack)];
  const auto* stack = reinterpret_cast<const Stack*>(stack_bytes);
  if (!read(place, stack_bytes, sizeof stack_bytes) || stack->count > kMostFrames) return 0;
  const size_t count = stack->count < max ? stack->count : max;
  return read(place + sizeof(Stack), frames, count * sizeof(uintptr_t)) ? count : 0;
}

template <class Read, class Visit>
bool StackTable::VisitElsewhere(const Read& read, uintptr_t table, const Visit& visit) {
  alignas(StackTable) std::byte bytes[sizeof(StackTable)];
  if (!read(table, bytes, sizeof bytes)) return false;
  const auto* copy = reinterpret_cast<const StackTable*>(bytes);
  const auto tell = [&visit](StackId id, const uintptr_t* frames, size_t count,
                             const StackCounters& counters) {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    // What was freed is read first, so that it is never more than what was allocated.
    const uint64_t freed_blocks = counters.freed_blocks.load(kRelaxed);
    const uint64_t freed_bytes = counters.freed_bytes.load(kRelaxed);
    visit(Visited{id, frames, count, counters.allocated_blocks.load(kRelaxed),
                  counters.allocated_bytes.load(kRelaxed), freed_blocks, freed_bytes});
  };
  tell(0, nullptr, 0, copy->unknown_);
  if (copy->ready_.load(std::memory_order_relaxed) == 0) return true;
  const size_t lists = copy->bytes_.load(std::memory_order_relaxed) / kBytesPerList;
  if (lists > kMostBytes / kBytesPerList) return false;
  alignas(Stack) std::byte stack_bytes[sizeof(Stack)];
  const auto* stack = reinterpret_cast<const Stack*>(stack_bytes);
  uintptr_t frames[kMostFrames];
  for (size_t list = 0; list < lists; ++list) {
    StackId id = 0;
    if (!read(copy->base() + list * sizeof id, &id, sizeof id)) return false;
    for (int length = 0; id != 0 && length <= kLongestList; ++length, id = stack->next) {
      const uintptr_t place = copy->base() + id * kUnitBytes;
      if (!read(place, stack_bytes, sizeof stack_bytes)) return false;
      if (stack->count > kMostFrames) return false;
      if (!read(place + sizeof(Stack), frames, stack->count * sizeof *frames)) return false;
      tell(id, frames, stack->count, stack->counters);
    }
  }
  return true;
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_STACK_TABLE_H_
