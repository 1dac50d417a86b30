#include "tests/violation/bounded_libc/functions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <wchar.h>

#include <iterator>

#include "tests/support/expect.h"

namespace test {
namespace {

template <class T>
T* As(void* entry) {
  return reinterpret_cast<T*>(entry);
}

// What the fortified forms are told of the destination: not known.
constexpr size_t kUnknown = SIZE_MAX;

// `Given` is size_t for the fortified forms. T is void, char or wchar_t.
template <class T>
constexpr size_t kUnit = sizeof(T);
template <>
constexpr size_t kUnit<void> = 1;

template <class T, class... Given>
void CopyCounted(void* entry, char* to, const char* from, size_t bytes) {
  As<T*(T*, const T*, size_t, Given...)>(entry)(reinterpret_cast<T*>(to),
                                                reinterpret_cast<const T*>(from), bytes / kUnit<T>,
                                                Given{kUnknown}...);
}
template <class T, class Value, class... Given>
void Set(void* entry, char* to, const char*, size_t bytes) {
  As<T*(T*, Value, size_t, Given...)>(entry)(reinterpret_cast<T*>(to), Value{'a'}, bytes / kUnit<T>,
                                             Given{kUnknown}...);
}
template <class T, class... Given>
void CopyString(void* entry, char* to, const char* from, size_t) {
  As<T*(T*, const T*, Given...)>(entry)(reinterpret_cast<T*>(to), reinterpret_cast<const T*>(from),
                                        Given{kUnknown}...);
}
// strncat: its count leaves out the terminator.
template <class T, class... Given>
void Extend(void* entry, char* to, const char* from, size_t bytes) {
  As<T*(T*, const T*, size_t, Given...)>(entry)(reinterpret_cast<T*>(to),
                                                reinterpret_cast<const T*>(from), bytes / kUnit<T>,
                                                Given{kUnknown}...);
}
template <class... Given>
void CopySized(void* entry, char* to, const char* from, size_t bytes) {
  As<size_t(char*, const char*, size_t, Given...)>(entry)(to, from, bytes, Given{kUnknown}...);
}
void CopyUpTo(void* entry, char* to, const char* from, size_t bytes) {
  As<void*(void*, const void*, int, size_t)>(entry)(to, from, 'z', bytes);
}
template <class... Given>
void Zero(void* entry, char* to, const char*, size_t bytes) {
  As<void(void*, size_t, Given...)>(entry)(to, bytes, Given{kUnknown}...);
}
void CopyBackwards(void* entry, char* to, const char* from, size_t bytes) {
  As<void(const void*, void*, size_t)>(entry)(from, to, bytes);
}

// --- Printing -----------------------------------------------------------------------------------

void PrintSized(void* entry, char* to, const char* from, size_t bytes) {
  As<int(char*, size_t, const char*, ...)>(entry)(to, bytes, "%s", from);
}
void PrintSizedChk(void* entry, char* to, const char* from, size_t bytes) {
  As<int(char*, size_t, int, size_t, const char*, ...)>(entry)(to, bytes, 1, kUnknown, "%s", from);
}
void Print(void* entry, char* to, const char* from, size_t) {
  As<int(char*, const char*, ...)>(entry)(to, "%s", from);
}
void PrintChk(void* entry, char* to, const char* from, size_t) {
  As<int(char*, int, size_t, const char*, ...)>(entry)(to, 1, kUnknown, "%s", from);
}
void ListSized(void* entry, char* to, size_t bytes, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  As<int(char*, size_t, const char*, va_list)>(entry)(to, bytes, format, arguments);
  va_end(arguments);
}
void ListSizedChk(void* entry, char* to, size_t bytes, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  As<int(char*, size_t, int, size_t, const char*, va_list)>(entry)(to, bytes, 1, kUnknown, format,
                                                                   arguments);
  va_end(arguments);
}
void List(void* entry, char* to, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  As<int(char*, const char*, va_list)>(entry)(to, format, arguments);
  va_end(arguments);
}
void ListChk(void* entry, char* to, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  As<int(char*, int, size_t, const char*, va_list)>(entry)(to, 1, kUnknown, format, arguments);
  va_end(arguments);
}
void PrintListSized(void* entry, char* to, const char* from, size_t bytes) {
  ListSized(entry, to, bytes, "%s", from);
}
void PrintListSizedChk(void* entry, char* to, const char* from, size_t bytes) {
  ListSizedChk(entry, to, bytes, "%s", from);
}
void PrintList(void* entry, char* to, const char* from, size_t) { List(entry, to, "%s", from); }
void PrintListChk(void* entry, char* to, const char* from, size_t) {
  ListChk(entry, to, "%s", from);
}

// --- Reading ------------------------------------------------------------------------------------

int Zeros() {
  static const int file = open("/dev/zero", O_RDONLY);
  EXPECT(file >= 0, "cannot open /dev/zero");
  return file;
}
FILE* ZeroStream() {
  static FILE* const stream = fopen("/dev/zero", "r");
  EXPECT(stream != nullptr, "cannot open /dev/zero");
  return stream;
}
int SocketWithSomething() {
  int ends[2];
  EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  EXPECT(send(ends[1], "12345678", 8, 0) == 8, "send");
  return ends[0];
}

// Where nothing is mapped, the processor stops other functions, and the kernel these.
void EndIfRefused(long result) {
  if (result == -1 && errno == EFAULT) raise(SIGSEGV);
}

template <class... Given>
void Read(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(
      As<ssize_t(int, void*, size_t, Given...)>(entry)(Zeros(), to, bytes, Given{kUnknown}...));
}
template <class... Given>
void ReadAt(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(As<ssize_t(int, void*, size_t, off_t, Given...)>(entry)(Zeros(), to, bytes, off_t{0},
                                                                       Given{kUnknown}...));
}
template <class... Given>
void Receive(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(As<ssize_t(int, void*, size_t, Given..., int)>(entry)(SocketWithSomething(), to,
                                                                     bytes, Given{kUnknown}..., 0));
}
template <class... Given>
void ReceiveFrom(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(As<ssize_t(int, void*, size_t, Given..., int, sockaddr*, socklen_t*)>(entry)(
      SocketWithSomething(), to, bytes, Given{kUnknown}..., 0, nullptr, nullptr));
}
template <class... Given>
void ReadStream(void* entry, char* to, const char*, size_t bytes) {
  As<size_t(void*, Given..., size_t, size_t, FILE*)>(entry)(to, Given{kUnknown}..., size_t{4},
                                                            bytes / 4, ZeroStream());
}
template <class... Given>
void ReadLine(void* entry, char* to, const char*, size_t bytes) {
  As<char*(char*, Given..., int, FILE*)>(entry)(to, Given{kUnknown}..., static_cast<int>(bytes),
                                                ZeroStream());
}
template <class... Given>
void WorkingFolder(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(
      As<char*(char*, size_t, Given...)>(entry)(to, bytes, Given{kUnknown}...) == nullptr ? -1 : 0);
}
template <class... Given>
void ReadLink(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(As<ssize_t(const char*, char*, size_t, Given...)>(entry)("/proc/self/exe", to, bytes,
                                                                        Given{kUnknown}...));
}
template <class... Given>
void ReadLinkAt(void* entry, char* to, const char*, size_t bytes) {
  EndIfRefused(As<ssize_t(int, const char*, char*, size_t, Given...)>(entry)(
      AT_FDCWD, "/proc/self/exe", to, bytes, Given{kUnknown}...));
}

constexpr auto kNothing = Source::kNone;
constexpr auto kMemory = Source::kMemory;
constexpr auto kString = Source::kString;
constexpr auto kOver = Target::kOverwritten;
constexpr auto kExtended = Target::kExtended;
constexpr size_t kWide = sizeof(wchar_t);

}  // namespace

const Function kFunctions[] = {
    {"memcpy", kMemory, kOver, 1, true, CopyCounted<void>},
    {"memmove", kMemory, kOver, 1, true, CopyCounted<void>},
    {"mempcpy", kMemory, kOver, 1, true, CopyCounted<void>},
    {"memset", kNothing, kOver, 1, true, Set<void, int>},
    {"memccpy", kMemory, kOver, 1, true, CopyUpTo},
    {"bzero", kNothing, kOver, 1, true, Zero<>},
    {"bcopy", kMemory, kOver, 1, true, CopyBackwards},
    {"explicit_bzero", kNothing, kOver, 1, true, Zero<>},
    {"__memcpy_chk", kMemory, kOver, 1, true, CopyCounted<void, size_t>},
    {"__memmove_chk", kMemory, kOver, 1, true, CopyCounted<void, size_t>},
    {"__mempcpy_chk", kMemory, kOver, 1, true, CopyCounted<void, size_t>},
    {"__memset_chk", kNothing, kOver, 1, true, Set<void, int, size_t>},
    {"__explicit_bzero_chk", kNothing, kOver, 1, true, Zero<size_t>},

    {"strcpy", kString, kOver, 1, false, CopyString<char>},
    {"stpcpy", kString, kOver, 1, false, CopyString<char>},
    {"strncpy", kString, kOver, 1, true, CopyCounted<char>},
    {"stpncpy", kString, kOver, 1, true, CopyCounted<char>},
    {"strcat", kString, kExtended, 1, false, CopyString<char>},
    {"strncat", kString, kExtended, 1, false, Extend<char>},
    {"strlcpy", kString, kOver, 1, false, CopySized<>},
    {"strlcat", kString, kExtended, 1, false, CopySized<>},
    {"__strcpy_chk", kString, kOver, 1, false, CopyString<char, size_t>},
    {"__stpcpy_chk", kString, kOver, 1, false, CopyString<char, size_t>},
    {"__strncpy_chk", kString, kOver, 1, true, CopyCounted<char, size_t>},
    {"__stpncpy_chk", kString, kOver, 1, true, CopyCounted<char, size_t>},
    {"__strcat_chk", kString, kExtended, 1, false, CopyString<char, size_t>},
    {"__strncat_chk", kString, kExtended, 1, false, Extend<char, size_t>},
    {"__strlcpy_chk", kString, kOver, 1, false, CopySized<size_t>},
    {"__strlcat_chk", kString, kExtended, 1, false, CopySized<size_t>},

    {"wmemcpy", kMemory, kOver, kWide, true, CopyCounted<wchar_t>},
    {"wmemmove", kMemory, kOver, kWide, true, CopyCounted<wchar_t>},
    {"wmempcpy", kMemory, kOver, kWide, true, CopyCounted<wchar_t>},
    {"wmemset", kNothing, kOver, kWide, true, Set<wchar_t, wchar_t>},
    {"wcscpy", kString, kOver, kWide, false, CopyString<wchar_t>},
    {"wcpcpy", kString, kOver, kWide, false, CopyString<wchar_t>},
    {"wcsncpy", kString, kOver, kWide, true, CopyCounted<wchar_t>},
    {"wcpncpy", kString, kOver, kWide, true, CopyCounted<wchar_t>},
    {"wcscat", kString, kExtended, kWide, false, CopyString<wchar_t>},
    {"wcsncat", kString, kExtended, kWide, false, Extend<wchar_t>},
    {"__wmemcpy_chk", kMemory, kOver, kWide, true, CopyCounted<wchar_t, size_t>},
    {"__wmemmove_chk", kMemory, kOver, kWide, true, CopyCounted<wchar_t, size_t>},
    {"__wmempcpy_chk", kMemory, kOver, kWide, true, CopyCounted<wchar_t, size_t>},
    {"__wmemset_chk", kNothing, kOver, kWide, true, Set<wchar_t, wchar_t, size_t>},
    {"__wcscpy_chk", kString, kOver, kWide, false, CopyString<wchar_t, size_t>},
    {"__wcpcpy_chk", kString, kOver, kWide, false, CopyString<wchar_t, size_t>},
    {"__wcsncpy_chk", kString, kOver, kWide, true, CopyCounted<wchar_t, size_t>},
    {"__wcpncpy_chk", kString, kOver, kWide, true, CopyCounted<wchar_t, size_t>},
    {"__wcscat_chk", kString, kExtended, kWide, false, CopyString<wchar_t, size_t>},
    {"__wcsncat_chk", kString, kExtended, kWide, false, Extend<wchar_t, size_t>},

    // What they read is not watched: the arguments of a format may be anything.
    {"snprintf", kNothing, kOver, 1, true, PrintSized},
    {"vsnprintf", kNothing, kOver, 1, true, PrintListSized},
    {"sprintf", kNothing, kOver, 1, false, Print},
    {"vsprintf", kNothing, kOver, 1, false, PrintList},
    {"__snprintf_chk", kNothing, kOver, 1, true, PrintSizedChk},
    {"__vsnprintf_chk", kNothing, kOver, 1, true, PrintListSizedChk},
    {"__sprintf_chk", kNothing, kOver, 1, false, PrintChk},
    {"__vsprintf_chk", kNothing, kOver, 1, false, PrintListChk},

    {"read", kNothing, kOver, 1, true, Read<>},
    {"pread", kNothing, kOver, 1, true, ReadAt<>},
    {"pread64", kNothing, kOver, 1, true, ReadAt<>},
    {"recv", kNothing, kOver, 1, true, Receive<>},
    {"recvfrom", kNothing, kOver, 1, true, ReceiveFrom<>},
    {"fread", kNothing, kOver, 4, true, ReadStream<>},
    {"fread_unlocked", kNothing, kOver, 4, true, ReadStream<>},
    {"fgets", kNothing, kOver, 1, true, ReadLine<>},
    {"fgets_unlocked", kNothing, kOver, 1, true, ReadLine<>},
    {"getcwd", kNothing, kOver, 1, true, WorkingFolder<>},
    {"readlink", kNothing, kOver, 1, true, ReadLink<>},
    {"readlinkat", kNothing, kOver, 1, true, ReadLinkAt<>},
    {"__read_chk", kNothing, kOver, 1, true, Read<size_t>},
    {"__pread_chk", kNothing, kOver, 1, true, ReadAt<size_t>},
    {"__pread64_chk", kNothing, kOver, 1, true, ReadAt<size_t>},
    {"__recv_chk", kNothing, kOver, 1, true, Receive<size_t>},
    {"__recvfrom_chk", kNothing, kOver, 1, true, ReceiveFrom<size_t>},
    {"__fread_chk", kNothing, kOver, 4, true, ReadStream<size_t>},
    {"__fread_unlocked_chk", kNothing, kOver, 4, true, ReadStream<size_t>},
    {"__fgets_chk", kNothing, kOver, 1, true, ReadLine<size_t>},
    {"__fgets_unlocked_chk", kNothing, kOver, 1, true, ReadLine<size_t>},
    {"__getcwd_chk", kNothing, kOver, 1, true, WorkingFolder<size_t>},
    {"__readlink_chk", kNothing, kOver, 1, true, ReadLink<size_t>},
    {"__readlinkat_chk", kNothing, kOver, 1, true, ReadLinkAt<size_t>},
};
void OpenFiles() {
  Zeros();
  EXPECT(fgetc(ZeroStream()) == 0, "cannot read /dev/zero");
}

const size_t kFunctionCount = std::size(kFunctions);

}  // namespace test
