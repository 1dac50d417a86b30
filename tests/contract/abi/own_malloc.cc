// A program that brings a malloc of its own, as few functions of it as the C library asks for, and
// no operators: it comes before every preloaded library. All blocks then come from the program's
// malloc and go back there, whoever asks for them.
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <new>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"

namespace {

constexpr size_t kArenaBytes = size_t{64} << 20;
constexpr size_t kHeader = 16;
alignas(4096) char arena[kArenaBytes];
size_t used = 0;
size_t freed = 0;

bool IsInArena(const void* block) {
  const char* at = static_cast<const char*>(block);
  return at >= arena && at < arena + kArenaBytes;
}

void* Take(size_t alignment, size_t bytes) {
  const size_t at = (used + kHeader + alignment - 1) / alignment * alignment;
  if (bytes > kArenaBytes || at > kArenaBytes - bytes) return nullptr;
  used = at + bytes;
  memcpy(arena + at - sizeof bytes, &bytes, sizeof bytes);
  return arena + at;
}

size_t SizeOf(const void* block) {
  size_t bytes;
  memcpy(&bytes, static_cast<const char*>(block) - sizeof bytes, sizeof bytes);
  return bytes;
}

}  // namespace

// Visible to the libraries, as programs are usually compiled.
#define VISIBLE [[gnu::visibility("default")]]

extern "C" {

VISIBLE void* malloc(size_t bytes) { return Take(16, bytes); }
VISIBLE void* calloc(size_t count, size_t bytes) { return Take(16, count * bytes); }
VISIBLE void* realloc(void* block, size_t bytes) {
  void* const moved = Take(16, bytes);
  if (block == nullptr || moved == nullptr) return moved;
  const size_t before = SizeOf(block);
  memcpy(moved, block, before < bytes ? before : bytes);
  freed++;
  return moved;
}
VISIBLE void free(void* block) {
  if (block == nullptr) return;
  EXPECT(IsInArena(block), "the program's free got a block of somebody else");
  freed++;
}
VISIBLE void* aligned_alloc(size_t alignment, size_t bytes) { return Take(alignment, bytes); }
}

namespace {

void* Ours(void* block, const char* function) {
  EXPECT(block != nullptr, "%s: nothing", function);
  EXPECT(IsInArena(block), "%s: not a block of the program's malloc", function);
  memset(block, 'x', 64);
  return test::Opaque(block);
}

// Nothing is freed by anybody else than the program's free.
void Freed(size_t before, const char* function) {
  EXPECT(freed == before + 1, "%s did not lead to the program's free", function);
}

void Functions() {
  free(Ours(malloc(64), "malloc"));
  free(Ours(strdup("a text that is copied, longer than what is written over it afterwards"),
            "strdup"));
  free(Ours(memalign(4096, 100), "memalign"));
  void* block = nullptr;
  EXPECT(posix_memalign(&block, 64, 64) == 0, "posix_memalign");
  free(Ours(block, "posix_memalign"));
  block = Ours(reallocarray(nullptr, 8, 8), "reallocarray");
  free(Ours(reallocarray(block, 8, 80), "reallocarray of a block"));
}

void Operators() {
  size_t before = freed;
  ::operator delete(Ours(::operator new(64), "new"));
  Freed(before, "delete");
  before = freed;
  ::operator delete[](Ours(::operator new[](64, std::nothrow), "nothrow new[]"), size_t{64});
  Freed(before, "sized delete[]");
  before = freed;
  constexpr auto kAlignment = std::align_val_t{256};
  ::operator delete(Ours(::operator new(64, kAlignment), "aligned new"), kAlignment);
  Freed(before, "aligned delete");
  EXPECT(test::Opaque(::operator new(test::OpaqueSize(SIZE_MAX / 2), std::nothrow)) == nullptr,
         "nothrow new of an impossible size");
  bool refused = false;
  try {
    ::operator delete(test::Opaque(::operator new(test::OpaqueSize(SIZE_MAX / 2))));
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  EXPECT(refused, "new of an impossible size returned");
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  // Some, such as GNU Common Lisp's, are not ready then.
  EXPECT(freed == 0, "the program's free was called before main");
  Functions();
  Operators();
  return 0;
}
