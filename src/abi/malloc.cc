// malloc, calloc, realloc, free and their aliases. C17 7.22.3, POSIX.1-2017, and glibc's manual
// where those leave a choice: realloc(p, 0) frees and returns nullptr, memalign rounds alignments
// up. SelectedAllocator is the composition's.
//
// Exported functions never call each other by their exported names, which a program may interpose.
#include <cerrno>
#include <cstddef>

#include "src/abi/own_malloc.h"
#include "src/base/bits.h"
#include "src/base/compiler.h"
#include "src/platform/memory.h"
#include "src/platform/process_malloc.h"

using bartizan::Family;
using bartizan::FreeClaim;
using Allocator = bartizan::SelectedAllocator;

namespace {

BARTIZAN_COLD void* OutOfMemory() {
  errno = ENOMEM;
  return nullptr;
}

// Where the allocator has nothing: because the system has not, or because it is not the one that
// serves this process.
BARTIZAN_COLD void* AllocateRarely(size_t bytes, size_t alignment) {
  void* block = bartizan::platform::AnotherMallocServes()
                    ? bartizan::platform::AllocateElsewhere(bytes, alignment)
                    : nullptr;
  return block != nullptr ? block : OutOfMemory();
}

// Whoever calls our malloc by name wants ours: a program that loaded the library itself, or whose
// own malloc is a layer over the C library's. From then on everything comes from here.
BARTIZAN_COLD void* ServeOrRefuse(size_t bytes, void* (*allocate)(size_t, Family)) {
  if (!bartizan::platform::AnotherMallocServes()) return OutOfMemory();
  bartizan::ServeFromNowOn();
  void* block = allocate(bytes, Family::kMalloc);
  return block != nullptr ? block : OutOfMemory();
}

BARTIZAN_NOINLINE void* MallocRarely(size_t bytes, Family family) {
  void* block = Allocator::AllocateRarely(bytes, family);
  return block != nullptr ? block : ServeOrRefuse(bytes, Allocator::AllocateRarely);
}
BARTIZAN_INLINE void* Malloc(size_t bytes) {
  return Allocator::Allocate(bytes, Family::kMalloc, MallocRarely);
}

BARTIZAN_INLINE void Free(void* block) { Allocator::Free(block, FreeClaim{}); }

BARTIZAN_INLINE void* Calloc(size_t count, size_t bytes) {
  size_t total;
  if (!bartizan::MultiplyFits(count, bytes, &total)) [[unlikely]]
    return OutOfMemory();
  void* block = Allocator::AllocateZeroed(total, Family::kMalloc);
  return block != nullptr ? block : ServeOrRefuse(total, Allocator::AllocateZeroed);
}

BARTIZAN_INLINE void* Realloc(void* block, size_t bytes) {
  if (block == nullptr) return Malloc(bytes);
  if (bytes == 0) {
    Free(block);
    return nullptr;
  }
  void* moved = Allocator::Reallocate(block, bytes);
  return moved != nullptr ? moved : OutOfMemory();
}

// As glibc does: alignments that are no power of two are rounded up.
void* Memalign(size_t alignment, size_t bytes) {
  if (alignment > size_t{1} << 62) {
    errno = EINVAL;
    return nullptr;
  }
  const size_t rounded = std::bit_ceil(alignment);
  void* block = Allocator::AllocateAligned(rounded, bytes, Family::kAligned);
  return block != nullptr ? block : AllocateRarely(bytes, rounded);
}

int PosixMemalign(void** out, size_t alignment, size_t bytes) {
  if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int saved = errno;  // reported by the result only
  void* block = Memalign(alignment, bytes);
  errno = saved;
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

void* Pvalloc(size_t bytes) {
  constexpr size_t kPage = bartizan::platform::kPageBytes;
  if (bytes > bartizan::kMaxRequest) return OutOfMemory();
  return Memalign(kPage, bartizan::AlignUp(bytes == 0 ? 1 : bytes, kPage));
}

}  // namespace

extern "C" {

BARTIZAN_EXPORT void* malloc(size_t bytes) noexcept { return Malloc(bytes); }
BARTIZAN_EXPORT void free(void* block) noexcept { Free(block); }
BARTIZAN_EXPORT void* calloc(size_t count, size_t bytes) noexcept { return Calloc(count, bytes); }
BARTIZAN_EXPORT void* realloc(void* block, size_t bytes) noexcept { return Realloc(block, bytes); }

BARTIZAN_EXPORT void* reallocarray(void* block, size_t count, size_t bytes) noexcept {
  size_t total;
  if (!bartizan::MultiplyFits(count, bytes, &total)) return OutOfMemory();
  if (bartizan::platform::AnotherMallocServes()) {
    return bartizan::platform::ReallocateElsewhere(block, total);
  }
  return Realloc(block, total);
}

BARTIZAN_EXPORT void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  return Memalign(alignment, bytes);
}
BARTIZAN_EXPORT void* memalign(size_t alignment, size_t bytes) noexcept {
  return Memalign(alignment, bytes);
}
BARTIZAN_EXPORT int posix_memalign(void** out, size_t alignment, size_t bytes) noexcept {
  return PosixMemalign(out, alignment, bytes);
}
BARTIZAN_EXPORT void* valloc(size_t bytes) noexcept {
  return Memalign(bartizan::platform::kPageBytes, bytes);
}
BARTIZAN_EXPORT void* pvalloc(size_t bytes) noexcept { return Pvalloc(bytes); }

BARTIZAN_EXPORT size_t malloc_usable_size(void* block) noexcept {
  // Of another malloc's block we promise nothing.
  return bartizan::platform::AnotherMallocServes() ? 0 : Allocator::UsableSize(block);
}

// C23 7.24.3.
BARTIZAN_EXPORT void free_sized(void* block, size_t bytes) noexcept {
  Allocator::Free(block, FreeClaim{Family::kMalloc, bytes});
}
BARTIZAN_EXPORT void free_aligned_sized(void* block, size_t alignment, size_t bytes) noexcept {
  (void)alignment;
  Allocator::Free(block, FreeClaim{Family::kAligned, bytes});
}

BARTIZAN_EXPORT void cfree(void* block) noexcept { Free(block); }

// Our malloc by a name that cannot be interposed (src/abi/process_malloc.cc).
[[gnu::visibility("hidden"), gnu::alias("malloc")]] void* bartizan_own_malloc(size_t) noexcept;

// Names by which some programs and old libraries reach the C library's own.
BARTIZAN_EXPORT void* __libc_malloc(size_t bytes) noexcept { return Malloc(bytes); }
BARTIZAN_EXPORT void* __libc_calloc(size_t count, size_t bytes) noexcept {
  return Calloc(count, bytes);
}
BARTIZAN_EXPORT void* __libc_realloc(void* block, size_t bytes) noexcept {
  return Realloc(block, bytes);
}
BARTIZAN_EXPORT void __libc_free(void* block) noexcept { Free(block); }
BARTIZAN_EXPORT void* __libc_memalign(size_t alignment, size_t bytes) noexcept {
  return Memalign(alignment, bytes);
}
BARTIZAN_EXPORT void* __libc_valloc(size_t bytes) noexcept {
  return Memalign(bartizan::platform::kPageBytes, bytes);
}
BARTIZAN_EXPORT void* __libc_pvalloc(size_t bytes) noexcept { return Pvalloc(bytes); }
BARTIZAN_EXPORT int __posix_memalign(void** out, size_t alignment, size_t bytes) noexcept {
  return PosixMemalign(out, alignment, bytes);
}

}  // extern "C"
