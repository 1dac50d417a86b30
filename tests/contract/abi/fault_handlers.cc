// SIGSEGV: what a program sets for it, and what its faults come to, is as without the library; with
// it, faults into the heap are reported before. `--reports` says that they are expected.
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/expect.h"

// Deprecated, and used.
#pragma clang diagnostic ignored "-Wdeprecated-declarations"

extern "C" sighandler_t __sysv_signal(int, sighandler_t) noexcept;

namespace {

bool reports = false;
constexpr size_t kLarge = 300000;
char* const kWild = reinterpret_cast<char*>(0x1230);

// --- Children and what they said ----------------------------------------------------------------

struct Said {
  char text[1 << 16] = {};

  int Count(const char* word) const {
    int count = 0;
    for (const char* at = text; (at = strstr(at, word)) != nullptr; ++at) ++count;
    return count;
  }
  // A report from beginning to end.
  bool HasReport(const char* what) const {
    char first[100];
    snprintf(first, sizeof first, "bartizan: fatal: %s: ", what);
    return Count(first) == 1 && Count("Caught by ") == 1;
  }
};

template <class Body>
test::Ending RunListening(const char* phase, Said* said, Body body) {
  int ends[2];
  EXPECT(pipe(ends) == 0, "pipe");
  pid_t child = fork();
  if (child == 0) {
    test::DieWithParent();
    test::NoCoreDump();
    test::Watchdog(60, phase);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    body();
    _exit(0);
  }
  close(ends[1]);
  size_t size = 0;
  ssize_t got;
  while ((got = read(ends[0], said->text + size, sizeof said->text - 1 - size)) > 0) {
    size += static_cast<size_t>(got);
  }
  close(ends[0]);
  return test::WaitFor(child);
}

// The body ends by that signal, without a report.
template <class Body>
void ExpectSilentEnd(const char* phase, int signal, Body body) {
  Said said;
  test::Ending ending = RunListening(phase, &said, body);
  EXPECT(ending.Signaled(signal), "%s: %s %d", phase, ending.Kind(), ending.Number());
  EXPECT(said.Count("bartizan: fatal") == 0, "%s: %s", phase, said.text);
}

// The body reaches its end, with that many reports where there are any.
template <class Body>
void ExpectSuccess(const char* phase, int faults, Body body) {
  Said said;
  test::Ending ending = RunListening(phase, &said, body);
  EXPECT(ending.Clean(), "%s: %s %d: %s", phase, ending.Kind(), ending.Number(), said.text);
  int expected = reports ? faults : 0;
  EXPECT(said.Count("bartizan: fatal") == expected, "%s: not %d reports: %s", phase, expected,
         said.text);
}

// --- Faults -------------------------------------------------------------------------------------

void Touch(char* address) { *const_cast<volatile char*>(address) = 1; }

// The first byte behind a block, in its guard.
char* BehindBlock() {
  char* block = static_cast<char*>(malloc(kLarge));
  return block + kLarge;
}

sigjmp_buf after_fault;
volatile int calls = 0;
void* volatile fault_address = nullptr;

void Leave(int) {
  calls = calls + 1;
  siglongjmp(after_fault, 1);
}
void LeaveWithInfo(int, siginfo_t* info, void*) {
  fault_address = info->si_addr;
  Leave(SIGSEGV);
}

// Whether the access faulted and the handler came back.
bool FaultsAt(char* address) {
  calls = 0;
  if (sigsetjmp(after_fault, 1) == 0) Touch(address);
  return calls == 1;
}

struct sigaction ActionOf(void (*handler)(int), int flags = 0) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  return action;
}
struct sigaction Current() {
  struct sigaction action = {};
  EXPECT(sigaction(SIGSEGV, nullptr, &action) == 0, "sigaction");
  return action;
}

// --- What is not ours ---------------------------------------------------------------------------

