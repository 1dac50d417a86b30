// memcpy and its like: ISO C 7.24, POSIX.1-2017, and the C library's manual. Also what the library
// itself calls by the names memcpy, memmove and memset.
#include "src/abi/library_calls/copying_functions.h"

namespace bartizan::library_calls {
namespace {

struct Memcpy : Copy<Memcpy, Entry::kMemcpy, "memcpy", Returns::kBegin, void> {};
struct Memmove : Copy<Memmove, Entry::kMemmove, "memmove", Returns::kBegin, void> {};
struct Mempcpy : Copy<Mempcpy, Entry::kMempcpy, "mempcpy", Returns::kEnd, void> {};
struct MemcpyChk
    : Copy<MemcpyChk, Entry::kMemcpyChk, "__memcpy_chk", Returns::kBegin, void, size_t> {};
struct MemmoveChk
    : Copy<MemmoveChk, Entry::kMemmoveChk, "__memmove_chk", Returns::kBegin, void, size_t> {};
struct MempcpyChk
    : Copy<MempcpyChk, Entry::kMempcpyChk, "__mempcpy_chk", Returns::kEnd, void, size_t> {};
struct Memset : Set<Memset, Entry::kMemset, "memset", void, int> {};
struct MemsetChk : Set<MemsetChk, Entry::kMemsetChk, "__memset_chk", void, int, size_t> {};

// Copies up to and including the first byte that is `last`.
struct Memccpy
    : LibraryFunction<Memccpy, Entry::kMemccpy, "memccpy", void*(void*, const void*, int, size_t)> {
  static void Check(void* to, const void* from, int last, size_t bytes) {
    if (NeitherIsOurs(to, from)) return;
    const size_t left = BytesLeft(from);
    const void* found = std::memchr(from, last, bytes < left ? bytes : left);
    const size_t copied =
        found == nullptr ? bytes : static_cast<size_t>(Elements(found) - Elements(from)) + 1;
    Reads(from, copied);
    Writes(to, copied);
  }
  static void* Early(void* to, const void* from, int last, size_t bytes) {
    const size_t before = platform::PlainFind(Elements(from), static_cast<char>(last), bytes);
    const bool found = before < bytes;
    const size_t copied = found ? before + 1 : bytes;
    platform::PlainMove(Elements(to), Elements(from), copied);
    return found ? Elements(to) + copied : nullptr;
  }
};

template <class F, Entry kIndex, Name kText, class... Given>
struct Zero : LibraryFunction<F, kIndex, kText, void(void*, size_t, Given...)> {
  static void Check(void* to, size_t bytes, Given...) { F::Writes(to, bytes); }
  static void Early(void* to, size_t bytes, Given... given) {
    (EndUnlessFits(bytes, given), ...);
    platform::PlainSet(Elements(to), '\0', bytes);
  }
};
struct Bzero : Zero<Bzero, Entry::kBzero, "bzero"> {};
struct ExplicitBzero : Zero<ExplicitBzero, Entry::kExplicitBzero, "explicit_bzero"> {};
struct ExplicitBzeroChk
    : Zero<ExplicitBzeroChk, Entry::kExplicitBzeroChk, "__explicit_bzero_chk", size_t> {};

struct Bcopy : LibraryFunction<Bcopy, Entry::kBcopy, "bcopy", void(const void*, void*, size_t)> {
  static void Check(const void* from, void* to, size_t bytes) {
    Writes(to, bytes);
    Reads(from, bytes);
  }
  static void Early(const void* from, void* to, size_t bytes) {
    platform::PlainMove(Elements(to), Elements(from), bytes);
  }
};

}  // namespace

void FillMemoryCalls(bool checked) {
  FillAll<Memcpy, Memmove, Mempcpy, Memset, Memccpy, Bzero, Bcopy, ExplicitBzero, MemcpyChk,
          MemmoveChk, MempcpyChk, MemsetChk, ExplicitBzeroChk>(checked);
}

extern "C" {

BARTIZAN_EXPORT void* memcpy(void* to, const void* from, size_t bytes) noexcept {
  return Enter<Memcpy>(to, from, bytes);
}
BARTIZAN_EXPORT void* memmove(void* to, const void* from, size_t bytes) noexcept {
  return Enter<Memmove>(to, from, bytes);
}
BARTIZAN_EXPORT void* mempcpy(void* to, const void* from, size_t bytes) noexcept {
  return Enter<Mempcpy>(to, from, bytes);
}
BARTIZAN_EXPORT void* memset(void* to, int value, size_t bytes) noexcept {
  return Enter<Memset>(to, value, bytes);
}
BARTIZAN_EXPORT void* memccpy(void* to, const void* from, int last, size_t bytes) noexcept {
  return Enter<Memccpy>(to, from, last, bytes);
}
BARTIZAN_EXPORT void bzero(void* to, size_t bytes) noexcept { Enter<Bzero>(to, bytes); }
BARTIZAN_EXPORT void bcopy(const void* from, void* to, size_t bytes) noexcept {
  Enter<Bcopy>(from, to, bytes);
}
BARTIZAN_EXPORT void explicit_bzero(void* to, size_t bytes) noexcept {
  Enter<ExplicitBzero>(to, bytes);
}

BARTIZAN_EXPORT void* __memcpy_chk(void* to, const void* from, size_t bytes,
                                   size_t given) noexcept {
  return Enter<MemcpyChk>(to, from, bytes, given);
}
BARTIZAN_EXPORT void* __memmove_chk(void* to, const void* from, size_t bytes,
                                    size_t given) noexcept {
  return Enter<MemmoveChk>(to, from, bytes, given);
}
BARTIZAN_EXPORT void* __mempcpy_chk(void* to, const void* from, size_t bytes,
                                    size_t given) noexcept {
  return Enter<MempcpyChk>(to, from, bytes, given);
}
BARTIZAN_EXPORT void* __memset_chk(void* to, int value, size_t bytes, size_t given) noexcept {
  return Enter<MemsetChk>(to, value, bytes, given);
}
BARTIZAN_EXPORT void __explicit_bzero_chk(void* to, size_t bytes, size_t given) noexcept {
  Enter<ExplicitBzeroChk>(to, bytes, given);
}

// The linker binds what the library itself calls by these names to these (--wrap): straight to the
// C library, and to plain code as long as the table is empty.
void* __wrap_memcpy(void* to, const void* from, size_t bytes) {
  return EnterUnchecked<Memcpy>(to, from, bytes);
}
void* __wrap_memmove(void* to, const void* from, size_t bytes) {
  return EnterUnchecked<Memmove>(to, from, bytes);
}
void* __wrap_memset(void* to, int value, size_t bytes) {
  return EnterUnchecked<Memset>(to, value, bytes);
}

}  // extern "C"
}  // namespace bartizan::library_calls
