// sigaction and its like, for SIGSEGV: what a program sets is remembered and called behind ours
// (src/platform/fault_signals.h). Every other signal is the C library's business, which is reached
// by its other names for the same functions.
#include <cerrno>
#include <csignal>

#include "src/base/compiler.h"
#include "src/platform/fault_signals.h"

extern "C" {

// The C library's.
int __sigaction(int, const struct sigaction*, struct sigaction*) noexcept;
sighandler_t ssignal(int, sighandler_t) noexcept;
sighandler_t sysv_signal(int, sighandler_t) noexcept;

}  // extern "C"

namespace {

using bartizan::platform::ExchangeFaultAction;
using bartizan::platform::FaultsAreWatched;

bool IsOurs(int signal) { return signal == SIGSEGV && FaultsAreWatched(); }

int Exchange(int signal, const struct sigaction* action, struct sigaction* old) {
  if (!IsOurs(signal)) return __sigaction(signal, action, old);
  const int status = ExchangeFaultAction(action, old);
  if (status == 0) return 0;
  errno = -status;
  return -1;
}

// As signal() and its like set a handler. `flags` and whether the signal itself is in the mask are
// what tells them apart.
sighandler_t SetHandler(int signal, sighandler_t handler, int flags, bool masked) {
  if (handler == SIG_ERR) {
    errno = EINVAL;
    return SIG_ERR;
  }
  struct sigaction action = {};
  struct sigaction old;
  action.sa_handler = handler;
  action.sa_flags = flags;
  if (masked) sigaddset(&action.sa_mask, signal);
  return Exchange(signal, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

sighandler_t SetBsdHandler(int signal, sighandler_t handler) {
  return IsOurs(signal) ? SetHandler(signal, handler, SA_RESTART, true) : ssignal(signal, handler);
}

}  // namespace

extern "C" {

BARTIZAN_EXPORT int sigaction(int signal, const struct sigaction* action,
                              struct sigaction* old) noexcept {
  return Exchange(signal, action, old);
}

BARTIZAN_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept {
  return SetBsdHandler(number, handler);
}
BARTIZAN_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler) noexcept {
  return SetBsdHandler(number, handler);
}
// What signal() is in programs that ask for POSIX and no more.
BARTIZAN_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept {
  constexpr auto kFlags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  return IsOurs(number) ? SetHandler(number, handler, kFlags, false) : sysv_signal(number, handler);
}

// POSIX.1-2008, XSI.
BARTIZAN_EXPORT sighandler_t sigset(int number, sighandler_t handler) noexcept {
  sigset_t one;
  sigset_t before;
  sigemptyset(&one);
  if (sigaddset(&one, number) != 0) return SIG_ERR;
  struct sigaction old;
  if (handler == SIG_HOLD) {
    if (sigprocmask(SIG_BLOCK, &one, &before) != 0) return SIG_ERR;
    if (sigismember(&before, number) != 0) return SIG_HOLD;
    return Exchange(number, nullptr, &old) == 0 ? old.sa_handler : SIG_ERR;
  }
  const sighandler_t found = SetHandler(number, handler, 0, false);
  if (found == SIG_ERR || sigprocmask(SIG_UNBLOCK, &one, &before) != 0) return SIG_ERR;
  return sigismember(&before, number) != 0 ? SIG_HOLD : found;
}

}  // extern "C"
