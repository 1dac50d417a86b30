// memcpy, strcpy and read, with blocks of every kind, where POSIX allows them: in a signal handler
// that interrupts the allocator with its locks held, in a child of vfork, in a child of fork, and
// in a thread that is cancelled in read.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"

namespace {

constexpr size_t kSmall = 100;
constexpr size_t kLarge = 300000;

char* small_block = nullptr;
char* large_block = nullptr;
volatile sig_atomic_t handled = 0;
// Of the process that handled a signal with an errno that did not stay.
volatile sig_atomic_t errno_changed = 0;

void CopyBetweenBlocks(char fill) {
  memset(large_block, fill, kLarge);
  memcpy(small_block, large_block + kLarge - kSmall, kSmall);
  memmove(large_block + 1, small_block, kSmall);
  small_block[kSmall - 1] = '\0';
  strcpy(large_block, small_block);
}

void OnSignal(int) {
  const int before = errno;
  errno = 1234;
  CopyBetweenBlocks('s');
  if (errno != 1234) errno_changed = 1;
  errno = before;
  handled = handled + 1;
}

// Takes the lock of large blocks again and again.
void AllocateUntil(int signals) {
  while (handled < signals) {
    char* blocks[8];
    for (char*& block : blocks) block = test::Opaque(static_cast<char*>(malloc(kLarge)));
    for (char* block : blocks) free(test::Opaque(block));
  }
}

void InSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  EXPECT(sigaction(SIGPROF, &action, nullptr) == 0, "sigaction");
  const itimerval often = {{0, 1000}, {0, 1000}};
  EXPECT(setitimer(ITIMER_PROF, &often, nullptr) == 0, "setitimer");
  std::thread other(AllocateUntil, 100);
  AllocateUntil(100);
  other.join();
  const itimerval never = {};
  setitimer(ITIMER_PROF, &never, nullptr);
  EXPECT(errno_changed == 0, "errno was changed");
}

void InChildOfVfork() {
  static volatile bool copied;
  copied = false;
  // Nothing else may be done there; but these functions are what people call.
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  EXPECT(child >= 0, "vfork");
  if (child == 0) {
    CopyBetweenBlocks('v');
    copied = large_block[kSmall] == 'v';
    _exit(0);
  }
  EXPECT(test::WaitFor(child).Clean() && copied, "vfork's child");
}

void InChildOfFork() {
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) free(test::Opaque(malloc(kLarge)));
  });
  for (int i = 0; i < 50; ++i) {
    const test::Ending ending = test::RunInChild("copying in a child", [] {
      CopyBetweenBlocks('f');
      EXPECT(large_block[kSmall] == 'f' || large_block[kSmall] == '\0', "no copy");
    });
    EXPECT(ending.Clean(), "%s %d", ending.Kind(), ending.Number());
  }
  stop = true;
  other.join();
}

struct Cleaned {
  bool* flag;
  ~Cleaned() { *flag = true; }
};

void InCancelledThread() {
  static int ends[2];
  static bool cleaned;
  EXPECT(pipe(ends) == 0, "pipe");
  cleaned = false;
  pthread_t thread;
  const auto body = [](void*) -> void* {
    Cleaned at_end{&cleaned};
    return reinterpret_cast<void*>(read(ends[0], small_block, kSmall));
  };
  EXPECT(pthread_create(&thread, nullptr, body, nullptr) == 0, "pthread_create");
  EXPECT(pthread_cancel(thread) == 0, "pthread_cancel");
  void* result = nullptr;
  EXPECT(pthread_join(thread, &result) == 0, "pthread_join");
  EXPECT(result == PTHREAD_CANCELED && cleaned, "read is no cancellation point");
  close(ends[0]);
  close(ends[1]);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  test::Watchdog(100, "copying anywhere");
  small_block = static_cast<char*>(malloc(kSmall));
  large_block = static_cast<char*>(malloc(kLarge));
  InSignalHandlers();
  InChildOfVfork();
  InChildOfFork();
  InCancelledThread();
  return 0;
}
