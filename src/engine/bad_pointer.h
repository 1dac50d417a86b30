// What is wrong with a pointer that the program passed: the cold half of every validation.
#ifndef BARTIZAN_SRC_ENGINE_BAD_POINTER_H_
#define BARTIZAN_SRC_ENGINE_BAD_POINTER_H_

#include <cstdint>

#include "src/base/compiler.h"
#include "src/metadata/address_map.h"

namespace bartizan {

enum class Operation { kFree, kRealloc, kUsableSize };

// Finds out what the pointer is, from the metadata alone, reports it and ends the process. Called
// when validation failed; looks again by itself, so that the common path need not keep anything.
[[noreturn]] BARTIZAN_COLD void ReportBadPointer(Operation operation, uintptr_t address);

// A reference to a free slot, in a magazine or ring, that does not agree with the slot's state.
[[noreturn]] BARTIZAN_COLD void ReportCorruptReference(uint32_t class_id, uint32_t granule);
// A link between slabs that does not name one of those that it may.
[[noreturn]] BARTIZAN_COLD void ReportCorruptLink(SlabRef ref);

// The record of a slab that does not agree with its slots' states.
[[noreturn]] BARTIZAN_COLD void ReportCorruptSlab(SlabRef ref);

// What is not a slab of that class and owner is reported.
inline void CheckLink(SlabRef ref, ClassId id, HeapId owner) {
  if (!g_address_map.HasSlab(ref) || ref.class_id() != id || g_address_map.OwnerOf(ref) != owner) {
    ReportCorruptLink(ref);
  }
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_BAD_POINTER_H_
