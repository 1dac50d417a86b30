// A program that brings a malloc of its own, but nothing for aligned blocks: there are none then
// that its free would know, and whoever asks for one is told so.
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include <new>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"

namespace {

constexpr size_t kArenaBytes = size_t{16} << 20;
alignas(64) char arena[kArenaBytes];
size_t used = 0;

}  // namespace

// Visible to the libraries, as programs are usually compiled.
#define VISIBLE [[gnu::visibility("default")]]

extern "C" {

VISIBLE void* malloc(size_t bytes) {
  void* const block = arena + used;
  used += (bytes + 63) / 64 * 64;
  return used <= kArenaBytes ? block : nullptr;
}
VISIBLE void* calloc(size_t count, size_t bytes) { return malloc(count * bytes); }
VISIBLE void free(void*) {}
}

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  errno = 0;
  EXPECT(test::Opaque(memalign(4096, 100)) == nullptr && errno == ENOMEM, "errno %d", errno);
  EXPECT(test::Opaque(aligned_alloc(64, 64)) == nullptr, "aligned_alloc");
  void* block = arena;
  EXPECT(posix_memalign(&block, 64, 64) == ENOMEM && block == arena, "posix_memalign");
  EXPECT(test::Opaque(::operator new(64, std::align_val_t{256}, std::nothrow)) == nullptr,
         "aligned new");
  char* const plain = static_cast<char*>(::operator new(64));
  EXPECT(plain >= arena && plain < arena + kArenaBytes, "new is not the program's malloc");
  ::operator delete(plain);
  return 0;
}
