// strcpy and its like: ISO C 7.24, POSIX.1-2017; strlcpy and strlcat as POSIX.1-2024 has them.
//
// C libraries before glibc 2.38 have no strlcpy and strlcat. Ours do the work everywhere: looking
// for what is not there would allocate, in every process.
#include "src/abi/library_calls/copying_functions.h"

namespace bartizan::library_calls {
namespace {

struct Strcpy : StringCopy<Strcpy, Entry::kStrcpy, "strcpy", Returns::kBegin, char> {};
struct Stpcpy : StringCopy<Stpcpy, Entry::kStpcpy, "stpcpy", Returns::kEnd, char> {};
struct StrcpyChk
    : StringCopy<StrcpyChk, Entry::kStrcpyChk, "__strcpy_chk", Returns::kBegin, char, size_t> {};
struct StpcpyChk
    : StringCopy<StpcpyChk, Entry::kStpcpyChk, "__stpcpy_chk", Returns::kEnd, char, size_t> {};
struct Strncpy : PaddedCopy<Strncpy, Entry::kStrncpy, "strncpy", Returns::kBegin, char> {};
struct Stpncpy : PaddedCopy<Stpncpy, Entry::kStpncpy, "stpncpy", Returns::kEnd, char> {};
struct StrncpyChk
    : PaddedCopy<StrncpyChk, Entry::kStrncpyChk, "__strncpy_chk", Returns::kBegin, char, size_t> {};
struct StpncpyChk
    : PaddedCopy<StpncpyChk, Entry::kStpncpyChk, "__stpncpy_chk", Returns::kEnd, char, size_t> {};
struct Strcat : Concatenate<Strcat, Entry::kStrcat, "strcat", char> {};
struct StrcatChk : Concatenate<StrcatChk, Entry::kStrcatChk, "__strcat_chk", char, size_t> {};
struct Strncat : CountedConcatenate<Strncat, Entry::kStrncat, "strncat", char> {};
struct StrncatChk
    : CountedConcatenate<StrncatChk, Entry::kStrncatChk, "__strncat_chk", char, size_t> {};

// `size` is that of the whole destination. The source is read to its end whatever fits.
template <class F, Entry kIndex, Name kText, class... Given>
struct SizedCopy : LibraryFunction<F, kIndex, kText, size_t(char*, const char*, size_t, Given...)> {
  static void Check(char* to, const char* from, size_t size, Given...) {
    if (NeitherIsOurs(to, from)) return;
    const size_t bytes = CheckedLength<F>(from) + 1;
    F::Writes(to, bytes < size ? bytes : size);
  }
  static size_t Early(char* to, const char* from, size_t size, Given... given) {
    (EndUnlessFits(size, given), ...);
    const size_t length = platform::PlainLength(from);
    if (size != 0) PlainCopyString(to, from, length < size ? length : size - 1);
    return length;
  }
  static size_t Ours(char* to, const char* from, size_t size, Given... given) {
    (EndUnlessFits(size, given), ...);
    const size_t length = std::strlen(from);
    if (size == 0) return length;
    const size_t copied = length < size ? length : size - 1;
    std::memcpy(to, from, copied);
    to[copied] = '\0';
    return length;
  }
};
struct Strlcpy : SizedCopy<Strlcpy, Entry::kStrlcpy, "strlcpy"> {};
struct StrlcpyChk : SizedCopy<StrlcpyChk, Entry::kStrlcpyChk, "__strlcpy_chk", size_t> {};

template <class F, Entry kIndex, Name kText, class... Given>
struct SizedConcatenate
    : LibraryFunction<F, kIndex, kText, size_t(char*, const char*, size_t, Given...)> {
  static void Check(char* to, const char* from, size_t size, Given...) {
    if (NeitherIsOurs(to, from)) return;
    const size_t before = CheckedLength<F>(to, size);
    const size_t bytes = CheckedLength<F>(from) + 1;
    F::Writes(to + before, bytes < size - before ? bytes : size - before);
  }
  static size_t Early(char* to, const char* from, size_t size, Given... given) {
    (EndUnlessFits(size, given), ...);
    const size_t before = platform::PlainLength(to, size);
    return before + Strlcpy::Early(to + before, from, size - before);
  }
  static size_t Ours(char* to, const char* from, size_t size, Given... given) {
    (EndUnlessFits(size, given), ...);
    const size_t before = strnlen(to, size);
    return before + Strlcpy::Ours(to + before, from, size - before);
  }
};
struct Strlcat : SizedConcatenate<Strlcat, Entry::kStrlcat, "strlcat"> {};
struct StrlcatChk : SizedConcatenate<StrlcatChk, Entry::kStrlcatChk, "__strlcat_chk", size_t> {};

}  // namespace

void FillStringCalls(bool checked) {
  FillAll<Strcpy, Stpcpy, Strncpy, Stpncpy, Strcat, Strncat, Strlcpy, Strlcat, StrcpyChk, StpcpyChk,
          StrncpyChk, StpncpyChk, StrcatChk, StrncatChk, StrlcpyChk, StrlcatChk>(checked);
}

extern "C" {

BARTIZAN_EXPORT char* strcpy(char* to, const char* from) noexcept {
  return Enter<Strcpy>(to, from);
}
BARTIZAN_EXPORT char* stpcpy(char* to, const char* from) noexcept {
  return Enter<Stpcpy>(to, from);
}
BARTIZAN_EXPORT char* strncpy(char* to, const char* from, size_t count) noexcept {
  return Enter<Strncpy>(to, from, count);
}
BARTIZAN_EXPORT char* stpncpy(char* to, const char* from, size_t count) noexcept {
  return Enter<Stpncpy>(to, from, count);
}
BARTIZAN_EXPORT char* strcat(char* to, const char* from) noexcept {
  return Enter<Strcat>(to, from);
}
BARTIZAN_EXPORT char* strncat(char* to, const char* from, size_t count) noexcept {
  return Enter<Strncat>(to, from, count);
}
BARTIZAN_EXPORT size_t strlcpy(char* to, const char* from, size_t size) noexcept {
  return Enter<Strlcpy>(to, from, size);
}
BARTIZAN_EXPORT size_t strlcat(char* to, const char* from, size_t size) noexcept {
  return Enter<Strlcat>(to, from, size);
}

BARTIZAN_EXPORT char* __strcpy_chk(char* to, const char* from, size_t given) noexcept {
  return Enter<StrcpyChk>(to, from, given);
}
BARTIZAN_EXPORT char* __stpcpy_chk(char* to, const char* from, size_t given) noexcept {
  return Enter<StpcpyChk>(to, from, given);
}
BARTIZAN_EXPORT char* __strncpy_chk(char* to, const char* from, size_t count,
                                    size_t given) noexcept {
  return Enter<StrncpyChk>(to, from, count, given);
}
BARTIZAN_EXPORT char* __stpncpy_chk(char* to, const char* from, size_t count,
                                    size_t given) noexcept {
  return Enter<StpncpyChk>(to, from, count, given);
}
BARTIZAN_EXPORT char* __strcat_chk(char* to, const char* from, size_t given) noexcept {
  return Enter<StrcatChk>(to, from, given);
}
BARTIZAN_EXPORT char* __strncat_chk(char* to, const char* from, size_t count,
                                    size_t given) noexcept {
  return Enter<StrncatChk>(to, from, count, given);
}
BARTIZAN_EXPORT size_t __strlcpy_chk(char* to, const char* from, size_t size,
                                     size_t given) noexcept {
  return Enter<StrlcpyChk>(to, from, size, given);
}
BARTIZAN_EXPORT size_t __strlcat_chk(char* to, const char* from, size_t size,
                                     size_t given) noexcept {
  return Enter<StrlcatChk>(to, from, size, given);
}

}  // extern "C"
}  // namespace bartizan::library_calls
