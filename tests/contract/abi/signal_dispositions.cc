// Signals: the allocator installs no handler and changes no mask, a handler of the program gets its
// fault, and a fatal report from a handler on a small alternate stack ends the process instead of
// deadlocking, wherever the handler interrupted the allocator.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/process_memory.h"
#include "tests/support/working_set.h"

namespace {

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};

void UseHeap(uint64_t seed, uint64_t steps) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  set.Steps(steps);
  set.ReleaseAll();
}

void CheckDispositions(const char* when) {
  for (int signal : kFaults) {
    struct sigaction action;
    EXPECT(sigaction(signal, nullptr, &action) == 0, "sigaction(%d)", signal);
    EXPECT(action.sa_handler == SIG_DFL, "%s: signal %d has a handler", when, signal);
  }
}

void CheckMaskIsKept() {
  sigset_t mask;
  sigset_t after;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  UseHeap(1, 20000);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT(sigismember(&after, signal) == sigismember(&mask, signal),
           "malloc changed the mask of signal %d", signal);
  }
}

sigjmp_buf after_fault;
void* volatile fault_address = nullptr;

void OnFault(int, siginfo_t* info, void*) {
  fault_address = info->si_addr;
  siglongjmp(after_fault, 1);
}

void CheckProgramGetsItsFault() {
  char* page = static_cast<char*>(
      mmap(nullptr, test::PageSize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  EXPECT(page != MAP_FAILED, "mmap");
  struct sigaction action = {};
  struct sigaction before;
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &before);
  UseHeap(2, 1000);
  if (sigsetjmp(after_fault, 1) == 0) {
    *const_cast<volatile char*>(page + 5) = 1;
    test::Fail(__FILE__, __LINE__, "a fault", "writing to an inaccessible page succeeded");
  }
  EXPECT(fault_address == page + 5, "fault at %p", fault_address);
  UseHeap(3, 1000);
  struct sigaction after;
  sigaction(SIGSEGV, &before, &after);
  EXPECT(after.sa_sigaction == OnFault, "the program's handler was replaced");
  munmap(page, test::PageSize());
}

void* volatile live_block = nullptr;

void FreeInterior(int) {
  free(test::Opaque(static_cast<char*>(live_block) + 24));
  test::Say("free of an interior pointer returned");
  _exit(3);
}

// The smallest stack that the kernel accepts for a handler, and what a fatal report may use of it.
void UseSmallAlternateStack() {
  static char stack[16 << 10];
  size_t size = 8192;
  size_t least = static_cast<size_t>(sysconf(_SC_MINSIGSTKSZ));
  if (size < least + 4096) size = least + 4096;
  EXPECT(size <= sizeof stack, "this processor needs %zu bytes of signal stack", least);
  stack_t alternate = {};
  alternate.ss_sp = stack;
  alternate.ss_size = size;
  EXPECT(sigaltstack(&alternate, nullptr) == 0, "sigaltstack: errno %d", errno);
}

// The child allocates until another process interrupts it at a moment nobody chose; the handler
// then frees an address that was never returned. Bartizan must report it and abort.
void CheckReportFromHandler() {
  for (uint64_t i = 0; i < 50; ++i) {
    pid_t child = fork();
    EXPECT(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
      test::DieWithParent();
      test::NoCoreDump();
      close(STDERR_FILENO);
      alarm(60);
      UseSmallAlternateStack();
      live_block = malloc(100);
      struct sigaction action = {};
      action.sa_handler = FreeInterior;
      action.sa_flags = SA_ONSTACK;
      sigaction(SIGUSR1, &action, nullptr);
      kill(getppid(), SIGUSR2);
      for (;;) UseHeap(i, 1000);
    }
    sigset_t started;
    sigemptyset(&started);
    sigaddset(&started, SIGUSR2);
    int signal = 0;
    sigwait(&started, &signal);
    test::Random random(i);
    for (uint64_t wait = random.Below(30); wait > 0; --wait) std::this_thread::yield();
    kill(child, SIGUSR1);
    test::Ending ending = test::WaitFor(child);
    EXPECT(!ending.Signaled(SIGALRM), "a report from a signal handler hung (round %d)",
           static_cast<int>(i));
    EXPECT(ending.Signaled(SIGABRT), "a free of an interior pointer in a handler: %s %d",
           ending.Kind(), ending.Number());
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  CheckDispositions("at start");
  UseHeap(0, 20000);
  std::thread(UseHeap, 0, 20000).join();
  CheckDispositions("after allocating");
  test::Watchdog(200, "signals");
  CheckMaskIsKept();
  CheckProgramGetsItsFault();
  if (!test::UnderBartizan()) {
    test::Say("not tried: a report from a handler (malloc is not Bartizan's)");
    return 0;
  }
  CheckReportFromHandler();
  return 0;
}
