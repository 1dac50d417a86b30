#include "src/engine/bad_pointer.h"

#include "src/base/violation.h"
#include "src/engine/find_object.h"
#include "src/engine/large_blocks.h"
#include "src/metadata/address_map.h"

namespace bartizan {
namespace {

// The report's first words, by operation: for a pointer that was freed, and for any other.
struct Wording {
  std::string_view freed;
  std::string_view invalid;
};
Wording WordingOf(Operation operation) {
  switch (operation) {
    case Operation::kRealloc:
      return {"use after free in realloc", "invalid realloc"};
    case Operation::kUsableSize:
      return {"use after free in malloc_usable_size", "invalid malloc_usable_size"};
    case Operation::kFree:
      break;
  }
  return {"double free", "invalid free"};
}

constexpr std::string_view kAdviseDebugger =
    "run under a debugger, or open the core dump: the caller of this function has the bug";
constexpr std::string_view kAdviseTwice = "look for a second owner of this pointer";

constexpr std::string_view kReleased = "use after release";
constexpr std::string_view kReleasedDetail =
    "the block ended with its epoch, which was released as a whole";

// Whether the slab lies in the pool since then.
bool WasReleased(ClassId id, uintptr_t address) {
  const SlabRef ref = AddressMap::SlabAt(id, address - g_address_map.region(id).base);
  return g_address_map.OwnerOf(ref) == kNoHeap && g_address_map.slab(ref).released;
}

[[noreturn]] void ReportSlabPointer(const Wording& wording, ClassId id, uintptr_t address) {
  Violation violation{.what = wording.invalid, .address = address};
  violation.slot_bytes = id == kZeroClass ? 0 : kClassBytes[id];
  violation.advice = kAdviseDebugger;
  SlotView slot;
  if (WasReleased(id, address)) {
    violation.what = kReleased;
    violation.detail = kReleasedDetail;
    ReportViolation(violation);
  }
  if (!FindSlot(id, address, &slot) || slot.word.IsUnused()) {
    violation.detail = "this address was never handed out, or its memory was given back since";
    ReportViolation(violation);
  }
  if (slot.word.IsLive()) violation.requested = slot.capacity - slot.word.slack();
  if (slot.begin != address) {
    violation.detail = slot.word.IsLive()
                           ? "the address is inside a live block, not its beginning"
                           : "the address is inside a freed block, not its beginning";
    ReportViolation(violation);
  }
  // Live now: another thread's free or malloc came between the check and this report.
  violation.what = wording.freed;
  violation.detail = slot.word.IsLive() ? "two threads freed the block at the same time"
                                        : "the block was freed before";
  violation.advice = kAdviseTwice;
  ReportViolation(violation);
}

}  // namespace

void ReportBadPointer(Operation operation, uintptr_t address) {
  const Wording wording = WordingOf(operation);
  const ClassId id = g_address_map.ClassOfAddress(address);
  if (id != kClasses) ReportSlabPointer(wording, id, address);
  Violation violation{.what = wording.invalid, .address = address};
  LargeView view;
  if (g_large_blocks.Find(address, &view)) {
    violation.requested = view.requested;
    violation.detail = view.user == address
                           ? "two threads freed the block at the same time"
                           : "the address is inside a live block, not its beginning";
    violation.advice = kAdviseDebugger;
  } else if (const auto past = g_large_blocks.PastOf(address);
             past != LargeBlocks::Past::kUnknown) {
    const bool released = past == LargeBlocks::Past::kReleased;
    violation.what = released ? kReleased : wording.freed;
    violation.detail = released ? kReleasedDetail : "the block was freed before";
    violation.advice = kAdviseTwice;
  } else {
    violation.detail =
        "not a block of this allocator: the stack, a global, another allocator's memory, or a "
        "large "
        "block freed long ago";
    violation.advice = kAdviseDebugger;
  }
  ReportViolation(violation);
}

void ReportCorruptReference(uint32_t class_id, uint32_t granule) {
  const ClassRegion& region = g_address_map.region(class_id);
  ReportViolation({
      .what = "corrupt free list",
      .detail = "a stored reference to a free slot does not agree with the slot's state: a racing "
                "double free, or the allocator's metadata was overwritten",
      .address = region.base + (size_t{granule} << GranuleShift(class_id)),
      .slot_bytes = kClassBytes[class_id],
      .advice = kAdviseTwice,
  });
}

void ReportCorruptLink(SlabRef ref) {
  ReportViolation({
      .what = "corrupt free list",
      .detail = "a stored link between slabs with free slots names none of them: the allocator's "
                "metadata was overwritten",
      .address = ref.bits(),
      .advice = "look for writes through wild pointers",
  });
}

void ReportCorruptSlab(SlabRef ref) {
  ReportViolation({
      .what = "corrupt free list",
      .detail = "the record of a slab does not agree with the states of its slots: the allocator's "
                "metadata was overwritten",
      .address = g_address_map.SlabAddress(ref),
      .slot_bytes = kClassBytes[ref.class_id()],
      .advice = "look for writes through wild pointers",
  });
}

}  // namespace bartizan
