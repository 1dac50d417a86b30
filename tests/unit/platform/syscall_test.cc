// Direct system calls, and symbols of loaded libraries.
#include "src/platform/syscall.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "src/platform/dynamic_symbol.h"

namespace bartizan::platform {
namespace {

TEST(Syscall, ReturnsWhatTheKernelReturns) {
  EXPECT_EQ(Syscall(SYS_getpid), getpid());
  int ends[2];
  ASSERT_EQ(Syscall(SYS_pipe2, ends, O_CLOEXEC), 0);
  EXPECT_EQ(Syscall(SYS_write, ends[1], "four", 4), 4);
  char text[8];
  EXPECT_EQ(Syscall(SYS_read, ends[0], text, sizeof text), 4);
  EXPECT_EQ(std::string(text, 4), "four");
  Syscall(SYS_close, ends[0]);
  Syscall(SYS_close, ends[1]);
}

TEST(Syscall, FailuresAreNegativeAndLeaveErrnoAlone) {
  errno = 4711;
  EXPECT_EQ(Syscall(SYS_close, -1), -EBADF);
  EXPECT_EQ(Syscall(SYS_openat, AT_FDCWD, "/no/such/file", O_RDONLY, 0), -ENOENT);
  EXPECT_EQ(Syscall(SYS_madvise, 0, size_t{4096}, 9999), -EINVAL);
  EXPECT_EQ(errno, 4711);
}

// All six arguments arrive, null pointers and numbers that need all bits among them.
TEST(Syscall, PassesSixArguments) {
  const long place = Syscall(SYS_mmap, nullptr, size_t{4096}, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_GT(place, 0);
  *reinterpret_cast<char*>(place) = 1;
  // The sixth: an offset that is no multiple of a page is refused.
  EXPECT_EQ(Syscall(SYS_mmap, nullptr, size_t{4096}, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1),
            -EINVAL);
  // The fifth: a descriptor that is not open.
  EXPECT_EQ(Syscall(SYS_mmap, nullptr, size_t{4096}, PROT_READ, MAP_PRIVATE, -1, 0), -EBADF);
  EXPECT_EQ(Syscall(SYS_munmap, place, size_t{4096}), 0);
}

TEST(SymbolOfLoadedLibrary, FindsWhatIsLoadedAndLoadsNothing) {
  using GetPid = pid_t (*)();
  const auto found = reinterpret_cast<GetPid>(SymbolOfLoadedLibrary("libc.so.6", "getpid"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found(), getpid());
  EXPECT_EQ(SymbolOfLoadedLibrary("libc.so.6", "no_such_function"), nullptr);
  constexpr char kAbsent[] = "libnuma.so.1";
  ASSERT_EQ(dlopen(kAbsent, RTLD_LAZY | RTLD_NOLOAD), nullptr);
  EXPECT_EQ(SymbolOfLoadedLibrary(kAbsent, "numa_available"), nullptr);
  EXPECT_EQ(dlopen(kAbsent, RTLD_LAZY | RTLD_NOLOAD), nullptr) << "it was loaded";
}

}  // namespace
}  // namespace bartizan::platform
