// malloc, calloc, realloc, free and their aliases. C17 7.22.3, POSIX.1-2017, and glibc's manual
// where those leave a choice: realloc(p, 0) frees and returns nullptr, memalign rounds alignments
// up. SelectedAllocator is the composition's.
#include <cerrno>
#include <cstddef>

#include "src/abi/own_malloc.h"
#include "src/base/bits.h"
#include "src/base/compiler.h"
#include "src/platform/memory.h"

using bartizan::Family;
using bartizan::FreeClaim;
using Allocator = bartizan::SelectedAllocator;

namespace {

BARTIZAN_COLD void* OutOfMemory() {
  errno = ENOMEM;
  return nullptr;
}

BARTIZAN_INLINE void* OrOutOfMemory(void* block) {
  return block == nullptr ? OutOfMemory() : block;
}

// As glibc does: alignments that are no power of two are rounded up.
void* AllocateAligned(size_t alignment, size_t bytes) {
  if (alignment > size_t{1} << 62) {
    errno = EINVAL;
    return nullptr;
  }
  if (alignment == 0) alignment = 1;
  return OrOutOfMemory(
      Allocator::AllocateAligned(std::bit_ceil(alignment), bytes, Family::kAligned));
}

}  // namespace

extern "C" {

BARTIZAN_EXPORT void* malloc(size_t bytes) noexcept {
  return OrOutOfMemory(Allocator::Allocate(bytes, Family::kMalloc));
}

BARTIZAN_EXPORT void free(void* block) noexcept { Allocator::Free(block, FreeClaim{}); }

BARTIZAN_EXPORT void* calloc(size_t count, size_t bytes) noexcept {
  size_t total;
  if (!bartizan::MultiplyFits(count, bytes, &total)) [[unlikely]] {
    bartizan::g_own_calloc_refused.store(true, std::memory_order_relaxed);
    return OutOfMemory();
  }
  return OrOutOfMemory(Allocator::AllocateZeroed(total, Family::kMalloc));
}

BARTIZAN_EXPORT void* realloc(void* block, size_t bytes) noexcept {
  if (block == nullptr) return malloc(bytes);
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  return OrOutOfMemory(Allocator::Reallocate(block, bytes));
}

BARTIZAN_EXPORT void* reallocarray(void* block, size_t count, size_t bytes) noexcept {
  size_t total;
  if (!bartizan::MultiplyFits(count, bytes, &total)) return OutOfMemory();
  return realloc(block, total);
}

BARTIZAN_EXPORT void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  return AllocateAligned(alignment, bytes);
}

BARTIZAN_EXPORT void* memalign(size_t alignment, size_t bytes) noexcept {
  return AllocateAligned(alignment, bytes);
}

BARTIZAN_EXPORT int posix_memalign(void** out, size_t alignment, size_t bytes) noexcept {
  if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  void* block = Allocator::AllocateAligned(alignment, bytes, Family::kAligned);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

BARTIZAN_EXPORT void* valloc(size_t bytes) noexcept {
  return AllocateAligned(bartizan::platform::kPageBytes, bytes);
}

BARTIZAN_EXPORT void* pvalloc(size_t bytes) noexcept {
  constexpr size_t kPage = bartizan::platform::kPageBytes;
  if (bytes > bartizan::kMaxRequest) return OutOfMemory();
  return AllocateAligned(kPage, bartizan::AlignUp(bytes == 0 ? 1 : bytes, kPage));
}

BARTIZAN_EXPORT size_t malloc_usable_size(void* block) noexcept {
  return Allocator::UsableSize(block);
}

// C23 7.24.3.
BARTIZAN_EXPORT void free_sized(void* block, size_t bytes) noexcept {
  Allocator::Free(block, FreeClaim{Family::kMalloc, bytes});
}

BARTIZAN_EXPORT void free_aligned_sized(void* block, size_t alignment, size_t bytes) noexcept {
  (void)alignment;
  Allocator::Free(block, FreeClaim{Family::kAligned, bytes});
}

BARTIZAN_EXPORT void cfree(void* block) noexcept { free(block); }

[[gnu::visibility("hidden"), gnu::alias("malloc")]] void* bartizan_own_malloc(size_t) noexcept;

// Names by which some programs and old libraries reach the C library's own.
BARTIZAN_EXPORT void* __libc_malloc(size_t bytes) noexcept { return malloc(bytes); }
BARTIZAN_EXPORT void* __libc_calloc(size_t count, size_t bytes) noexcept {
  return calloc(count, bytes);
}
BARTIZAN_EXPORT void* __libc_realloc(void* block, size_t bytes) noexcept {
  return realloc(block, bytes);
}
BARTIZAN_EXPORT void __libc_free(void* block) noexcept { free(block); }
BARTIZAN_EXPORT void* __libc_memalign(size_t alignment, size_t bytes) noexcept {
  return memalign(alignment, bytes);
}
BARTIZAN_EXPORT void* __libc_valloc(size_t bytes) noexcept { return valloc(bytes); }
BARTIZAN_EXPORT void* __libc_pvalloc(size_t bytes) noexcept { return pvalloc(bytes); }
BARTIZAN_EXPORT int __posix_memalign(void** out, size_t alignment, size_t bytes) noexcept {
  return posix_memalign(out, alignment, bytes);
}

}  // extern "C"
