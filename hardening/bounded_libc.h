// bounded_libc: functions of the C library that are told to access a block stay within it.
//
// Stops: overflows, overreads and uses after free by memcpy, strcpy, snprintf, read and their like,
// before a byte is read or written.
// How: libbartizan.so exports these functions (src/abi/library_table.h). Each finds the block that
// its arguments point into by the slot states, which no program can write to, and compares.
// Does not stop: what the compiler made of such a call without a call; ranges that begin outside of
// our memory; blocks that the kernel placed; code that reaches the C library's functions otherwise.
// Cost: docs/layers/bounded_libc.md.
#ifndef BARTIZAN_HARDENING_BOUNDED_LIBC_H_
#define BARTIZAN_HARDENING_BOUNDED_LIBC_H_

#include "src/hooks/profile.h"

namespace bartizan {

struct BoundedLibc {
  static constexpr Toggle kToggle = Toggle::kBoundedLibc;
  static constexpr uint32_t kHooks = kOnLibraryCall;
  static constexpr size_t kTrailerBytes = 0;

  BARTIZAN_INLINE static void OnLibraryCall(const LibraryCall& call) {
    if (!IsWithinBlock(call)) [[unlikely]]
      Report(call);
  }

 private:
  BARTIZAN_INLINE static bool IsWithinBlock(const LibraryCall& call) {
    if (call.memory.kind == MemoryKind::kForeign) return true;
    if (call.memory.kind != MemoryKind::kLive) return false;
    // Before the beginning, the offset is larger than any block.
    const size_t offset = call.begin - call.memory.begin;
    return offset <= call.memory.requested && call.bytes <= call.memory.requested - offset;
  }
  [[noreturn]] BARTIZAN_COLD static void Report(const LibraryCall& call);
};

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_BOUNDED_LIBC_H_