void CheckWildFaults() {
  ExpectSilentEnd("wild access", SIGSEGV, [] { Touch(kWild); });
  ExpectSilentEnd("wild access in a thread", SIGSEGV,
                  [] { std::thread([] { Touch(kWild); }).join(); });
  ExpectSilentEnd("raise", SIGSEGV, [] { raise(SIGSEGV); });
  ExpectSilentEnd("kill", SIGSEGV, [] {
    kill(getpid(), SIGSEGV);
    pause();
  });
  ExpectSilentEnd("other signal", SIGBUS, [] { raise(SIGBUS); });
}

// A debugger sees the fault with its address, and nothing else than SIGSEGV until the end.
void CheckWhatADebuggerSees() {
  pid_t child = fork();
  if (child == 0) {
    test::DieWithParent();
    test::NoCoreDump();
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    Touch(kWild);
    _exit(0);
  }
  int stops = 0;
  int status = 0;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    siginfo_t info = {};
    EXPECT(WSTOPSIG(status) == SIGSEGV, "stopped by signal %d", WSTOPSIG(status));
    EXPECT(ptrace(PTRACE_GETSIGINFO, child, nullptr, &info) == 0, "ptrace");
    EXPECT(info.si_addr == kWild && info.si_code == SEGV_MAPERR, "fault at %p, code %d",
           info.si_addr, info.si_code);
    ++stops;
    ptrace(PTRACE_CONT, child, nullptr, SIGSEGV);
  }
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && stops >= 1, "status %x", status);
}

// --- The program's handlers ---------------------------------------------------------------------

void CheckActionsAreKept() {
  ExpectSuccess("actions", 0, [] {
    struct sigaction action = {};
    action.sa_sigaction = LeaveWithInfo;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
    sigaddset(&action.sa_mask, SIGUSR1);
    sigaction(SIGSEGV, &action, nullptr);
    struct sigaction found = Current();
    EXPECT(found.sa_sigaction == LeaveWithInfo, "another handler");
    EXPECT((found.sa_flags & 0x7fffffff & ~0x04000000) == (action.sa_flags & 0x7fffffff),
           "flags %x", static_cast<unsigned>(found.sa_flags));
    EXPECT(sigismember(&found.sa_mask, SIGUSR1) == 1 && sigismember(&found.sa_mask, SIGUSR2) == 0,
           "another mask");
    EXPECT(signal(SIGSEGV, SIG_DFL) != SIG_ERR, "signal");
    EXPECT(Current().sa_handler == SIG_DFL, "not the default again");
    EXPECT(signal(SIGSEGV, Leave) == SIG_DFL, "signal");
    found = Current();
    EXPECT((found.sa_flags & SA_RESTART) != 0 && sigismember(&found.sa_mask, SIGSEGV) == 1,
           "signal is not BSD's");
    EXPECT(__sysv_signal(SIGSEGV, Leave) == Leave, "__sysv_signal");
    EXPECT((Current().sa_flags & static_cast<int>(SA_RESETHAND)) != 0, "no SA_RESETHAND");
    EXPECT(sigset(SIGSEGV, Leave) == Leave, "sigset");
    EXPECT(sigset(SIGSEGV, SIG_HOLD) == Leave, "sigset");
    EXPECT(sigset(SIGSEGV, Leave) == SIG_HOLD, "sigset");
    EXPECT(sigset(SIGSEGV, Leave) == Leave, "sigset");
    errno = 0;
    EXPECT(signal(SIGSEGV, SIG_ERR) == SIG_ERR && errno == EINVAL, "SIG_ERR was accepted");
    // And of other signals.
    EXPECT(signal(SIGUSR1, Leave) == SIG_DFL && sigset(SIGUSR1, SIG_DFL) == Leave, "SIGUSR1");
    EXPECT(__sysv_signal(SIGUSR1, Leave) == SIG_DFL, "SIGUSR1");
    EXPECT(sigaction(SIGKILL, &action, nullptr) == -1 && errno == EINVAL, "SIGKILL");
  });
}

