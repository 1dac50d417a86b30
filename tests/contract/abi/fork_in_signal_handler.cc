// fork() called from a signal handler, as the C library's own tests do it.
//
// 1. A process with one thread, interrupted anywhere, inside malloc too: the child only _exits.
// 2. A process with allocating threads; the interrupted thread does not allocate, so the child may.
// 3. _Fork(), which runs no fork handlers, from a handler that interrupts allocating threads.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kChildStatus = 42;

std::atomic<int> handled = 0;
std::atomic<bool> stop = false;
pid_t (*fork_function)() = nullptr;
bool child_allocates = false;

void ForkFromHandler(int) {
  int saved = errno;
  pid_t child = fork_function();
  if (child == 0) {
    if (child_allocates) {
      void* block = test::Opaque(malloc(100));
      if (block == nullptr) _exit(1);
      free(block);
    }
    _exit(kChildStatus);
  }
  EXPECT(child > 0, "fork in a handler: errno %d", errno);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) EXPECT(errno == EINTR, "waitpid: errno %d", errno);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == kChildStatus, "child: status %#x", status);
  handled.fetch_add(1);
  errno = saved;
}

void InstallHandler() {
  struct sigaction action = {};
  action.sa_handler = ForkFromHandler;
  action.sa_flags = SA_RESTART;
  EXPECT(sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction: errno %d", errno);
}

void BlockSignal(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(how, &set, nullptr);
}

// Another process sends the signal as fast as it can be handled. The handler's children must not
// answer for it, hence the process id.
class Sender {
 public:
  Sender() {
    pid_t target = getpid();
    BlockSignal(SIG_BLOCK);
    process_ = fork();
    EXPECT(process_ >= 0, "fork: errno %d", errno);
    if (process_ == 0) {
      test::DieWithParent();
      while (kill(target, SIGUSR1) == 0) sched_yield();
      _exit(0);
    }
    BlockSignal(SIG_UNBLOCK);
  }
  ~Sender() {
    kill(process_, SIGKILL);
    test::WaitFor(process_);
    BlockSignal(SIG_BLOCK);
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

 private:
  pid_t process_;
};

void UseHeapUntil(int count, uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  while (handled.load(std::memory_order_relaxed) < count) set.Step();
  set.ReleaseAll();
}

void UseHeapUntilStopped(uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  while (!stop.load(std::memory_order_relaxed)) set.Step();
  set.ReleaseAll();
}

void OneThread(int forks) {
  fork_function = fork;
  handled = 0;
  Sender sender;
  UseHeapUntil(forks, 1);
}

void ForkingThreadDoesNotAllocate(int forks) {
  fork_function = fork;
  child_allocates = true;
  handled = 0;
  stop = false;
  BlockSignal(SIG_BLOCK);  // inherited by the allocating threads
  std::thread first(UseHeapUntilStopped, 2);
  std::thread second(UseHeapUntilStopped, 3);
  {
    Sender sender;
    while (handled.load() < forks) sched_yield();
  }
  stop = true;
  first.join();
  second.join();
  child_allocates = false;
}

void PlainFork(int forks) {
  fork_function = reinterpret_cast<pid_t (*)()>(dlsym(RTLD_DEFAULT, "_Fork"));
  if (fork_function == nullptr) {
    test::Say("not tried: this C library has no _Fork");
    return;
  }
  handled = 0;
  BlockSignal(SIG_UNBLOCK);
  std::thread first(UseHeapUntil, forks, 4);
  std::thread second(UseHeapUntil, forks, 5);
  {
    Sender sender;
    UseHeapUntil(forks, 6);
  }
  first.join();
  second.join();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  bool long_form = arguments.Long();
  arguments.RejectUnknown();
  int forks = long_form ? 10000 : 300;
  unsigned seconds = long_form ? 1800 : 250;
  InstallHandler();
  test::Watchdog(seconds, "one thread, interrupted anywhere");
  OneThread(forks);
  test::Watchdog(seconds, "allocating threads, the forking one is idle");
  ForkingThreadDoesNotAllocate(forks);
  test::Watchdog(seconds, "_Fork from allocating threads");
  PlainFork(forks);
  return 0;
}
