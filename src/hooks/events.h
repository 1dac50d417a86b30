// The events at which layers act, and what each is told.
#ifndef BARTIZAN_SRC_HOOKS_EVENTS_H_
#define BARTIZAN_SRC_HOOKS_EVENTS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/base/random.h"
#include "src/metadata/size_classes.h"
#include "src/metadata/slot_state.h"

namespace bartizan {

// A heap sets up its bin of one class. Layers choose; the engine clamps to what it can hold.
struct BinPlan {
  const ClassId id;
  RandomStream& random;
  uint32_t key = 0;               // references to free slots are stored XORed with it
  uint32_t quarantine_slots = 0;  // slots that must be freed after a slot before it is reused
  // Slots held back: each that becomes ready is drawn from these and the one that comes in instead.
  uint32_t hold = 0;
  bool examined = false;  // OnReuse is wanted for the slots of this class
  // One allocation in so many, on average, gets pages of its own; 0: none.
  uint32_t sample_interval = 0;
};

// A slab is about to be taken from address space that was never used.
struct SlabPlan {
  RandomStream& random;
  uint32_t gap = 0;  // slabs that are left out before it, as far as there are
};

// A slab is used for the first time. [gap_begin, begin) and [slots_end, end) hold no slot.
struct SlabSpan {
  uintptr_t gap_begin;
  uintptr_t begin;
  uintptr_t slots_end;
  uintptr_t end;
};

// One of `count` possibilities is taken: the first, unless a layer chooses.
struct SlotChoice {
  uint32_t count;
  RandomStream& random;
  uint32_t chosen = 0;
};

// A block is handed to the program, or given back.
struct SlotUse {
  std::byte* slot;
  size_t requested;       // bytes that the program may use
  size_t capacity;        // bytes it could have asked for in this slot: all but the trailer
  bool is_short = false;  // at most platform::MostShort bytes, on the common path
  bool fresh = false;     // nothing has ever touched the slot, which is not short
};

// A slot that was free and comes back to be issued. Only of classes for which a layer said so in
// its plan.
struct FreeSlot {
  std::byte* slot;
  size_t bytes;  // all of it
  RandomStream& random;
  const SlotState* state;
};

// A block changes its size within its slot. `use.requested` is the new size.
struct SlotResize {
  SlotUse use;
  size_t old_requested;
  size_t trailer;  // bytes after the block that belong to layers
};

// The program gives a block back.
struct SlotReturn {
  static constexpr size_t kNotStated = SIZE_MAX;

  SlotUse use;
  Family came_from;
  Family freed_by;
  size_t stated_size;  // of sized deallocation, or kNotStated
  size_t trailer;      // bytes after the block that belong to layers
  bool zeroed;         // the block is going to be zeroed
  // The slot's state when it was found live, and where it is kept: what looks like damage may be
  // another thread freeing the same block right now. Without a state for large blocks.
  StateWord word = {};
  const SlotState* state = nullptr;
};

// Behind a large block, as far as its memory goes, so many bytes are zero when it is handed out.
inline constexpr size_t kLargeSlack = 64;

// A large block is placed. Sizes in bytes, multiples of the page size.
struct LargePlan {
  size_t requested;
  RandomStream& random;
  size_t guard_before = 0;
  size_t guard_after = 0;
  bool against_upper = false;  // the block ends (within its alignment) where its last page ends
  // How many allocations the block stands for as a sample; 0: it is none, yet.
  uint64_t weight = 0;
};

// What an address that the program passed points at.
enum class MemoryKind : uint8_t {
  kForeign,  // no memory of ours, or none that is known
  kLive,     // the slot or pages of a live block
  kFree,     // a block that was freed
  kNoBlock,  // between slots, or a slot that holds nothing
};
struct MemoryView {
  MemoryKind kind = MemoryKind::kForeign;
  uintptr_t begin = 0;    // of the block
  size_t requested = 0;   // bytes that the program may use; 0 unless it is live
  size_t slot_bytes = 0;  // 0 for large blocks
};

// A function of the C library is about to access [begin, begin + bytes), which begins in memory of
// ours. `bytes` is not 0.
struct LibraryCall {
  std::string_view function;
  bool writes;
  uintptr_t begin;
  size_t bytes;
  MemoryView memory;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_HOOKS_EVENTS_H_
