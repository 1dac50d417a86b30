// read and its like: POSIX.1-2017 and the C library's manual.
//
// The system may write all of the bytes that it was asked for: a count that exceeds the block is a
// mistake, however much comes. These functions are cancellation points; the exported ones, and the
// checked ones after their check, only jump.
#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdio>

#include "src/abi/library_calls/library_function.h"
#include "src/abi/own_malloc.h"
#include "src/platform/syscall.h"

extern "C" {
// Second names of the C library's own, for calls before the table is filled.
size_t _IO_fread(void* to, size_t bytes, size_t count, FILE* stream);
char* _IO_fgets(char* to, int size, FILE* stream);
}

namespace bartizan::library_calls {
namespace {

ssize_t FromKernel(long result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

// `Given...` as in copying_functions.h: of the fortified form.

template <class F, Entry kIndex, Name kText, class... Given>
struct ReadFunction : LibraryFunction<F, kIndex, kText, ssize_t(int, void*, size_t, Given...)> {
  static void Check(int, void* to, size_t bytes, Given...) { F::Writes(to, bytes); }
  static ssize_t Early(int file, void* to, size_t bytes, Given... given) {
    (EndUnlessFits(bytes, given), ...);
    return FromKernel(platform::Syscall(SYS_read, file, to, bytes));
  }
};
struct Read : ReadFunction<Read, Entry::kRead, "read"> {};
struct ReadChk : ReadFunction<ReadChk, Entry::kReadChk, "__read_chk", size_t> {};

template <class F, Entry kIndex, Name kText, class... Given>
struct PreadFunction
    : LibraryFunction<F, kIndex, kText, ssize_t(int, void*, size_t, off_t, Given...)> {
  static void Check(int, void* to, size_t bytes, off_t, Given...) { F::Writes(to, bytes); }
  static ssize_t Early(int file, void* to, size_t bytes, off_t offset, Given... given) {
    (EndUnlessFits(bytes, given), ...);
    return FromKernel(platform::Syscall(SYS_pread64, file, to, bytes, offset));
  }
};
struct Pread : PreadFunction<Pread, Entry::kPread, "pread"> {};
struct Pread64 : PreadFunction<Pread64, Entry::kPread64, "pread64"> {};
struct PreadChk : PreadFunction<PreadChk, Entry::kPreadChk, "__pread_chk", size_t> {};
struct Pread64Chk : PreadFunction<Pread64Chk, Entry::kPread64Chk, "__pread64_chk", size_t> {};

struct Recv : LibraryFunction<Recv, Entry::kRecv, "recv", ssize_t(int, void*, size_t, int)> {
  static void Check(int, void* to, size_t bytes, int) { Writes(to, bytes); }
  static ssize_t Early(int file, void* to, size_t bytes, int flags) {
    return FromKernel(platform::Syscall(SYS_recvfrom, file, to, bytes, flags, nullptr, nullptr));
  }
};
struct RecvChk : LibraryFunction<RecvChk, Entry::kRecvChk, "__recv_chk",
                                 ssize_t(int, void*, size_t, size_t, int)> {
  static void Check(int, void* to, size_t bytes, size_t, int) { Writes(to, bytes); }
  static ssize_t Early(int file, void* to, size_t bytes, size_t given, int flags) {
    EndUnlessFits(bytes, given);
    return Recv::Early(file, to, bytes, flags);
  }
};
struct Recvfrom : LibraryFunction<Recvfrom, Entry::kRecvfrom, "recvfrom",
                                  ssize_t(int, void*, size_t, int, sockaddr*, socklen_t*)> {
  static void Check(int, void* to, size_t bytes, int, sockaddr*, socklen_t*) { Writes(to, bytes); }
  static ssize_t Early(int file, void* to, size_t bytes, int flags, sockaddr* sender,
                       socklen_t* sender_bytes) {
    return FromKernel(
        platform::Syscall(SYS_recvfrom, file, to, bytes, flags, sender, sender_bytes));
  }
};
struct RecvfromChk
    : LibraryFunction<RecvfromChk, Entry::kRecvfromChk, "__recvfrom_chk",
                      ssize_t(int, void*, size_t, size_t, int, sockaddr*, socklen_t*)> {
  static void Check(int, void* to, size_t bytes, size_t, int, sockaddr*, socklen_t*) {
    Writes(to, bytes);
  }
  static ssize_t Early(int file, void* to, size_t bytes, size_t given, int flags, sockaddr* sender,
                       socklen_t* sender_bytes) {
    EndUnlessFits(bytes, given);
    return Recvfrom::Early(file, to, bytes, flags, sender, sender_bytes);
  }
};

template <class F, Entry kIndex, Name kText>
struct FreadFunction : LibraryFunction<F, kIndex, kText, size_t(void*, size_t, size_t, FILE*)> {
  static void Check(void* to, size_t bytes, size_t count, FILE*) {
    F::Writes(to, Product(bytes, count));
  }
  static size_t Early(void* to, size_t bytes, size_t count, FILE* stream) {
    return _IO_fread(to, bytes, count, stream);
  }
};
struct Fread : FreadFunction<Fread, Entry::kFread, "fread"> {};
struct FreadUnlocked : FreadFunction<FreadUnlocked, Entry::kFreadUnlocked, "fread_unlocked"> {};

template <class F, Entry kIndex, Name kText>
struct FreadChkFunction
    : LibraryFunction<F, kIndex, kText, size_t(void*, size_t, size_t, size_t, FILE*)> {
  static void Check(void* to, size_t, size_t bytes, size_t count, FILE*) {
    F::Writes(to, Product(bytes, count));
  }
  static size_t Early(void* to, size_t given, size_t bytes, size_t count, FILE* stream) {
    EndUnlessFits(Product(bytes, count), given);
    return _IO_fread(to, bytes, count, stream);
  }
};
struct FreadChk : FreadChkFunction<FreadChk, Entry::kFreadChk, "__fread_chk"> {};
struct FreadUnlockedChk
    : FreadChkFunction<FreadUnlockedChk, Entry::kFreadUnlockedChk, "__fread_unlocked_chk"> {};

size_t LineBytes(int size) { return size > 0 ? static_cast<size_t>(size) : 0; }

template <class F, Entry kIndex, Name kText>
struct FgetsFunction : LibraryFunction<F, kIndex, kText, char*(char*, int, FILE*)> {
  static void Check(char* to, int size, FILE*) { F::Writes(to, LineBytes(size)); }
  static char* Early(char* to, int size, FILE* stream) { return _IO_fgets(to, size, stream); }
};
struct Fgets : FgetsFunction<Fgets, Entry::kFgets, "fgets"> {};
struct FgetsUnlocked : FgetsFunction<FgetsUnlocked, Entry::kFgetsUnlocked, "fgets_unlocked"> {};

template <class F, Entry kIndex, Name kText>
struct FgetsChkFunction : LibraryFunction<F, kIndex, kText, char*(char*, size_t, int, FILE*)> {
  static void Check(char* to, size_t, int size, FILE*) { F::Writes(to, LineBytes(size)); }
  static char* Early(char* to, size_t given, int size, FILE* stream) {
    EndUnlessFits(LineBytes(size), given);
    return _IO_fgets(to, size, stream);
  }
};
struct FgetsChk : FgetsChkFunction<FgetsChk, Entry::kFgetsChk, "__fgets_chk"> {};
struct FgetsUnlockedChk
    : FgetsChkFunction<FgetsUnlockedChk, Entry::kFgetsUnlockedChk, "__fgets_unlocked_chk"> {};

template <class F, Entry kIndex, Name kText, class... Given>
struct GetcwdFunction : LibraryFunction<F, kIndex, kText, char*(char*, size_t, Given...)> {
  static void Check(char* to, size_t size, Given...) { F::Writes(to, size); }
  static char* Early(char* to, size_t size, Given... given) {
    (EndUnlessFits(size, given), ...);
    constexpr size_t kLongestPath = 4096;
    // The C library allocates for those who pass no buffer.
    const size_t bytes = size == 0 && to == nullptr ? kLongestPath : size;
    char* buffer = to != nullptr ? to : static_cast<char*>(bartizan_own_malloc(bytes));
    const bool done =
        buffer != nullptr && FromKernel(platform::Syscall(SYS_getcwd, buffer, bytes)) >= 0;
    return done ? buffer : nullptr;
  }
};
struct Getcwd : GetcwdFunction<Getcwd, Entry::kGetcwd, "getcwd"> {};
struct GetcwdChk : GetcwdFunction<GetcwdChk, Entry::kGetcwdChk, "__getcwd_chk", size_t> {};

template <class F, Entry kIndex, Name kText, class... Given>
struct ReadlinkFunction
    : LibraryFunction<F, kIndex, kText, ssize_t(const char*, char*, size_t, Given...)> {
  static void Check(const char*, char* to, size_t bytes, Given...) { F::Writes(to, bytes); }
  static ssize_t Early(const char* path, char* to, size_t bytes, Given... given) {
    (EndUnlessFits(bytes, given), ...);
    constexpr int kHere = -100;  // AT_FDCWD
    return FromKernel(platform::Syscall(SYS_readlinkat, kHere, path, to, bytes));
  }
};
struct Readlink : ReadlinkFunction<Readlink, Entry::kReadlink, "readlink"> {};
struct ReadlinkChk : ReadlinkFunction<ReadlinkChk, Entry::kReadlinkChk, "__readlink_chk", size_t> {
};

template <class F, Entry kIndex, Name kText, class... Given>
struct ReadlinkatFunction
    : LibraryFunction<F, kIndex, kText, ssize_t(int, const char*, char*, size_t, Given...)> {
  static void Check(int, const char*, char* to, size_t bytes, Given...) { F::Writes(to, bytes); }
  static ssize_t Early(int folder, const char* path, char* to, size_t bytes, Given... given) {
    (EndUnlessFits(bytes, given), ...);
    return FromKernel(platform::Syscall(SYS_readlinkat, folder, path, to, bytes));
  }
};
struct Readlinkat : ReadlinkatFunction<Readlinkat, Entry::kReadlinkat, "readlinkat"> {};
struct ReadlinkatChk
    : ReadlinkatFunction<ReadlinkatChk, Entry::kReadlinkatChk, "__readlinkat_chk", size_t> {};

}  // namespace

void FillInputCalls(bool checked) {
  FillAll<Read, Pread, Pread64, Recv, Recvfrom, Fread, FreadUnlocked, Fgets, FgetsUnlocked, Getcwd,
          Readlink, Readlinkat, ReadChk, PreadChk, Pread64Chk, RecvChk, RecvfromChk, FreadChk,
          FreadUnlockedChk, FgetsChk, FgetsUnlockedChk, GetcwdChk, ReadlinkChk, ReadlinkatChk>(
      checked);
}

extern "C" {

BARTIZAN_EXPORT ssize_t read(int file, void* to, size_t bytes) {
  return Enter<Read>(file, to, bytes);
}
BARTIZAN_EXPORT ssize_t pread(int file, void* to, size_t bytes, off_t offset) {
  return Enter<Pread>(file, to, bytes, offset);
}
BARTIZAN_EXPORT ssize_t pread64(int file, void* to, size_t bytes, off_t offset) {
  return Enter<Pread64>(file, to, bytes, offset);
}
BARTIZAN_EXPORT ssize_t recv(int file, void* to, size_t bytes, int flags) {
  return Enter<Recv>(file, to, bytes, flags);
}
BARTIZAN_EXPORT ssize_t recvfrom(int file, void* to, size_t bytes, int flags, sockaddr* sender,
                                 socklen_t* sender_bytes) {
  return Enter<Recvfrom>(file, to, bytes, flags, sender, sender_bytes);
}
BARTIZAN_EXPORT size_t fread(void* to, size_t bytes, size_t count, FILE* stream) {
  return Enter<Fread>(to, bytes, count, stream);
}
BARTIZAN_EXPORT size_t fread_unlocked(void* to, size_t bytes, size_t count, FILE* stream) {
  return Enter<FreadUnlocked>(to, bytes, count, stream);
}
BARTIZAN_EXPORT char* fgets(char* to, int size, FILE* stream) {
  return Enter<Fgets>(to, size, stream);
}
BARTIZAN_EXPORT char* fgets_unlocked(char* to, int size, FILE* stream) {
  return Enter<FgetsUnlocked>(to, size, stream);
}
BARTIZAN_EXPORT char* getcwd(char* to, size_t size) noexcept { return Enter<Getcwd>(to, size); }
BARTIZAN_EXPORT ssize_t readlink(const char* path, char* to, size_t bytes) noexcept {
  return Enter<Readlink>(path, to, bytes);
}
BARTIZAN_EXPORT ssize_t readlinkat(int folder, const char* path, char* to, size_t bytes) noexcept {
  return Enter<Readlinkat>(folder, path, to, bytes);
}

BARTIZAN_EXPORT ssize_t __read_chk(int file, void* to, size_t bytes, size_t given) {
  return Enter<ReadChk>(file, to, bytes, given);
}
BARTIZAN_EXPORT ssize_t __pread_chk(int file, void* to, size_t bytes, off_t offset, size_t given) {
  return Enter<PreadChk>(file, to, bytes, offset, given);
}
BARTIZAN_EXPORT ssize_t __pread64_chk(int file, void* to, size_t bytes, off_t offset,
                                      size_t given) {
  return Enter<Pread64Chk>(file, to, bytes, offset, given);
}
BARTIZAN_EXPORT ssize_t __recv_chk(int file, void* to, size_t bytes, size_t given, int flags) {
  return Enter<RecvChk>(file, to, bytes, given, flags);
}
BARTIZAN_EXPORT ssize_t __recvfrom_chk(int file, void* to, size_t bytes, size_t given, int flags,
                                       sockaddr* sender, socklen_t* sender_bytes) {
  return Enter<RecvfromChk>(file, to, bytes, given, flags, sender, sender_bytes);
}
BARTIZAN_EXPORT size_t __fread_chk(void* to, size_t given, size_t bytes, size_t count,
                                   FILE* stream) {
  return Enter<FreadChk>(to, given, bytes, count, stream);
}
BARTIZAN_EXPORT size_t __fread_unlocked_chk(void* to, size_t given, size_t bytes, size_t count,
                                            FILE* stream) {
  return Enter<FreadUnlockedChk>(to, given, bytes, count, stream);
}
BARTIZAN_EXPORT char* __fgets_chk(char* to, size_t given, int size, FILE* stream) {
  return Enter<FgetsChk>(to, given, size, stream);
}
BARTIZAN_EXPORT char* __fgets_unlocked_chk(char* to, size_t given, int size, FILE* stream) {
  return Enter<FgetsUnlockedChk>(to, given, size, stream);
}
BARTIZAN_EXPORT char* __getcwd_chk(char* to, size_t size, size_t given) noexcept {
  return Enter<GetcwdChk>(to, size, given);
}
BARTIZAN_EXPORT ssize_t __readlink_chk(const char* path, char* to, size_t bytes,
                                       size_t given) noexcept {
  return Enter<ReadlinkChk>(path, to, bytes, given);
}
BARTIZAN_EXPORT ssize_t __readlinkat_chk(int folder, const char* path, char* to, size_t bytes,
                                         size_t given) noexcept {
  return Enter<ReadlinkatChk>(folder, path, to, bytes, given);
}

}  // extern "C"
}  // namespace bartizan::library_calls
