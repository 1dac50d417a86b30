// Direct system calls. Results are the kernel's: a negative errno on failure. `errno` is untouched.
#ifndef BARTIZAN_SRC_PLATFORM_SYSCALL_H_
#define BARTIZAN_SRC_PLATFORM_SYSCALL_H_

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <type_traits>

// MemorySanitizer sees what the C library's functions store, not what the kernel stores for a
// system call of ours.
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define BARTIZAN_MEMORY_SANITIZER
extern "C" void __msan_unpoison(const volatile void* begin, size_t bytes);
#endif
#endif

namespace bartizan::platform {

// To be called with what a system call has stored.
inline void NoteStored([[maybe_unused]] const void* begin, [[maybe_unused]] size_t bytes) {
#if defined(BARTIZAN_MEMORY_SANITIZER)
  __msan_unpoison(begin, bytes);
#endif
}

#if defined(__x86_64__)

inline long Syscall6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

#else

inline long Syscall6(long number, long a, long b, long c, long d, long e, long f) {
  const int saved = errno;
  const long result = ::syscall(number, a, b, c, d, e, f);
  const long status = result == -1 ? -errno : result;
  errno = saved;
  return status;
}

#endif

template <class T>
long AsWord([[maybe_unused]] T value) {
  if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(value);
  } else {
    return static_cast<long>(value);
  }
}

template <class... Args>
long Syscall(long number, Args... args) {
  static_assert(sizeof...(Args) <= 6);
  const long words[7] = {AsWord(args)..., 0};
  return Syscall6(number, sizeof...(Args) > 0 ? words[0] : 0, sizeof...(Args) > 1 ? words[1] : 0,
                  sizeof...(Args) > 2 ? words[2] : 0, sizeof...(Args) > 3 ? words[3] : 0,
                  sizeof...(Args) > 4 ? words[4] : 0, sizeof...(Args) > 5 ? words[5] : 0);
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_SYSCALL_H_
