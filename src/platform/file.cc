#include "src/platform/file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "src/platform/syscall.h"

namespace bartizan::platform {

namespace {

using SignalSet = uint64_t;  // as the kernel has it

constexpr SignalSet Only(int signal) { return SignalSet{1} << (signal - 1); }

// The kernel answers a write to a pipe that nobody reads, or beyond the file sizes that the process
// is limited to, with a signal that would end the program. While this lives, the thread waits with
// it, and what our own write has brought about is taken back.
class WithoutWriteSignals {
 public:
  WithoutWriteSignals() {
    SignalSet before = 0;
    if (Syscall(SYS_rt_sigprocmask, SIG_BLOCK, &kSignals, &before, sizeof before) != 0) return;
    NoteStored(&before, sizeof before);
    blocked_here_ = kSignals & ~before;
    if (blocked_here_ == kSignals) return;
    // The program waits with them itself: one may have come already, which is the program's.
    Syscall(SYS_rt_sigpending, &pending_, sizeof pending_);
    NoteStored(&pending_, sizeof pending_);
  }
  ~WithoutWriteSignals() {
    if (blocked_here_ == 0) return;
    Syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &blocked_here_, nullptr, sizeof blocked_here_);
  }
  void TakeBack() const {
    const SignalSet ours = kSignals & ~pending_;
    const timespec at_once{};
    while (ours != 0 &&
           Syscall(SYS_rt_sigtimedwait, &ours, nullptr, &at_once, sizeof ours) == -EINTR) {
    }
  }

 private:
  static constexpr SignalSet kSignals = Only(SIGPIPE) | Only(SIGXFSZ);
  SignalSet blocked_here_ = 0;
  SignalSet pending_ = 0;
};

}  // namespace

bool WriteAll(int descriptor, std::string_view text) {
  const WithoutWriteSignals quiet;
  while (!text.empty()) {
    const long written = Syscall(SYS_write, descriptor, text.data(), text.size());
    if (written == -EINTR) continue;
    if (written == -EPIPE || written == -EFBIG) quiet.TakeBack();
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

int OpenForAppend(const char* path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  return static_cast<int>(Syscall(SYS_openat, AT_FDCWD, path, kFlags, 0600));
}

FileText ReadSmallFile(const char* path, char* buffer, size_t capacity) {
  FileText result{0, false, false};
  const long opened = Syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (opened < 0) {
    result.length = opened;
    return result;
  }
  const int descriptor = static_cast<int>(opened);
  struct stat status{};
  if (Syscall(SYS_newfstatat, descriptor, "", &status, AT_EMPTY_PATH) == 0) {
    result.trusted = S_ISREG(status.st_mode) && status.st_uid == 0 &&
                     (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  }
  size_t length = 0;
  while (length < capacity) {
    const long got = Syscall(SYS_read, descriptor, buffer + length, capacity - length);
    if (got == -EINTR) continue;
    if (got < 0) {
      Close(descriptor);
      result.length = got;
      return result;
    }
    if (got == 0) break;
    NoteStored(buffer + length, static_cast<size_t>(got));
    length += static_cast<size_t>(got);
  }
  char extra;
  result.truncated = length == capacity && Syscall(SYS_read, descriptor, &extra, 1) == 1;
  result.length = static_cast<long>(length);
  Close(descriptor);
  return result;
}

void Close(int descriptor) { Syscall(SYS_close, descriptor); }

bool IsTerminal(int descriptor) {
  winsize size{};
  return Syscall(SYS_ioctl, descriptor, TIOCGWINSZ, &size) == 0;
}

bool Exists(const char* path) {
  const int descriptor = OpenForRead(path);
  if (descriptor < 0) return false;
  Close(descriptor);
  return true;
}

bool ParseDecimal(std::string_view text, uint64_t* number) {
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] != '\n'; ++digits) {
    const auto digit = static_cast<unsigned>(text[digits] - '0');
    if (digit > 9 || __builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      return false;
    }
  }
  *number = value;
  return digits != 0;
}

int OpenForRead(const char* path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  return static_cast<int>(Syscall(SYS_openat, AT_FDCWD, path, kFlags, 0));
}

long ReadSome(int descriptor, char* buffer, size_t capacity) {
  for (;;) {
    const long got = Syscall(SYS_read, descriptor, buffer, capacity);
    if (got == -EINTR) continue;
    if (got > 0) NoteStored(buffer, static_cast<size_t>(got));
    return got;
  }
}

long ReadAt(int descriptor, uint64_t offset, char* buffer, size_t capacity) {
  size_t length = 0;
  while (length < capacity) {
    const long got = Syscall(SYS_pread64, descriptor, buffer + length, capacity - length,
                             static_cast<long>(offset + length));
    if (got == -EINTR) continue;
    if (got < 0) return got;
    if (got == 0) break;
    length += static_cast<size_t>(got);
  }
  NoteStored(buffer, length);
  return static_cast<long>(length);
}

}  // namespace bartizan::platform
