// The replaceable operators new and delete (C++20 [new.delete]). Compiled with exceptions:
// std::bad_alloc passes through here.
#include <cerrno>
#include <cstddef>
#include <new>

#include "src/abi/new_handler.h"
#include "src/base/compiler.h"
#include "src/platform/process_malloc.h"

using bartizan::Family;
using bartizan::FreeClaim;
using Allocator = bartizan::SelectedAllocator;

// What catching an exception needs of the C++ run-time library. Weak: where there is no such
// library nothing is thrown, and nothing of it is called.
asm(".weak __gxx_personality_v0");
asm(".weak __cxa_begin_catch");
asm(".weak __cxa_end_catch");
asm(".weak _ZSt9terminatev");

namespace {

void* TryAllocate(size_t bytes, size_t alignment, Family family) {
  return alignment == 0 ? Allocator::Allocate(bytes, family)
                        : Allocator::AllocateAligned(alignment, bytes, family);
}

// A program with a malloc of its own, but without operators, may release with either what it got
// from the other: all must come from its malloc.
void* TryElsewhere(size_t bytes, size_t alignment, Family family) {
  using bartizan::platform::AnotherMallocServes;
  if (!AnotherMallocServes()) return nullptr;
  void* block = bartizan::platform::AllocateElsewhere(bytes == 0 ? 1 : bytes, alignment);
  if (block == nullptr || AnotherMallocServes()) return block;
  // It was a layer over ours, which was not called before; its block would not be one of new.
  bartizan::platform::FreeElsewhere(block);
  return TryAllocate(bytes, alignment, family);
}

// [new.delete.single]: as long as there is a handler it is called, and may make memory available.
BARTIZAN_COLD void* AskHandler(size_t bytes, size_t alignment, Family family) {
  for (;;) {
    if (void* block = TryElsewhere(bytes, alignment, family)) return block;
    const std::new_handler handler = bartizan::CurrentNewHandler();
    if (handler == nullptr) bartizan::ThrowBadAlloc();
    handler();
    if (void* block = TryAllocate(bytes, alignment, family)) return block;
  }
}

BARTIZAN_COLD void* AskHandlerNothrow(size_t bytes, size_t alignment, Family family) noexcept {
  if (void* block = TryElsewhere(bytes, alignment, family)) return block;
  if (bartizan::CurrentNewHandler() == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  try {
    return AskHandler(bytes, alignment, family);
  } catch (...) {
    return nullptr;
  }
}

BARTIZAN_NOINLINE void* NewRarely(size_t bytes, Family family) {
  void* block = Allocator::AllocateRarely(bytes, family);
  return block != nullptr ? block : AskHandler(bytes, 0, family);
}
BARTIZAN_NOINLINE void* NewNothrowRarely(size_t bytes, Family family) noexcept {
  void* block = Allocator::AllocateRarely(bytes, family);
  return block != nullptr ? block : AskHandlerNothrow(bytes, 0, family);
}
BARTIZAN_INLINE void* New(size_t bytes, Family family) {
  return Allocator::Allocate(bytes, family, NewRarely);
}
BARTIZAN_INLINE void* NewNothrow(size_t bytes, Family family) noexcept {
  return Allocator::Allocate(bytes, family, NewNothrowRarely);
}
void* New(size_t bytes, std::align_val_t alignment, Family family) {
  const auto value = static_cast<size_t>(alignment);
  void* block = TryAllocate(bytes, value, family);
  return block != nullptr ? block : AskHandler(bytes, value, family);
}
void* NewNothrow(size_t bytes, std::align_val_t alignment, Family family) noexcept {
  const auto value = static_cast<size_t>(alignment);
  void* block = TryAllocate(bytes, value, family);
  return block != nullptr ? block : AskHandlerNothrow(bytes, value, family);
}

BARTIZAN_INLINE void Delete(void* block, Family family) noexcept {
  Allocator::Free(block, FreeClaim{family});
}
BARTIZAN_INLINE void Delete(void* block, Family family, size_t bytes) noexcept {
  Allocator::Free(block, FreeClaim{family, bytes});
}

constexpr Family kOne = Family::kNew;
constexpr Family kArray = Family::kNewArray;

}  // namespace

using Alignment = std::align_val_t;
using Nothrow = const std::nothrow_t&;

BARTIZAN_EXPORT void* operator new(size_t n) { return New(n, kOne); }
BARTIZAN_EXPORT void* operator new[](size_t n) { return New(n, kArray); }
BARTIZAN_EXPORT void* operator new(size_t n, Nothrow) noexcept { return NewNothrow(n, kOne); }
BARTIZAN_EXPORT void* operator new[](size_t n, Nothrow) noexcept { return NewNothrow(n, kArray); }
BARTIZAN_EXPORT void* operator new(size_t n, Alignment a) { return New(n, a, kOne); }
BARTIZAN_EXPORT void* operator new[](size_t n, Alignment a) { return New(n, a, kArray); }
BARTIZAN_EXPORT void* operator new(size_t n, Alignment a, Nothrow) noexcept {
  return NewNothrow(n, a, kOne);
}
BARTIZAN_EXPORT void* operator new[](size_t n, Alignment a, Nothrow) noexcept {
  return NewNothrow(n, a, kArray);
}

BARTIZAN_EXPORT void operator delete(void* p) noexcept { Delete(p, kOne); }
BARTIZAN_EXPORT void operator delete[](void* p) noexcept { Delete(p, kArray); }
BARTIZAN_EXPORT void operator delete(void* p, Nothrow) noexcept { Delete(p, kOne); }
BARTIZAN_EXPORT void operator delete[](void* p, Nothrow) noexcept { Delete(p, kArray); }
BARTIZAN_EXPORT void operator delete(void* p, size_t n) noexcept { Delete(p, kOne, n); }
BARTIZAN_EXPORT void operator delete[](void* p, size_t n) noexcept { Delete(p, kArray, n); }
BARTIZAN_EXPORT void operator delete(void* p, Alignment) noexcept { Delete(p, kOne); }
BARTIZAN_EXPORT void operator delete[](void* p, Alignment) noexcept { Delete(p, kArray); }
BARTIZAN_EXPORT void operator delete(void* p, Alignment, Nothrow) noexcept { Delete(p, kOne); }
BARTIZAN_EXPORT void operator delete[](void* p, Alignment, Nothrow) noexcept { Delete(p, kArray); }
BARTIZAN_EXPORT void operator delete(void* p, size_t n, Alignment) noexcept { Delete(p, kOne, n); }
BARTIZAN_EXPORT void operator delete[](void* p, size_t n, Alignment) noexcept {
  Delete(p, kArray, n);
}
