// Requests that no system can serve: null and ENOMEM, as POSIX says, and the heap stays whole.
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "impossible request";
constexpr size_t kHalf = size_t{1} << 63;

[[noreturn]] void Judge(const void* block) {
  if (block != nullptr) Unnoticed("a block was returned");
  if (errno != ENOMEM) Unnoticed("errno is not ENOMEM");
  Answered("null and ENOMEM");
}

template <size_t kRequest>
void Malloc(Run& run) {
  run.At(Moment::kCall);
  errno = 0;
  const void* block = nullptr;
  run.Do([&] {
    block = Opaque(malloc(Opaque(kRequest)));
    Judge(block);
  });
}

template <size_t kCount, size_t kSize>
void Calloc(Run& run) {
  run.At(Moment::kCall);
  run.Do([] {
    errno = 0;
    Judge(Opaque(calloc(Opaque(kCount), Opaque(kSize))));
  });
}

void Reallocarray(Run& run) {
  char* const block = Allocate(24);
  run.At(Moment::kCall);
  run.Do([&] {
    errno = 0;
    Judge(Opaque(reallocarray(Opaque(block), Opaque(kHalf + 4), Opaque(size_t{2}))));
  });
}

void Realloc(Run& run) {
  char* const block = Allocate(24);
  run.At(Moment::kCall);
  run.Do([&] {
    errno = 0;
    void* const grown = realloc(Opaque(block), Opaque(SIZE_MAX - 7));
    if (grown == nullptr && Load(block + 23) != kContents) Unnoticed("the old block was damaged");
    Judge(grown);
  });
}

void AlignedAlloc(Run& run) {
  run.At(Moment::kCall);
  run.Do([] {
    errno = 0;
    Judge(Opaque(aligned_alloc(64, Opaque(SIZE_MAX - 63))));
  });
}

void PosixMemalign(Run& run) {
  run.At(Moment::kCall);
  run.Do([] {
    void* block = nullptr;
    errno = posix_memalign(&block, Opaque(size_t{4096}), Opaque(SIZE_MAX - 4000));
    Judge(block);
  });
}

void New(Run& run) {
  run.At(Moment::kCall);
  run.Do([] {
    const void* block = nullptr;
    try {
      block = Opaque(operator new(Opaque(SIZE_MAX)));
    } catch (const std::bad_alloc&) {
      Answered("std::bad_alloc");
    }
    if (block != nullptr) Unnoticed("a block was returned");
    Unnoticed("null from new that must throw");
  });
}

constexpr Fault kFaults[] = {
    {"request_minus_1", kGroup, "always", "malloc(-1)", Malloc<SIZE_MAX>, 8, 8},
    {"request_minus_8", kGroup, "always", "malloc(-8)", Malloc<SIZE_MAX - 7>, 8, 8},
    {"request_half", kGroup, "always", "malloc(PTRDIFF_MAX + 1)", Malloc<kHalf>, 8, 8},
    {"request_calloc_overflow", kGroup, "always", "calloc of a product that wraps to 16 bytes",
     Calloc<kHalf + 8, 2>, 8, 8},
    {"request_reallocarray_overflow", kGroup, "always",
     "reallocarray of a product that wraps to 8 bytes", Reallocarray, 8, 8},
    {"request_realloc_minus_8", kGroup, "always", "realloc to -8 bytes", Realloc, 8, 8},
    {"request_aligned_alloc", kGroup, "always", "aligned_alloc of -64 bytes", AlignedAlloc, 8, 8},
    {"request_posix_memalign", kGroup, "always", "posix_memalign of nearly all addresses",
     PosixMemalign, 8, 8},
    {"request_new", kGroup, "always", "new of -1 bytes", New, 8, 8},
};

}  // namespace

const FaultList kRequestFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
