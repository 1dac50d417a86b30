#include "fuzz/harness/abi.h"

#include <cerrno>
#include <iterator>

#include "fuzz/harness/check.h"
#include "src/abi/own_malloc.h"
#include "src/platform/process_malloc.h"

// Nothing else ever serves here (embedded.cc says so).
namespace bartizan {

void ServeFromNowOn() {}

namespace platform {

void* AllocateElsewhere(size_t, size_t) { return nullptr; }
void* ReallocateElsewhere(void*, size_t) { return nullptr; }

}  // namespace platform
}  // namespace bartizan

namespace fuzz::abi {

using bartizan::Family;
using Alignment = std::align_val_t;
using Nothrow = const std::nothrow_t&;

void* LibcMalloc(size_t) asm("abi___libc_malloc");
void* LibcCalloc(size_t, size_t) asm("abi___libc_calloc");
void* LibcRealloc(void*, size_t) asm("abi___libc_realloc");
void* LibcMemalign(size_t, size_t) asm("abi___libc_memalign");
void* LibcValloc(size_t) asm("abi___libc_valloc");
void* LibcPvalloc(size_t) asm("abi___libc_pvalloc");
int LibcPosixMemalign(void**, size_t, size_t) asm("abi___posix_memalign");
void LibcFree(void*) asm("abi___libc_free");
void Cfree(void*) asm("abi_cfree");

void* New(size_t) asm("abi__Znwm");
void* NewArray(size_t) asm("abi__Znam");
void* New(size_t, Nothrow) asm("abi__ZnwmRKSt9nothrow_t");
void* NewArray(size_t, Nothrow) asm("abi__ZnamRKSt9nothrow_t");
void* New(size_t, Alignment) asm("abi__ZnwmSt11align_val_t");
void* NewArray(size_t, Alignment) asm("abi__ZnamSt11align_val_t");
void* New(size_t, Alignment, Nothrow) asm("abi__ZnwmSt11align_val_tRKSt9nothrow_t");
void* NewArray(size_t, Alignment, Nothrow) asm("abi__ZnamSt11align_val_tRKSt9nothrow_t");
void Delete(void*) asm("abi__ZdlPv");
void DeleteArray(void*) asm("abi__ZdaPv");
void Delete(void*, Nothrow) asm("abi__ZdlPvRKSt9nothrow_t");
void DeleteArray(void*, Nothrow) asm("abi__ZdaPvRKSt9nothrow_t");
void Delete(void*, size_t) asm("abi__ZdlPvm");
void DeleteArray(void*, size_t) asm("abi__ZdaPvm");
void Delete(void*, Alignment) asm("abi__ZdlPvSt11align_val_t");
void DeleteArray(void*, Alignment) asm("abi__ZdaPvSt11align_val_t");
void Delete(void*, Alignment, Nothrow) asm("abi__ZdlPvSt11align_val_tRKSt9nothrow_t");
void DeleteArray(void*, Alignment, Nothrow) asm("abi__ZdaPvSt11align_val_tRKSt9nothrow_t");
void Delete(void*, size_t, Alignment) asm("abi__ZdlPvmSt11align_val_t");
void DeleteArray(void*, size_t, Alignment) asm("abi__ZdaPvmSt11align_val_t");

namespace {

constexpr size_t kPage = 4096;

// --- Functions of C: a result of null, and ENOMEM
// ------------------------------------------------

Answer FromC(void* block, Family family, size_t size, bool zero = false) {
  FUZZ_CHECK(errno == (block == nullptr ? ENOMEM : 0), "errno %d", errno);
  return {block, family, size, zero, block == nullptr};
}

// errno stays, and so does *out where nothing is served.
Answer FromPosix(int (*function)(void**, size_t, size_t), const Request& request) {
  void* const before = &errno;
  void* out = before;
  const int result = function(&out, request.alignment, request.size);
  FUZZ_CHECK(errno == 0, "posix_memalign left errno %d", errno);
  FUZZ_CHECK(result == 0 || result == ENOMEM, "posix_memalign returned %d", result);
  FUZZ_CHECK((result != 0) == (out == before), "posix_memalign returned %d and %p", result, out);
  return {result == 0 ? out : nullptr, Family::kAligned, request.size, false, result != 0};
}

// An alignment that is no power of two is rounded up to the next one.
size_t Odd(size_t alignment) { return alignment - alignment / 4; }

size_t WholePages(size_t size) {
  return size > SIZE_MAX - kPage ? size : (size + (size == 0) + kPage - 1) / kPage * kPage;
}

Answer AllocateForC(const Request& request) {
  constexpr Family kPlain = Family::kMalloc;
  constexpr Family kAligned = Family::kAligned;
  const auto [alignment, size, form] = request;
  if (alignment == kPage && form % 2 == 0) {
    switch (form / 2 % 4) {
      case 0:
        return FromC(Valloc(size), kAligned, size);
      case 1:
        return FromC(LibcValloc(size), kAligned, size);
      case 2:
        return FromC(Pvalloc(size), kAligned, WholePages(size));
      default:
        return FromC(LibcPvalloc(size), kAligned, WholePages(size));
    }
  }
  if (alignment != 16) {
    switch (form % 5) {
      case 0:
        return FromC(AlignedAlloc(alignment, size), kAligned, size);
      case 1:
        return FromC(Memalign(Odd(alignment), size), kAligned, size);
      case 2:
        return FromPosix(PosixMemalign, request);
      case 3:
        return FromC(LibcMemalign(alignment, size), kAligned, size);
      default:
        return FromPosix(LibcPosixMemalign, request);
    }
  }
  switch (form % 8) {
    default:
      return FromC(Malloc(size), kPlain, size);
    case 1:
      return FromC(Calloc(size, 1), kPlain, size, true);
    case 2:
      return FromC(LibcMalloc(size), kPlain, size);
    case 3:
      return FromC(LibcCalloc(1, size), kPlain, size, true);
    case 4:
      return FromC(LibcRealloc(nullptr, size), kPlain, size);
    case 5:
      return FromC(ReallocArray(nullptr, 1, size), kPlain, size);
  }
}

// --- Operators: an exception, or null
// ------------------------------------------------------------

Answer FromNew(const Request& request, Family family) {
  const auto [alignment, size, form] = request;
  const bool array = family == Family::kNewArray;
  const Alignment aligned{alignment};
  if (form % 2 == 0) {
    void* const block =
        alignment == 16
            ? (array ? NewArray(size, std::nothrow) : New(size, std::nothrow))
            : (array ? NewArray(size, aligned, std::nothrow) : New(size, aligned, std::nothrow));
    return {block, family, size, false, block == nullptr};
  }
  try {
    void* const block = alignment == 16 ? (array ? NewArray(size) : New(size))
                                        : (array ? NewArray(size, aligned) : New(size, aligned));
    FUZZ_CHECK(block != nullptr, "operator new returned null");
    return {block, family, size, false, false};
  } catch (const std::bad_alloc&) {
    return {nullptr, family, size, false, true};
  }
}

using Releaser = void (*)(void* block, size_t alignment, size_t size);

constexpr Releaser kForC[] = {
    [](void* block, size_t, size_t) { Free(block); },
    [](void* block, size_t, size_t) { Cfree(block); },
    [](void* block, size_t, size_t) { LibcFree(block); },
    [](void* block, size_t, size_t) {
      FUZZ_CHECK(Realloc(block, 0) == nullptr, "realloc to nothing");
    },
    [](void* block, size_t, size_t size) { FreeSized(block, size); },
};
constexpr size_t kUnsized = std::size(kForC) - 1;
constexpr Releaser kForNew[] = {
    [](void* block, size_t, size_t) { Delete(block); },
    [](void* block, size_t, size_t) { Delete(block, std::nothrow); },
    [](void* block, size_t, size_t size) { Delete(block, size); },
};
constexpr Releaser kForNewArray[] = {
    [](void* block, size_t, size_t) { DeleteArray(block); },
    [](void* block, size_t, size_t) { DeleteArray(block, std::nothrow); },
    [](void* block, size_t, size_t size) { DeleteArray(block, size); },
};
constexpr Releaser kForAlignedNew[] = {
    [](void* block, size_t alignment, size_t) { Delete(block, Alignment{alignment}); },
    [](void* block, size_t alignment, size_t) {
      Delete(block, Alignment{alignment}, std::nothrow);
    },
    [](void* block, size_t alignment, size_t size) { Delete(block, size, Alignment{alignment}); },
};
constexpr Releaser kForAlignedNewArray[] = {
    [](void* block, size_t alignment, size_t) { DeleteArray(block, Alignment{alignment}); },
    [](void* block, size_t alignment, size_t) {
      DeleteArray(block, Alignment{alignment}, std::nothrow);
    },
    [](void* block, size_t alignment, size_t size) {
      DeleteArray(block, size, Alignment{alignment});
    },
};

}  // namespace

Answer Allocate(const Request& request) {
  errno = 0;
  switch (request.form % 4) {
    default:
      return AllocateForC({request.alignment, request.size, request.form / 4});
    case 2:
      return FromNew({request.alignment, request.size, request.form / 4}, Family::kNew);
    case 3:
      return FromNew({request.alignment, request.size, request.form / 4}, Family::kNewArray);
  }
}

void Release(void* block, Family family, size_t alignment, size_t size, unsigned form) {
  const bool aligned = alignment != 16;
  switch (family) {
    case Family::kMalloc:
      return kForC[form % std::size(kForC)](block, alignment, size);
    case Family::kAligned:
      return form % 5 == 4 ? FreeAlignedSized(block, alignment, size)
                           : kForC[form % kUnsized](block, alignment, size);
    case Family::kNew:
      return (aligned ? kForAlignedNew : kForNew)[form % 3](block, alignment, size);
    case Family::kNewArray:
      return (aligned ? kForAlignedNewArray : kForNewArray)[form % 3](block, alignment, size);
  }
}

}  // namespace fuzz::abi
