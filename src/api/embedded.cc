#include "src/api/embedded.h"

#include <bit>
#include <cerrno>

#include "src/base/bits.h"
#include "src/platform/process_malloc.h"

using bartizan::Family;
using bartizan::FreeClaim;
using Allocator = bartizan::SelectedAllocator;

namespace {

void* OrOutOfMemory(void* block) {
  if (block == nullptr) errno = ENOMEM;
  return block;
}

}  // namespace

extern "C" {

void* bartizan_malloc(size_t bytes) {
  return OrOutOfMemory(Allocator::Allocate(bytes, Family::kMalloc));
}

void* bartizan_calloc(size_t count, size_t bytes) {
  size_t total;
  if (!bartizan::MultiplyFits(count, bytes, &total)) return OrOutOfMemory(nullptr);
  return OrOutOfMemory(Allocator::AllocateZeroed(total, Family::kMalloc));
}

void* bartizan_realloc(void* block, size_t bytes) {
  if (block == nullptr) return bartizan_malloc(bytes);
  if (bytes == 0) {
    bartizan_free(block);
    return nullptr;
  }
  return OrOutOfMemory(Allocator::Reallocate(block, bytes));
}

void* bartizan_aligned_alloc(size_t alignment, size_t bytes) {
  return OrOutOfMemory(
      Allocator::AllocateAligned(std::bit_ceil(alignment), bytes, Family::kAligned));
}

void bartizan_free(void* block) { Allocator::Free(block, FreeClaim{}); }

size_t bartizan_usable_size(void* block) { return Allocator::UsableSize(block); }

}  // extern "C"

// Embedded, the allocator replaces nothing: it always serves those who call it.
namespace bartizan::platform {

bool AnotherMallocServes() { return false; }
void FreeElsewhere(void*) {}

}  // namespace bartizan::platform
