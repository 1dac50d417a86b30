// What mem*, wmem*, str* and wcs* have in common: which ranges they access, and plain code that
// does their work before the table is filled.
//
// T is what the pointers point at: void, char or wchar_t. Given is nothing, or size_t for the
// fortified form (__memcpy_chk and its like), whose last argument is the number of elements that
// the compiler knows the destination has.
#ifndef BARTIZAN_SRC_ABI_LIBRARY_CALLS_COPYING_FUNCTIONS_H_
#define BARTIZAN_SRC_ABI_LIBRARY_CALLS_COPYING_FUNCTIONS_H_

#include <cstddef>
#include <cstring>
#include <cwchar>
#include <type_traits>

#include "src/abi/library_calls/library_function.h"
#include "src/platform/plain_memory.h"

namespace bartizan::library_calls {

template <class T>
using Element = std::conditional_t<std::is_void_v<T>, char, T>;

template <class T>
Element<T>* Elements(T* at) {
  return static_cast<Element<T>*>(at);
}
template <class T>
const Element<T>* Elements(const T* at) {
  return static_cast<const Element<T>*>(at);
}

// What a function returns.
enum class Returns : bool { kBegin, kEnd };

// --- Ranges of a given length -------------------------------------------------------------------

// memcpy, memmove, mempcpy. All are safe for ranges that overlap.
template <class F, Entry kIndex, Name kText, Returns kReturns, class T, class... Given>
struct Copy : LibraryFunction<F, kIndex, kText, T*(T*, const T*, size_t, Given...)> {
  static void Check(T* to, const T* from, size_t count, Given...) {
    const size_t bytes = Product(count, sizeof(Element<T>));
    F::Writes(to, bytes);
    F::Reads(from, bytes);
  }
  static T* Early(T* to, const T* from, size_t count, Given... given) {
    (EndUnlessFits(count, given), ...);
    platform::PlainMove(Elements(to), Elements(from), count);
    return kReturns == Returns::kEnd ? Elements(to) + count : to;
  }
};

template <class F, Entry kIndex, Name kText, class T, class Value, class... Given>
struct Set : LibraryFunction<F, kIndex, kText, T*(T*, Value, size_t, Given...)> {
  static void Check(T* to, Value, size_t count, Given...) {
    F::Writes(to, Product(count, sizeof(Element<T>)));
  }
  static T* Early(T* to, Value value, size_t count, Given... given) {
    (EndUnlessFits(count, given), ...);
    return platform::PlainSet(Elements(to), static_cast<Element<T>>(value), count);
  }
};

// --- Strings ------------------------------------------------------------------------------------

inline size_t LengthInLibrary(const char* text, size_t limit) { return strnlen(text, limit); }
inline size_t LengthInLibrary(const wchar_t* text, size_t limit) { return wcsnlen(text, limit); }

// Elements before the end of the string, `limit` at most. A string that does not end within its
// block is read beyond it.
template <class F, class C>
size_t CheckedLength(const C* text, size_t limit = SIZE_MAX) {
  const size_t left = BytesLeft(text);
  const size_t room = left == kNoBound ? limit : left / sizeof(C);
  const size_t looked_at = room < limit ? room : limit;
  const size_t length = LengthInLibrary(text, looked_at);
  if (length == looked_at && looked_at < limit) F::Reads(text, (looked_at + 1) * sizeof(C));
  return length;
}

inline bool NeitherIsOurs(const void* one, const void* other) {
  return !MayBeOurs(reinterpret_cast<uintptr_t>(one)) &&
         !MayBeOurs(reinterpret_cast<uintptr_t>(other));
}

template <class C>
C* PlainCopyString(C* to, const C* from, size_t length) {
  platform::PlainMove(to, from, length);
  to[length] = 0;
  return to + length;
}

// strcpy, stpcpy.
template <class F, Entry kIndex, Name kText, Returns kReturns, class C, class... Given>
struct StringCopy : LibraryFunction<F, kIndex, kText, C*(C*, const C*, Given...)> {
  static void Check(C* to, const C* from, Given...) {
    if (NeitherIsOurs(to, from)) return;
    F::Writes(to, (CheckedLength<F>(from) + 1) * sizeof(C));
  }
  static C* Early(C* to, const C* from, Given... given) {
    const size_t length = platform::PlainLength(from);
    (EndUnlessFits(length + 1, given), ...);
    C* end = PlainCopyString(to, from, length);
    return kReturns == Returns::kEnd ? end : to;
  }
};

// strncpy, stpncpy: what the source does not fill becomes zero.
template <class F, Entry kIndex, Name kText, Returns kReturns, class C, class... Given>
struct PaddedCopy : LibraryFunction<F, kIndex, kText, C*(C*, const C*, size_t, Given...)> {
  static void Check(C* to, const C* from, size_t count, Given...) {
    if (NeitherIsOurs(to, from)) return;
    CheckedLength<F>(from, count);
    F::Writes(to, Product(count, sizeof(C)));
  }
  static C* Early(C* to, const C* from, size_t count, Given... given) {
    (EndUnlessFits(count, given), ...);
    const size_t length = platform::PlainLength(from, count);
    platform::PlainMove(to, from, length);
    platform::PlainSet(to + length, C{0}, count - length);
    return kReturns == Returns::kEnd ? to + length : to;
  }
};

// strcat.
template <class F, Entry kIndex, Name kText, class C, class... Given>
struct Concatenate : LibraryFunction<F, kIndex, kText, C*(C*, const C*, Given...)> {
  static void Check(C* to, const C* from, Given...) {
    if (NeitherIsOurs(to, from)) return;
    const size_t before = CheckedLength<F>(to);
    F::Writes(to + before, (CheckedLength<F>(from) + 1) * sizeof(C));
  }
  static C* Early(C* to, const C* from, Given... given) {
    const size_t before = platform::PlainLength(to);
    const size_t length = platform::PlainLength(from);
    (EndUnlessFits(before + length + 1, given), ...);
    PlainCopyString(to + before, from, length);
    return to;
  }
};

// strncat: `count` elements of the source at most, and a terminator.
template <class F, Entry kIndex, Name kText, class C, class... Given>
struct CountedConcatenate : LibraryFunction<F, kIndex, kText, C*(C*, const C*, size_t, Given...)> {
  static void Check(C* to, const C* from, size_t count, Given...) {
    if (NeitherIsOurs(to, from)) return;
    const size_t before = CheckedLength<F>(to);
    F::Writes(to + before, (CheckedLength<F>(from, count) + 1) * sizeof(C));
  }
  static C* Early(C* to, const C* from, size_t count, Given... given) {
    const size_t before = platform::PlainLength(to);
    const size_t length = platform::PlainLength(from, count);
    (EndUnlessFits(before + length + 1, given), ...);
    PlainCopyString(to + before, from, length);
    return to;
  }
};

}  // namespace bartizan::library_calls

#endif  // BARTIZAN_SRC_ABI_LIBRARY_CALLS_COPYING_FUNCTIONS_H_
