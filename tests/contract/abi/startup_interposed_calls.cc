// The executable replaces mmap, munmap, mprotect, madvise, open, read, write and getrandom with
// functions that allocate, as tracing and sandboxing tools do. An allocator that calls one of them
// by name comes back to itself, perhaps with a lock held or before its own start-up is complete.
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

constinit std::atomic<int> calls = 0;
constinit std::atomic<int> deepest = 0;

// Only the first levels allocate: an allocator that must map memory to serve malloc calls mmap
// again, and so on; the recursion that is ours ends here, the allocator must survive the rest.
constexpr int kDepth = 3;
thread_local int depth = 0;

class Interposed {
 public:
  Interposed() {
    calls.fetch_add(1, std::memory_order_relaxed);
    if (++depth > kDepth) return;
    if (depth > deepest.load()) deepest = depth;
    // Volatile, so that the pair is not optimised away.
    void* volatile small_block = malloc(40);
    void* volatile medium_block = malloc(3000);
    free(small_block);
    free(medium_block);
  }
  ~Interposed() { --depth; }
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  Interposed interposed;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, size, protection, flags, file, offset));
}

int munmap(void* at, size_t size) noexcept {
  Interposed interposed;
  return static_cast<int>(syscall(SYS_munmap, at, size));
}

int mprotect(void* at, size_t size, int protection) noexcept {
  Interposed interposed;
  return static_cast<int>(syscall(SYS_mprotect, at, size, protection));
}

int madvise(void* at, size_t size, int advice) noexcept {
  Interposed interposed;
  return static_cast<int>(syscall(SYS_madvise, at, size, advice));
}

int open(const char* path, int flags, ...) {
  Interposed interposed;
  va_list arguments;
  va_start(arguments, flags);
  int mode = (flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t read(int file, void* buffer, size_t size) {
  Interposed interposed;
  return syscall(SYS_read, file, buffer, size);
}

ssize_t write(int file, const void* buffer, size_t size) {
  Interposed interposed;
  return syscall(SYS_write, file, buffer, size);
}

ssize_t getrandom(void* buffer, size_t size, unsigned flags) {
  Interposed interposed;
  return syscall(SYS_getrandom, buffer, size, flags);
}

}  // extern "C"
#pragma GCC visibility pop

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  test::Watchdog(60, "allocating with interposed system calls");
  auto use_heap = [](uint64_t seed) {
    test::Block blocks[64];
    test::WorkingSet set(blocks, test::BurstySize, seed);
    set.Steps(20000);
    set.ReleaseAll();
  };
  use_heap(1);
  std::thread first(use_heap, 2);
  std::thread second(use_heap, 3);
  first.join();
  second.join();
  int called = calls.load();
  // The program's own call proves that the functions above are the ones in force.
  char byte;
  EXPECT(getrandom(&byte, 1, 0) == 1, "getrandom failed");
  EXPECT(calls.load() > called, "the interposed functions are not in force");
  test::Say("%d interposed calls, %d deep", called, deepest.load());
  return 0;
}