void CheckHandlersAreCalled() {
  ExpectSuccess("handlers", 2, [] {
    signal(SIGSEGV, Leave);
    EXPECT(FaultsAt(kWild), "no fault");
    struct sigaction action = {};
    action.sa_sigaction = LeaveWithInfo;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    EXPECT(FaultsAt(kWild) && fault_address == kWild, "fault at %p", fault_address);
    if (!reports) return;
    for (int i = 0; i < 2; ++i) {
      char* address = BehindBlock();
      EXPECT(FaultsAt(address) && fault_address == address, "fault at %p", fault_address);
    }
    sigset_t mask;
    sigprocmask(SIG_SETMASK, nullptr, &mask);
    EXPECT(sigismember(&mask, SIGSEGV) == 0 && sigismember(&mask, SIGUSR1) == 0, "signals blocked");
  });
}

// A handler that comes back to the access must not fill a disk.
void CheckReportsAreLimited() {
  ExpectSuccess("many faults", 16, [] {
    signal(SIGSEGV, Leave);
    for (int i = 0; reports && i < 40; ++i) EXPECT(FaultsAt(BehindBlock()), "no fault");
  });
}

volatile int blocked_segv = -1;
volatile int blocked_usr1 = -1;
char* volatile handler_frame = nullptr;

void LookAround(int) {
  sigset_t mask;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  blocked_segv = sigismember(&mask, SIGSEGV);
  blocked_usr1 = sigismember(&mask, SIGUSR1);
  handler_frame = static_cast<char*>(__builtin_frame_address(0));
  Leave(SIGSEGV);
}

void CheckMasksAndStacks() {
  ExpectSuccess("masks and stacks", 0, [] {
    static char stack[1 << 16];
    stack_t alternate = {};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    EXPECT(sigaltstack(&alternate, nullptr) == 0, "sigaltstack");
    for (int flags : {0, SA_ONSTACK, SA_NODEFER, SA_ONSTACK | SA_NODEFER}) {
      struct sigaction action = ActionOf(LookAround, flags);
      sigaddset(&action.sa_mask, SIGUSR1);
      sigaction(SIGSEGV, &action, nullptr);
      EXPECT(FaultsAt(kWild), "no fault");
      EXPECT(blocked_segv == ((flags & SA_NODEFER) == 0 ? 1 : 0), "flags %d: SIGSEGV", flags);
      EXPECT(blocked_usr1 == 1, "flags %d: SIGUSR1", flags);
      bool on_stack = handler_frame >= stack && handler_frame < stack + sizeof stack;
      EXPECT(on_stack == ((flags & SA_ONSTACK) != 0), "flags %d: stack", flags);
    }
  });
}

void CheckHandlersOfOneTime() {
  ExpectSuccess("SA_RESETHAND", 0, [] {
    struct sigaction action = ActionOf(Leave, static_cast<int>(SA_RESETHAND));
    sigaction(SIGSEGV, &action, nullptr);
    EXPECT(FaultsAt(kWild), "no fault");
    EXPECT(Current().sa_handler == SIG_DFL, "the handler is still there");
  });
  ExpectSilentEnd("SA_RESETHAND", SIGSEGV, [] {
    struct sigaction action = ActionOf(Leave, static_cast<int>(SA_RESETHAND));
    sigaction(SIGSEGV, &action, nullptr);
    FaultsAt(kWild);
    FaultsAt(kWild);
  });
}

// --- Other processes ----------------------------------------------------------------------------

// Run as `fault_handlers --ignored=N`: whether SIGSEGV is ignored.
void CheckExec(sighandler_t handler, bool ignored) {
  Said said;
  test::Ending ending = RunListening("exec", &said, [&] {
    signal(SIGSEGV, handler);
    EXPECT(Current().sa_handler == handler, "another handler");
    if (ignored) raise(SIGSEGV);
    execl("/proc/self/exe", "fault_handlers", ignored ? "--ignored=1" : "--ignored=0", nullptr);
  });
  EXPECT(ending.Clean(), "after exec: %s %d: %s", ending.Kind(), ending.Number(), said.text);
}

