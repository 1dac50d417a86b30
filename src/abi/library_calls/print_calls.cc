// snprintf and its like: ISO C 7.23.6, POSIX.1-2017.
//
// A size that exceeds the block is common and harmless as long as the output fits: what counts is
// what would be written. Those that take a list of arguments serve those that take the arguments.
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "src/abi/library_calls/library_function.h"

extern "C" {
// Second names of the C library's own, for calls before the table is filled.
int __vsnprintf(char* to, size_t size, const char* format, va_list arguments);
int _IO_vsprintf(char* to, const char* format, va_list arguments);
}

namespace bartizan::library_calls {
namespace {

// Prints into the room that the block has. Output that needs more is a violation, found before the
// first byte beyond is written.
template <class F, class Print>
int PrintWithin(char* to, size_t size, Print print) {
  const size_t left = size == 0 ? kNoBound : BytesLeft(to);
  if (left >= size) return print(size);
  const int length = print(left);
  if (length >= 0 && static_cast<size_t>(length) >= left) {
    const size_t bytes = static_cast<size_t>(length) + 1;
    F::Writes(to, bytes < size ? bytes : size);
  }
  return length;
}

// Where no size is given the output is measured first, for it may contain the destination: a
// mistake that works. Printing to measure changes nothing, errno neither, since %m prints that.
template <class F>
void CheckOutput(char* to, const char* format, va_list arguments) {
  if (BytesLeft(to) == kNoBound) return;
  const int saved = errno;
  va_list again;
  va_copy(again, arguments);
  const int length = __vsnprintf(nullptr, 0, format, again);
  va_end(again);
  errno = saved;
  if (length >= 0) F::Writes(to, static_cast<size_t>(length) + 1);
}

template <class F, Entry kIndex, Name kText>
struct SizedPrint : LibraryFunction<F, kIndex, kText, int(char*, size_t, const char*, va_list)> {
  static constexpr const char* kLibraryName = "vsnprintf";
  static int Checked(char* to, size_t size, const char* format, va_list arguments) {
    return PrintWithin<F>(to, size,
                          [&](size_t room) { return InLibrary<F>()(to, room, format, arguments); });
  }
  static int Early(char* to, size_t size, const char* format, va_list arguments) {
    return __vsnprintf(to, size, format, arguments);
  }
};
struct Snprintf : SizedPrint<Snprintf, Entry::kSnprintf, "snprintf"> {};
struct Vsnprintf : SizedPrint<Vsnprintf, Entry::kVsnprintf, "vsnprintf"> {};

template <class F, Entry kIndex, Name kText>
struct SizedPrintChk
    : LibraryFunction<F, kIndex, kText, int(char*, size_t, int, size_t, const char*, va_list)> {
  static constexpr const char* kLibraryName = "__vsnprintf_chk";
  static int Checked(char* to, size_t size, int flag, size_t given, const char* format,
                     va_list arguments) {
    const auto print = [&](size_t room) {
      return InLibrary<F>()(to, room, flag, given, format, arguments);
    };
    // More than the compiler knows the destination has: the C library ends the process.
    return size > given ? print(size) : PrintWithin<F>(to, size, print);
  }
  static int Early(char* to, size_t size, int, size_t given, const char* format,
                   va_list arguments) {
    EndUnlessFits(size, given);
    return __vsnprintf(to, size, format, arguments);
  }
};
struct SnprintfChk : SizedPrintChk<SnprintfChk, Entry::kSnprintfChk, "__snprintf_chk"> {};
struct VsnprintfChk : SizedPrintChk<VsnprintfChk, Entry::kVsnprintfChk, "__vsnprintf_chk"> {};

template <class F, Entry kIndex, Name kText>
struct Print : LibraryFunction<F, kIndex, kText, int(char*, const char*, va_list)> {
  static constexpr const char* kLibraryName = "vsprintf";
  static void Check(char* to, const char* format, va_list arguments) {
    CheckOutput<F>(to, format, arguments);
  }
  static int Early(char* to, const char* format, va_list arguments) {
    return _IO_vsprintf(to, format, arguments);
  }
};
struct Sprintf : Print<Sprintf, Entry::kSprintf, "sprintf"> {};
struct Vsprintf : Print<Vsprintf, Entry::kVsprintf, "vsprintf"> {};

template <class F, Entry kIndex, Name kText>
struct PrintChk : LibraryFunction<F, kIndex, kText, int(char*, int, size_t, const char*, va_list)> {
  static constexpr const char* kLibraryName = "__vsprintf_chk";
  static void Check(char* to, int, size_t, const char* format, va_list arguments) {
    CheckOutput<F>(to, format, arguments);
  }
  static int Early(char* to, int, size_t given, const char* format, va_list arguments) {
    const int length = __vsnprintf(to, given, format, arguments);
    if (length >= 0) EndUnlessFits(static_cast<size_t>(length) + 1, given);
    return length;
  }
};
struct SprintfChk : PrintChk<SprintfChk, Entry::kSprintfChk, "__sprintf_chk"> {};
struct VsprintfChk : PrintChk<VsprintfChk, Entry::kVsprintfChk, "__vsprintf_chk"> {};

}  // namespace

void FillPrintCalls(bool checked) {
  FillAll<Snprintf, Vsnprintf, Sprintf, Vsprintf, SnprintfChk, VsnprintfChk, SprintfChk,
          VsprintfChk>(checked);
}

extern "C" {

BARTIZAN_EXPORT int vsnprintf(char* to, size_t size, const char* format,
                              va_list arguments) noexcept {
  return Enter<Vsnprintf>(to, size, format, arguments);
}
BARTIZAN_EXPORT int vsprintf(char* to, const char* format, va_list arguments) noexcept {
  return Enter<Vsprintf>(to, format, arguments);
}
BARTIZAN_EXPORT int __vsnprintf_chk(char* to, size_t size, int flag, size_t given,
                                    const char* format, va_list arguments) noexcept {
  return Enter<VsnprintfChk>(to, size, flag, given, format, arguments);
}
BARTIZAN_EXPORT int __vsprintf_chk(char* to, int flag, size_t given, const char* format,
                                   va_list arguments) noexcept {
  return Enter<VsprintfChk>(to, flag, given, format, arguments);
}

BARTIZAN_EXPORT int snprintf(char* to, size_t size, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = Enter<Snprintf>(to, size, format, arguments);
  va_end(arguments);
  return length;
}
BARTIZAN_EXPORT int sprintf(char* to, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = Enter<Sprintf>(to, format, arguments);
  va_end(arguments);
  return length;
}
BARTIZAN_EXPORT int __snprintf_chk(char* to, size_t size, int flag, size_t given,
                                   const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = Enter<SnprintfChk>(to, size, flag, given, format, arguments);
  va_end(arguments);
  return length;
}
BARTIZAN_EXPORT int __sprintf_chk(char* to, int flag, size_t given, const char* format,
                                  ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = Enter<SprintfChk>(to, flag, given, format, arguments);
  va_end(arguments);
  return length;
}

}  // extern "C"
}  // namespace bartizan::library_calls
