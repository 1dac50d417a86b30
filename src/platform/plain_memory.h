// Copying and searching memory without the C library, on nothing but the arguments: for the time
// before this library is relocated, when a call of any other function would end in the void.
//
// C is char or wchar_t.
#ifndef BARTIZAN_SRC_PLATFORM_PLAIN_MEMORY_H_
#define BARTIZAN_SRC_PLATFORM_PLAIN_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"

namespace bartizan::platform {

// In a loop: keeps the compiler from making a call of memcpy, memset or strlen of it.
BARTIZAN_INLINE void StayALoop() { asm volatile(""); }

template <class C>
BARTIZAN_INLINE C* PlainSet(C* to, C value, size_t count) {
#if defined(__x86_64__)
  if constexpr (sizeof(C) == 1) {
    void* at = to;
    asm volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
    return to;
  }
#endif
  for (size_t i = 0; i < count; ++i) {
    to[i] = value;
    StayALoop();
  }
  return to;
}

// Also for ranges that overlap, if `to` is below `from`.
template <class C>
BARTIZAN_INLINE C* PlainCopy(C* to, const C* from, size_t count) {
#if defined(__x86_64__)
  if constexpr (sizeof(C) == 1) {
    void* at = to;
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
    return to;
  }
#endif
  for (size_t i = 0; i < count; ++i) {
    to[i] = from[i];
    StayALoop();
  }
  return to;
}

template <class C>
BARTIZAN_INLINE C* PlainMove(C* to, const C* from, size_t count) {
  const uintptr_t distance = reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from);
  if (distance >= count * sizeof(C)) return PlainCopy(to, from, count);
  for (size_t i = count; i > 0; --i) {
    to[i - 1] = from[i - 1];
    StayALoop();
  }
  return to;
}

// Elements before the first that is `value`, `limit` at most.
template <class C>
BARTIZAN_INLINE size_t PlainFind(const C* in, C value, size_t limit) {
  size_t i = 0;
  while (i < limit && in[i] != value) {
    ++i;
    StayALoop();
  }
  return i;
}

template <class C>
BARTIZAN_INLINE size_t PlainLength(const C* text, size_t limit = SIZE_MAX) {
  return PlainFind(text, C{0}, limit);
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PLAIN_MEMORY_H_