// What a child of vfork sets is its own.
void CheckVfork() {
  ExpectSuccess("vfork", 0, [] {
    signal(SIGSEGV, Leave);
    pid_t child = vfork();
    if (child == 0) {
      signal(SIGSEGV, SIG_DFL);
      _exit(Current().sa_handler == SIG_DFL ? 0 : 1);
    }
    EXPECT(test::WaitFor(child).Clean(), "the child has another handler than it set");
    EXPECT(Current().sa_handler == Leave, "the child changed the parent's handler");
    EXPECT(FaultsAt(kWild), "no fault");
  });
}

// --- Reports ------------------------------------------------------------------------------------

template <class Body>
void ExpectReport(const char* phase, const char* what, Body body) {
  Said said;
  test::Ending ending = RunListening(phase, &said, body);
  EXPECT(ending.Signaled(SIGSEGV), "%s: %s %d: %s", phase, ending.Kind(), ending.Number(),
         said.text);
  EXPECT(said.HasReport(what), "%s: no report '%s' in: %s", phase, what, said.text);
}

// Whatever runs over it meets memory that cannot be accessed.
void UseSmallestAlternateStack() {
  constexpr size_t kGuard = 1 << 16;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t bytes = static_cast<size_t>(sysconf(_SC_MINSIGSTKSZ)) + 2048;
  const size_t pages = (bytes + page - 1) / page * page;
  void* const guard = mmap(nullptr, kGuard + pages, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(guard != MAP_FAILED, "mmap");
  char* const begin = static_cast<char*>(guard) + kGuard;
  EXPECT(mprotect(begin, pages, PROT_READ | PROT_WRITE) == 0, "mprotect");
  stack_t alternate = {};
  alternate.ss_sp = begin + pages - bytes;
  alternate.ss_size = bytes;
  EXPECT(sigaltstack(&alternate, nullptr) == 0, "sigaltstack");
}

void CheckReports() {
  ExpectReport("overflow", "heap buffer overflow", [] { Touch(BehindBlock()); });
  ExpectReport("underflow", "heap buffer underflow", [] {
    char* block = static_cast<char*>(aligned_alloc(4096, 1 << 20));
    Touch(block - 1);
  });
  ExpectReport("use after free", "use after free", [] {
    char* block = static_cast<char*>(malloc(kLarge));
    free(block);
    Touch(block);
  });
  ExpectReport("overflow of a slab", "heap buffer overflow", [] {
    char* block = static_cast<char*>(malloc(100));
    for (size_t i = 0;; ++i) Touch(block + i);
  });
  ExpectReport("thread", "heap buffer overflow", [] {
    char* address = BehindBlock();
    std::thread(Touch, address).join();
  });
  ExpectReport("small signal stack", "heap buffer overflow", [] {
    UseSmallestAlternateStack();
    Touch(BehindBlock());
  });
  ExpectReport("handler that is a default again", "heap buffer overflow", [] {
    signal(SIGSEGV, Leave);
    signal(SIGSEGV, SIG_DFL);
    Touch(BehindBlock());
  });
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  const uint64_t ignored = arguments.Number("ignored", 2);
  reports = arguments.Flag("reports");
  arguments.RejectUnknown();
  if (ignored != 2) return (Current().sa_handler == SIG_IGN) == (ignored == 1) ? 0 : 1;
  CheckWildFaults();
  CheckWhatADebuggerSees();
  CheckActionsAreKept();
  CheckHandlersAreCalled();
  CheckReportsAreLimited();
  CheckMasksAndStacks();
  CheckHandlersOfOneTime();
  CheckExec(SIG_IGN, true);
  CheckExec(SIG_DFL, false);
  CheckExec(Leave, false);
  CheckVfork();
  if (reports) CheckReports();
  return 0;
}
