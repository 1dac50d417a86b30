#include "src/platform/fault_signals.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>

#include "src/platform/access_size.h"
#include "src/platform/lock.h"
#include "src/platform/memory.h"
#include "src/platform/process.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

// What the kernel has, beside its own order of members.
constexpr unsigned long kRestorer = 0x04000000;
constexpr uint64_t BitOf(int signal) { return uint64_t{1} << (signal - 1); }
constexpr uint64_t kNeverBlocked = BitOf(SIGKILL) | BitOf(SIGSTOP);

using AnyHandler = void (*)(int, siginfo_t*, void*);

// As the kernel takes it.
struct Action {
  AnyHandler handler = nullptr;
  unsigned long flags = 0;
  void (*restorer)() = nullptr;
  uint64_t mask = 0;
};

bool IsDefault(AnyHandler handler) {
  return reinterpret_cast<uintptr_t>(handler) == reinterpret_cast<uintptr_t>(SIG_DFL);
}
bool IsIgnored(AnyHandler handler) {
  return reinterpret_cast<uintptr_t>(handler) == reinterpret_cast<uintptr_t>(SIG_IGN);
}

#if defined(__x86_64__)
// Debuggers and unwinders know these very bytes. The one before belongs to it: they look up the
// address of a call, which is in front of where it returns to.
asm(R"(
  .pushsection .text.bartizan_signal_return, "ax", @progbits
  .p2align 4
  nop
  .type bartizan_signal_return, @function
bartizan_signal_return:
  movq $15, %rax
  syscall
  .size bartizan_signal_return, . - bartizan_signal_return
  .popsection
)");
extern "C" void bartizan_signal_return();
constexpr void (*kSignalReturn)() = bartizan_signal_return;
#else
constexpr void (*kSignalReturn)() = nullptr;
#endif

long SetKernelAction(int signal, const Action& action) {
  return Syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
}
Action KernelAction(int signal) {
  Action action;
  Syscall(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask);
  NoteStored(&action, sizeof action);
  return action;
}
uint64_t ExchangeMask(int how, uint64_t mask) {
  uint64_t old = 0;
  Syscall(SYS_rt_sigprocmask, how, &mask, &old, sizeof mask);
  NoteStored(&old, sizeof old);
  return old;
}

constinit LookAtFault g_look = nullptr;

// What the program has set. Written under the lock, or, where that cannot be had because the
// process is a copy of one whose holder was not copied, without; read by handlers, which do not
// wait: an odd version is one being written.
constinit Lock g_lock;
constinit std::atomic<uint32_t> g_version{0};
constinit std::atomic<AnyHandler> g_handler{nullptr};
constinit std::atomic<unsigned long> g_flags{0};
constinit std::atomic<uint64_t> g_mask{0};

void Remember(const Action& action) {
  g_version.fetch_add(1, std::memory_order_relaxed);
  // The odd version is seen before, and the even one after, what is written between.
  std::atomic_thread_fence(std::memory_order_release);
  g_handler.store(action.handler, std::memory_order_relaxed);
  g_flags.store(action.flags, std::memory_order_relaxed);
  g_mask.store(action.mask, std::memory_order_relaxed);
  g_version.fetch_add(1, std::memory_order_release);
}

Action Remembered() {
  Action action;
  for (int i = 0; i < 1000; ++i) {
    // Acquire pairs with the release of the even version; the fence with that of the odd one.
    const uint32_t version = g_version.load(std::memory_order_acquire);
    action.handler = g_handler.load(std::memory_order_relaxed);
    action.flags = g_flags.load(std::memory_order_relaxed);
    action.mask = g_mask.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if ((version & 1) == 0 && g_version.load(std::memory_order_relaxed) == version) break;
  }
  action.restorer = kSignalReturn;
  return action;
}

// A child of vfork has the parent's memory, but handlers of its own: what it changes must not be
// remembered. It is told by this page, which the kernel empties in a child that has memory of its
// own.
constinit std::atomic<int>* g_owner = nullptr;

