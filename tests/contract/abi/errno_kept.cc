// errno: free never changes it, also when the system calls inside fail; a successful allocation
// leaves it alone; a failed one sets ENOMEM.
#include <errno.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <initializer_list>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/process_memory.h"
#include "tests/support/system_calls.h"

namespace {

constexpr int kSentinel = 12345;
constexpr size_t kSizes[] = {0,     1,      24,     100,     1000,    4096,    20000,
                             70000, 140000, 300000, 1 << 20, 5 << 20, 20 << 20};
constexpr size_t kAlignments[] = {16, 64, 4096, 65536, 2 << 20};
constexpr int kPerSize = 40;

void* Expect(void* block, const char* function, size_t size) {
  EXPECT(block != nullptr, "%s(%zu) failed", function, size);
  EXPECT(errno == kSentinel, "%s(%zu) changed errno to %d", function, size, errno);
  return block;
}

void FreeAndCheck(void* block, const char* what, size_t size) {
  errno = kSentinel;
  free(block);
  EXPECT(errno == kSentinel, "free of %s of %zu bytes changed errno to %d", what, size, errno);
}

void SuccessLeavesErrno() {
  errno = kSentinel;
  for (size_t size : kSizes) {
    for (int i = 0; i < 8; ++i) {
      void* block = Expect(malloc(size), "malloc", size);
      block = Expect(realloc(block, size + 1), "realloc", size + 1);
      block = Expect(realloc(block, 3 * size + 1), "realloc", 3 * size + 1);
      block = Expect(realloc(block, 1), "realloc", 1);
      void* zeroed = Expect(calloc(size, 1), "calloc", size);
      malloc_usable_size(zeroed);
      EXPECT(errno == kSentinel, "malloc_usable_size changed errno");
      for (size_t alignment : kAlignments) {
        void* aligned = Expect(memalign(alignment, size), "memalign", size);
        FreeAndCheck(aligned, "an aligned block", size);
      }
      FreeAndCheck(zeroed, "a calloc block", size);
      FreeAndCheck(block, "a block", size);
    }
  }
  FreeAndCheck(nullptr, "null", 0);
}

void Refused(const void* block, const char* function) {
  EXPECT(block == nullptr, "%s of an impossible size gave %p", function, block);
  EXPECT(errno == ENOMEM, "%s of an impossible size: errno %d", function, errno);
  errno = kSentinel;
}

void FailureSetsEnomem() {
  size_t impossible = test::OpaqueSize(SIZE_MAX - 5000);
  void* block = test::Opaque(malloc(10));
  errno = kSentinel;
  Refused(test::Opaque(malloc(impossible)), "malloc");
  Refused(test::Opaque(calloc(impossible, 2)), "calloc");
  Refused(test::Opaque(memalign(64, impossible)), "memalign");
  Refused(test::Opaque(realloc(test::Opaque(block), impossible)), "realloc");
  free(test::Opaque(block));
}

// Allocates first, then makes every call fail that an allocator may use to give memory back.
void FreeWhileCallsFail(int error) {
  constexpr int kFailing[] = {SYS_munmap,    SYS_mmap,       SYS_mprotect, SYS_madvise,
                              SYS_mremap,    SYS_mbind,      SYS_getcpu,   SYS_getrandom,
                              SYS_prlimit64, SYS_sched_yield};
  constexpr size_t kCount = sizeof kSizes / sizeof kSizes[0];
  static void* blocks[kCount][kPerSize];
  static void* aligned[kCount][kPerSize];
  for (size_t s = 0; s < kCount; ++s) {
    for (int i = 0; i < kPerSize; ++i) {
      blocks[s][i] = test::Opaque(malloc(kSizes[s]));
      aligned[s][i] = test::Opaque(memalign(kAlignments[i % 5], kSizes[s]));
    }
  }
  test::SystemCallFilter filter(SECCOMP_RET_ALLOW);
  EXPECT(filter.FailWith(kFailing, error).Install(), "seccomp: errno %d", errno);
  for (size_t s = 0; s < kCount; ++s) {
    for (int i = 0; i < kPerSize; ++i) {
      FreeAndCheck(blocks[s][i], "a block, while calls fail,", kSizes[s]);
      FreeAndCheck(aligned[s][i], "an aligned block, while calls fail,", kSizes[s]);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  SuccessLeavesErrno();
  FailureSetsEnomem();
  if (!test::CanFilterSystemCalls()) {
    test::Say("not tried: failing system calls (seccomp filters are not permitted here)");
    return 0;
  }
  for (int error : {EPERM, ENOMEM, EINVAL}) {
    test::Ending ending =
        test::RunInChild("frees while system calls fail", [=] { FreeWhileCallsFail(error); });
    EXPECT(ending.Clean(), "frees while system calls fail with errno %d: %s %d", error,
           ending.Kind(), ending.Number());
  }
  return 0;
}
