// Checks for test programs that run on top of the allocator under test.
//
// A failed check prints one line with its place and ends the process at once. Nothing here
// allocates or takes a lock: the heap may be broken, or locked by the thread that we interrupted.
#ifndef BARTIZAN_TESTS_SUPPORT_EXPECT_H_
#define BARTIZAN_TESTS_SUPPORT_EXPECT_H_

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace test {

// Writes one formatted line to stderr in a single system call. Not through write(): a test may have
// put a function of its own, which allocates, in its place.
[[gnu::format(printf, 1, 0)]] inline void SayArguments(const char* format, va_list arguments) {
  char line[512];
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  if (length < 0) return;
  size_t size = static_cast<size_t>(length);
  if (size > sizeof line - 2) size = sizeof line - 2;
  line[size] = '\n';
  syscall(SYS_write, STDERR_FILENO, line, size + 1);
}

[[gnu::format(printf, 1, 2)]] inline void Say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  SayArguments(format, arguments);
  va_end(arguments);
}

[[noreturn, gnu::cold, gnu::noinline, gnu::format(printf, 4, 5)]] inline void Fail(
    const char* file, int line, const char* condition, const char* format, ...) {
  char message[384];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  Say("%s:%d: expected %s: %s", file, line, condition, message);
  _exit(1);
}

// Ends a program whose surroundings do not let it test anything; that is no failure.
[[noreturn, gnu::cold, gnu::format(printf, 1, 2)]] inline void Skip(const char* format, ...) {
  char reason[384];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  Say("skipped: %s", reason);
  _exit(0);
}

// Hides from the compiler where `pointer` came from, so that it neither removes a pair of malloc
// and free nor reasons about what they return.
template <typename T>
T* Opaque(T* pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

// The same for a number: keeps impossible sizes out of compile-time diagnostics.
inline size_t OpaqueSize(size_t size) {
  asm volatile("" : "+r"(size));
  return size;
}

}  // namespace test

#define EXPECT(condition, ...)                                   \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::test::Fail(__FILE__, __LINE__, #condition, __VA_ARGS__); \
  } while (false)

#endif  // BARTIZAN_TESTS_SUPPORT_EXPECT_H_
