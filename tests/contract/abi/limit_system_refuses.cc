// The kernel refuses memory from some moment on, as it does with overcommit off or in a full
// container: RLIMIT_DATA is lowered, or a seccomp filter makes mmap, mprotect, mremap and madvise
// fail with ENOMEM. Always null and ENOMEM, never a crash, live data intact; what was freed is
// still usable.
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <initializer_list>
#include <span>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/exhaust.h"
#include "tests/support/system_calls.h"

namespace {

constexpr int kMemory[] = {SYS_mmap, SYS_mprotect, SYS_mremap, SYS_madvise};
constexpr int kMemoryAndUnmap[] = {SYS_mmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_munmap};

// brk reports a failure as no other call does, so a filter cannot imitate it; this limit stops it.
// It also stops mmap and mprotect, but only for private writable memory.
void RefuseData() {
  rlimit none = {};
  EXPECT(setrlimit(RLIMIT_DATA, &none) == 0, "setrlimit: errno %d", errno);
}

// What `when` says the heap has done before the kernel refuses.
enum class When { kAtOnce, kInUse };

void Run(When when, std::span<const int> refused) {
  test::Random random(1);
  test::Hoard before;
  test::Hoard after;
  if (when == When::kInUse) {
    before.Fill(random, 16, 4 << 20, 1, 64 << 20);
    before.ReleaseOneIn(2);
  }
  RefuseData();
  test::SystemCallFilter filter(SECCOMP_RET_ALLOW);
  EXPECT(refused.empty() || filter.FailWith(refused, ENOMEM).Install(), "seccomp: errno %d", errno);

  // Without memory from the kernel this ends; the bound is only for the case that nothing is
  // refused.
  uint64_t bound = uint64_t{4} << 30;
  after.Fill(random, 16, 1024, 1000, bound);
  after.Fill(random, 1024, 64 << 10, 1000, bound);
  after.Fill(random, 64 << 10, 64 << 20, 100, bound);
  EXPECT(after.Bytes() < bound, "nothing was refused");
  before.Check();
  after.Check();
  after.TryToGrow(2);
  before.TryToGrow(16);
  before.Check();
  after.Check();

  // Freed memory is usable again, for the same sizes: a fill ends with the first refusal. Small
  // blocks only: large ones may have gone back to the kernel.
  constexpr uint64_t kSizes = 2;
  test::Hoard small;
  test::Random sizes(kSizes);
  small.Fill(sizes, 24, 200, 1, 1 << 20);
  uint64_t blocks = small.Blocks();
  small.ReleaseAll();
  sizes = test::Random(kSizes);
  small.Fill(sizes, 24, 200, 1, 1 << 20);
  EXPECT(small.Blocks() >= blocks / 2, "%llu blocks before, %llu after they were freed",
         static_cast<unsigned long long>(blocks), static_cast<unsigned long long>(small.Blocks()));
  small.Check();
  small.ReleaseAll();
  before.ReleaseAll();
  after.ReleaseAll();
}

void RunEach(std::span<const int> refused, const char* what) {
  for (When when : {When::kAtOnce, When::kInUse}) {
    const char* state = when == When::kAtOnce ? "a new process" : "a process in use";
    test::Ending ending = test::RunInChild(state, [=] { Run(when, refused); });
    EXPECT(ending.Clean(), "%s, %s refused: %s %d", state, what, ending.Kind(), ending.Number());
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  RunEach({}, "private writable memory");
  if (!test::CanFilterSystemCalls()) {
    test::Say("not tried: seccomp filters are not permitted here");
    return 0;
  }
  RunEach(kMemory, "memory");
  RunEach(kMemoryAndUnmap, "memory and giving it back");
  return 0;
}
