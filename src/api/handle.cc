// Handles over the table of src/engine/handle_table.h.
//
// The address that a handle resolves to is not the beginning of its slot, but some way behind it
// (its alignment, 16 at least). So free, realloc and malloc_usable_size find an address inside of a
// live block where a program hands the address to them, and report it: the table never learns of a
// block that goes away behind its back.
#include "bartizan/handle.h"

#include <bit>
#include <cerrno>

#include "src/base/bits.h"
#include "src/base/compiler.h"
#include "src/engine/epoch_scopes.h"
#include "src/engine/handle_table.h"
#include "src/engine/runtime.h"
#include "src/metadata/size_classes.h"

using bartizan::g_handle_table;
using bartizan::HandleTable;
using Allocator = bartizan::SelectedAllocator;

namespace {

constexpr auto kFamily = bartizan::Family::kMalloc;

enum class Contents { kAny, kZero };

void* AllocateBlock(size_t distance, size_t bytes, Contents contents) {
  if (contents == Contents::kZero) return Allocator::AllocateZeroed(bytes, kFamily);
  return Allocator::AllocateAligned(distance, bytes, kFamily);
}

// In no epoch: a block that ended with its epoch would leave a handle that still resolves.
BARTIZAN_NOINLINE void* AllocateOutside(size_t distance, size_t bytes, Contents contents) {
  const bartizan::epoch_scopes::ScopedEpoch none({});
  return AllocateBlock(distance, bytes, contents);
}

bartizan_handle_status StatusOf(HandleTable::Taken taken) {
  return taken == HandleTable::Taken::kUsedUp ? BARTIZAN_HANDLE_NO_ENTRY
                                              : BARTIZAN_HANDLE_NO_MEMORY;
}

bartizan_handle_status Allocate(size_t alignment, size_t size, Contents contents,
                                bartizan_handle* handle) {
  *handle = BARTIZAN_NO_HANDLE;
  const size_t distance = alignment < bartizan::kMinSlotBytes ? bartizan::kMinSlotBytes : alignment;
  // With a byte at least, so that the address lies inside of the block.
  const size_t least = size == 0 ? 1 : size;
  if (distance > bartizan::kMaxRequest || least > bartizan::kMaxRequest - distance) {
    return BARTIZAN_HANDLE_NO_MEMORY;
  }
  const int saved = errno;  // a first call starts things that may change it
  auto status = BARTIZAN_HANDLE_NO_MEMORY;
  uint32_t index = 0;
  if (bartizan::EnsureStarted()) {
    const HandleTable::Taken taken = g_handle_table.Take(&index);
    if (taken != HandleTable::Taken::kDone) {
      status = StatusOf(taken);
    } else if (void* block = bartizan::epoch_scopes::IsInside()
                                 ? AllocateOutside(distance, least + distance, contents)
                                 : AllocateBlock(distance, least + distance, contents);
               block != nullptr) {
      const auto log = static_cast<unsigned>(std::countr_zero(distance));
      *handle = g_handle_table.Publish(index, {static_cast<std::byte*>(block) + distance, log});
      status = BARTIZAN_HANDLE_OK;
    } else {
      g_handle_table.Return(index);
    }
  }
  errno = saved;
  return status;
}

// Of a handle that resolves no more and is not pinned: the block is this thread's.
void Release(bartizan_handle handle) {
  const HandleTable::Placed placed = g_handle_table.BlockOf(handle);
  void* const begin = static_cast<std::byte*>(placed.block) - (size_t{1} << placed.distance_log);
  Allocator::Free(begin, bartizan::FreeClaim{.family = kFamily});
  g_handle_table.GiveBack(handle);
}

}  // namespace

extern "C" {

BARTIZAN_EXPORT const char* bartizan_handle_status_name(bartizan_handle_status status) {
  switch (status) {
    case BARTIZAN_HANDLE_OK:
      return "BARTIZAN_HANDLE_OK";
    case BARTIZAN_HANDLE_NOT_LIVE:
      return "BARTIZAN_HANDLE_NOT_LIVE";
    case BARTIZAN_HANDLE_NO_MEMORY:
      return "BARTIZAN_HANDLE_NO_MEMORY";
    case BARTIZAN_HANDLE_NO_ENTRY:
      return "BARTIZAN_HANDLE_NO_ENTRY";
    case BARTIZAN_HANDLE_BAD_ALIGNMENT:
      return "BARTIZAN_HANDLE_BAD_ALIGNMENT";
    case BARTIZAN_HANDLE_TOO_MANY_PINS:
      return "BARTIZAN_HANDLE_TOO_MANY_PINS";
  }
  return "unknown";
}

BARTIZAN_EXPORT bartizan_handle_status bartizan_handle_malloc(size_t size,
                                                              bartizan_handle* handle) {
  return Allocate(bartizan::kMinSlotBytes, size, Contents::kAny, handle);
}

BARTIZAN_EXPORT bartizan_handle_status bartizan_handle_calloc(size_t count, size_t size,
                                                              bartizan_handle* handle) {
  size_t total;
  if (!bartizan::MultiplyFits(count, size, &total)) total = SIZE_MAX;
  return Allocate(bartizan::kMinSlotBytes, total, Contents::kZero, handle);
}

BARTIZAN_EXPORT bartizan_handle_status bartizan_handle_aligned_alloc(size_t alignment, size_t size,
                                                                     bartizan_handle* handle) {
  if (!bartizan::IsPowerOfTwo(alignment)) {
    *handle = BARTIZAN_NO_HANDLE;
    return BARTIZAN_HANDLE_BAD_ALIGNMENT;
  }
  return Allocate(alignment, size, Contents::kAny, handle);
}

BARTIZAN_EXPORT void* bartizan_handle_resolve(bartizan_handle handle) {
  return g_handle_table.Resolve(handle);
}

BARTIZAN_EXPORT bartizan_handle_status bartizan_handle_free(bartizan_handle handle) {
  switch (g_handle_table.Free(handle)) {
    case HandleTable::Freed::kNow:
      Release(handle);
      return BARTIZAN_HANDLE_OK;
    case HandleTable::Freed::kLater:
      return BARTIZAN_HANDLE_OK;
    case HandleTable::Freed::kNone:
      break;
  }
  return BARTIZAN_HANDLE_NOT_LIVE;
}

BARTIZAN_EXPORT bartizan_handle_status bartizan_handle_pin(bartizan_handle handle, void** block) {
  *block = nullptr;
  switch (g_handle_table.Pin(handle, block)) {
    case HandleTable::Pinned::kDone:
      return BARTIZAN_HANDLE_OK;
    case HandleTable::Pinned::kTooMany:
      return BARTIZAN_HANDLE_TOO_MANY_PINS;
    case HandleTable::Pinned::kNone:
      break;
  }
  return BARTIZAN_HANDLE_NOT_LIVE;
}

BARTIZAN_EXPORT void bartizan_handle_unpin(bartizan_handle handle) {
  switch (g_handle_table.Unpin(handle)) {
    case HandleTable::Unpinned::kDone:
      return;
    case HandleTable::Unpinned::kLast:
      return Release(handle);
    case HandleTable::Unpinned::kWrong:
      bartizan::ReportWrongUnpin(handle);
  }
}

}  // extern "C"
