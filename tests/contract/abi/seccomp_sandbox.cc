// Allocation in a process that is killed at the first system call outside the published list, and
// in one where calls that the allocator can do without are refused.
//
// The filter is installed after start-up, as sandboxes do it. Threads are started afterwards, so
// the list holds what the C library needs for them.
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>

#include <initializer_list>
#include <thread>
#include <vector>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/system_calls.h"
#include "tests/support/working_set.h"

namespace {

// What the C library needs for threads; it installs a handler with the first one.
constexpr int kThreads[] = {SYS_clone, SYS_clone3,         SYS_set_robust_list,
                            SYS_rseq,  SYS_rt_sigprocmask, SYS_rt_sigaction};

constexpr int kAllocator[] = {
    SYS_mmap,        SYS_munmap,    SYS_mprotect,  SYS_mremap, SYS_madvise, SYS_futex,
    SYS_sched_yield, SYS_getrandom, SYS_prlimit64, SYS_mbind,  SYS_getcpu,  SYS_clock_gettime,
    SYS_tgkill,      SYS_gettid,    SYS_getpid,    SYS_brk,    SYS_mincore,
};

// The allocator gains from these and must do without. 462 is mseal.
constexpr int kOptional[] = {SYS_madvise,   SYS_mremap,    SYS_getcpu,  SYS_mbind,
                             SYS_getrandom, SYS_prlimit64, SYS_mincore, 462};

// Other allocators ask for the number of processors when threads start.
constexpr int kOthersNeed[] = {SYS_sched_getaffinity, SYS_openat,   SYS_read,  SYS_close,
                               SYS_newfstatat,        SYS_readlink, SYS_prctl, SYS_pread64};

void UseHeap(uint64_t seed) {
  test::Block blocks[500];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  set.Steps(20000);
  set.ReleaseAll();
}

// Growing in place, moving, shrinking.
void UseLargeBlock() {
  test::Block large;
  large.Allocate(64 << 20, 1);
  large.Resize(96 << 20);
  large.Resize(1 << 20);
  large.CheckContents();
  large.Release();
}

void UseHeapInThreads() {
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 16; ++i) threads.emplace_back(UseHeap, i);
  UseHeap(16);
  UseLargeBlock();
  for (std::thread& thread : threads) thread.join();
}

test::Ending RunInSandbox(uint32_t others) {
  return test::RunInChild("sandbox", [=] {
    test::ReportTrappedCalls();
    test::SystemCallFilter filter(others);
    filter.Allow(test::kReporting).Allow(kThreads).Allow(kAllocator);
    if (!test::UnderBartizan()) filter.Allow(kOthersNeed);
    EXPECT(filter.Install(), "seccomp: errno %d", errno);
    UseHeapInThreads();
  });
}

test::Ending RunWithRefusals(int error) {
  return test::RunInChild("refused system calls", [=] {
    test::SystemCallFilter filter(SECCOMP_RET_ALLOW);
    EXPECT(filter.FailWith(kOptional, error).Install(), "seccomp: errno %d", errno);
    UseHeapInThreads();
  });
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  if (!test::CanFilterSystemCalls()) test::Skip("seccomp filters are not permitted here");
  test::Ending ending = RunInSandbox(SECCOMP_RET_KILL_PROCESS);
  if (ending.Signaled(SIGSYS)) {
    // Once more, to say which call it was.
    test::Ending traced = RunInSandbox(SECCOMP_RET_TRAP);
    EXPECT(false, "killed by the sandbox; traced: %s %d", traced.Kind(), traced.Number());
  }
  EXPECT(ending.Clean(), "in the sandbox: %s %d", ending.Kind(), ending.Number());
  for (int error : {EPERM, ENOSYS}) {
    ending = RunWithRefusals(error);
    EXPECT(ending.Clean(), "with calls refused by errno %d: %s %d", error, ending.Kind(),
           ending.Number());
  }
  return 0;
}