void PrepareOwner() {
  constexpr int kWipeOnFork = 18;  // MADV_WIPEONFORK, Linux 4.14
  const uintptr_t page = ClaimAnywhere(kPageBytes, Access::kReadWrite);
  if (page == 0) return;
  if (Syscall(SYS_madvise, page, kPageBytes, kWipeOnFork) != 0) {
    Release(page, kPageBytes);
    return;
  }
  g_owner = reinterpret_cast<std::atomic<int>*>(page);
  g_owner->store(ProcessId(), std::memory_order_relaxed);
}

bool HasForeignMemory() {
  if (g_owner == nullptr) return false;
  const int me = ProcessId();
  const int owner = g_owner->load(std::memory_order_relaxed);
  if (owner == 0) g_owner->store(me, std::memory_order_relaxed);
  return owner != 0 && owner != me;
}

void OnFault(int signal, siginfo_t* info, void* context);

// Ours, in the place of the program's.
Action OursFor(const Action& programs) {
  Action ours = programs;
  if (IsDefault(programs.handler)) ours.flags = SA_ONSTACK | SA_RESTART;
  ours.handler = OnFault;
  ours.flags = (ours.flags & ~static_cast<unsigned long>(SA_RESETHAND)) | SA_SIGINFO;
  if (kSignalReturn != nullptr) ours.flags |= kRestorer;
  ours.restorer = kSignalReturn;
  return ours;
}

// --- The handler --------------------------------------------------------------------------------

bool IsFault(const siginfo_t* info) {
  return info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR;
}

Fault FaultOf(const siginfo_t* info, const void* context) {
  Fault fault = {.address = reinterpret_cast<uintptr_t>(info->si_addr),
                 .access = AccessKind::kUnknown,
                 .bytes = Violation::kUnknown,
                 .context = context};
#if defined(__x86_64__)
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  const auto error = static_cast<uint64_t>(registers[REG_ERR]);
  const auto code = static_cast<uintptr_t>(registers[REG_RIP]);
  if ((error & 16) != 0 || fault.address == code) {
    fault.access = AccessKind::kExecute;
    return fault;
  }
  fault.access = (error & 2) != 0 ? AccessKind::kWrite : AccessKind::kRead;
  const size_t bytes = AccessBytes(reinterpret_cast<const uint8_t*>(code));
  if (bytes != 0) fault.bytes = bytes;
#endif
  return fault;
}

// The signal again, as it came, for the default action: once the handler has returned, so that a
// core dump shows the access.
void EndByDefault(int signal, siginfo_t* info) {
  SetKernelAction(signal, {});
  Syscall(SYS_rt_tgsigqueueinfo, ProcessId(), ThreadId(), signal, info);
}

void OnFault(int signal, siginfo_t* info, void* context) {
  if (IsFault(info)) g_look(FaultOf(info, context));
  const Action programs = Remembered();
  if (IsDefault(programs.handler)) return EndByDefault(signal, info);
  if ((programs.flags & SA_RESETHAND) != 0 && !HasForeignMemory()) Remember({});
  programs.handler(signal, info, context);
}

// --- Work that may fault ------------------------------------------------------------------------

struct Guarded {
  std::atomic<int> thread{0};  // which one may be brought back
  void* place[5];              // of __builtin_setjmp
  Action segv;
  Action bus;
};
constinit Guarded g_guarded = {};

constexpr int kOthersWaitMs = 100;

// Without an alternate stack: whoever is guarded may have left one that it must come back to.
void OnGuardedFault(int, siginfo_t*, void*) {
  if (g_guarded.thread.load(std::memory_order_relaxed) == ThreadId()) {
    __builtin_longjmp(g_guarded.place, 1);
  }
  // Another thread: it faults again, until things are as they were.
  SleepMilliseconds(kOthersWaitMs);
}

[[gnu::noinline]] bool RunUntilFault(void (*work)(void*), void* context) {
  if (__builtin_setjmp(g_guarded.place) != 0) return false;
  work(context);
  return true;
}

}  // namespace

