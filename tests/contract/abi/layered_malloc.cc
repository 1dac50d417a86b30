// A program whose own malloc is a layer over the C library's: what it leads to is Bartizan's, with
// all that belongs to it, from the layer's first call on. It defines no aligned_alloc.
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"

extern "C" {

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void __libc_free(void* block);

#define VISIBLE [[gnu::visibility("default")]]

VISIBLE void* malloc(size_t bytes) { return __libc_malloc(bytes); }
VISIBLE void* calloc(size_t count, size_t bytes) { return __libc_calloc(count, bytes); }
VISIBLE void* realloc(void* block, size_t bytes) { return __libc_realloc(block, bytes); }
VISIBLE void free(void* block) { __libc_free(block); }

}  // extern "C"

namespace {

// As the kernel has it; sigaction tells what the program has set.
bool SomebodyHandlesFaults() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    uint64_t mask;
  } action = {};
  EXPECT(syscall(SYS_rt_sigaction, SIGSEGV, nullptr, &action, sizeof action.mask) == 0,
         "rt_sigaction");
  return action.handler != SIG_DFL;
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  ::operator delete(test::Opaque(::operator new(64)));
  void* block = nullptr;
  EXPECT(posix_memalign(&block, 256, 100) == 0, "posix_memalign");
  EXPECT(reinterpret_cast<uintptr_t>(block) % 256 == 0, "not aligned");
  free(block);
  free(malloc(100));
  EXPECT(SomebodyHandlesFaults(), "accesses to guards would not be reported");
  return 0;
}
