// Seccomp filters for tests: a sandbox that kills on what is not listed, and system calls that fail
// on purpose. A filter stays for the rest of the process's life, so install it in a child.
#ifndef BARTIZAN_TESTS_SUPPORT_SYSTEM_CALLS_H_
#define BARTIZAN_TESTS_SUPPORT_SYSTEM_CALLS_H_

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <span>

#include "tests/support/child.h"
#include "tests/support/expect.h"

namespace test {

// What every test program itself needs to report and to end.
inline constexpr int kReporting[] = {SYS_write, SYS_exit_group, SYS_exit, SYS_rt_sigreturn};

class SystemCallFilter {
 public:
  // `others`: the action for calls without a rule, a SECCOMP_RET_* value.
  explicit SystemCallFilter(uint32_t others) : others_(others) {
    Add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  }

  SystemCallFilter& Rule(std::span<const int> calls, uint32_t action) {
    for (int call : calls) {
      Add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
      Add(BPF_STMT(BPF_RET | BPF_K, action));
    }
    return *this;
  }

  SystemCallFilter& Allow(std::span<const int> calls) { return Rule(calls, SECCOMP_RET_ALLOW); }

  SystemCallFilter& FailWith(std::span<const int> calls, int error) {
    return Rule(calls, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error));
  }

  // False when the kernel or a container does not let us.
  bool Install() {
    Add(BPF_STMT(BPF_RET | BPF_K, others_));
    sock_fprog program = {static_cast<unsigned short>(size_), code_};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  static constexpr size_t kMost = 160;

  void Add(sock_filter instruction) {
    EXPECT(size_ < kMost, "the filter has too many rules");
    code_[size_++] = instruction;
  }

  uint32_t others_;
  size_t size_ = 0;
  sock_filter code_[kMost];
};

// Whether this process may install filters; asked in a child, for a filter is for ever.
inline bool CanFilterSystemCalls() {
  return RunInChild("trying seccomp",
                    [] {
                      SystemCallFilter filter(SECCOMP_RET_ALLOW);
                      if (!filter.Install()) _exit(1);
                    })
      .Clean();
}

// Says which call a SECCOMP_RET_TRAP filter stopped, then exits with status 1.
inline void SayTrappedCall(int, siginfo_t* info, void*) {
  Say("system call %d is not on the published list (syscall numbers: <asm/unistd_64.h>)",
      info->si_syscall);
  _exit(1);
}

inline void ReportTrappedCalls() {
  struct sigaction action = {};
  action.sa_sigaction = SayTrappedCall;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
}

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_SYSTEM_CALLS_H_