bool RunGuarded(void (*work)(void* context), void* context) {
  const uint64_t mask =
      ExchangeMask(SIG_SETMASK, ~(BitOf(SIGSEGV) | BitOf(SIGBUS) | kNeverBlocked));
  g_guarded.segv = KernelAction(SIGSEGV);
  g_guarded.bus = KernelAction(SIGBUS);
  g_guarded.thread.store(ThreadId(), std::memory_order_relaxed);
  Action guard;
  guard.handler = OnGuardedFault;
  guard.flags = SA_SIGINFO | SA_NODEFER | (kSignalReturn != nullptr ? kRestorer : 0);
  guard.restorer = kSignalReturn;
  SetKernelAction(SIGSEGV, guard);
  SetKernelAction(SIGBUS, guard);
  const bool done = RunUntilFault(work, context);
  g_guarded.thread.store(0, std::memory_order_relaxed);
  SetKernelAction(SIGSEGV, g_guarded.segv);
  SetKernelAction(SIGBUS, g_guarded.bus);
  ExchangeMask(SIG_SETMASK, mask);
  return done;
}

#if defined(__x86_64__)
void CallOnStack(std::byte* top, void (*work)(void* context), void* context) {
  // A callee may change all registers but those that it must keep; rbx is one of these.
  asm volatile(
      "movq %%rsp, %%rbx\n"
      "movq %[top], %%rsp\n"
      "callq *%[work]\n"
      "movq %%rbx, %%rsp\n"
      : [top] "+r"(top), [work] "+r"(work), "+D"(context)
      :
      : "rbx", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15", "memory", "cc");
}
#else
void CallOnStack(std::byte*, void (*work)(void* context), void* context) { work(context); }
#endif

bool WatchFaults(LookAtFault look) {
  // Elsewhere the C library's way back from a handler is not known here.
  if (kSignalReturn == nullptr) return false;
  const Action programs = KernelAction(SIGSEGV);
  if (IsIgnored(programs.handler)) return false;
  g_look = look;
  Remember(programs);
  PrepareOwner();
  if (SetKernelAction(SIGSEGV, OursFor(programs)) == 0) return true;
  g_look = nullptr;
  return false;
}

bool FaultsAreWatched() { return g_look != nullptr; }

int ExchangeFaultAction(const struct sigaction* action, struct sigaction* old) {
  // What the program passes is read, and written, outside of the lock: it may be a wild pointer.
  Action wanted;
  if (action != nullptr) {
    wanted.handler = action->sa_sigaction;
    wanted.flags = static_cast<unsigned long>(static_cast<unsigned>(action->sa_flags)) | kRestorer;
    wanted.restorer = kSignalReturn;
    __builtin_memcpy(&wanted.mask, &action->sa_mask, sizeof wanted.mask);
    wanted.mask &= ~kNeverBlocked;
  }
  const uint64_t mask = ExchangeMask(SIG_SETMASK, ~uint64_t{0});
  const bool locked = g_lock.AcquireSoon();
  Action found = KernelAction(SIGSEGV);
  if (found.handler == OnFault) found = Remembered();
  long result = 0;
  if (action != nullptr) {
    // What is ignored stays so across exec, and children of vfork are about to call that.
    const bool stands = !IsIgnored(wanted.handler) && !HasForeignMemory();
    if (stands) Remember(wanted);
    result = SetKernelAction(SIGSEGV, stands ? OursFor(wanted) : wanted);
  }
  if (locked) g_lock.Release();
  ExchangeMask(SIG_SETMASK, mask);
  if (old != nullptr) {
    *old = {};
    old->sa_sigaction = found.handler;
    old->sa_flags = static_cast<int>(found.flags);
    old->sa_restorer = found.restorer;
    __builtin_memcpy(&old->sa_mask, &found.mask, sizeof found.mask);
  }
  return static_cast<int>(result);
}

}  // namespace bartizan::platform
