// malloc_usable_size: 0 for null, at least the request, and every byte that it promises may be
// written and read, survives beside its neighbours, and is kept by realloc.
//
// A program built with _FORTIFY_SOURCE=3 knows the requested size at run time and aborts when it
// writes more, although malloc_usable_size promised it. With `--exact` the two must be equal.
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/arguments.h"
#include "tests/support/pattern.h"

namespace {

constexpr size_t kBlocks = 64;

bool exact = false;

void CheckSize(size_t size, size_t usable) {
  EXPECT(usable >= size, "malloc_usable_size is %zu of %zu bytes", usable, size);
  EXPECT(!exact || usable == size, "malloc_usable_size is %zu of %zu bytes", usable, size);
}

// Writes all promised bytes of many neighbours, then checks all of them.
void EveryByteIsOurs(size_t size) {
  void* blocks[kBlocks];
  size_t usable[kBlocks];
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks[i] = test::Opaque(i % 2 == 0 ? malloc(size) : calloc(1, size));
    EXPECT(blocks[i] != nullptr, "malloc(%zu) failed", size);
    usable[i] = malloc_usable_size(blocks[i]);
    CheckSize(size, usable[i]);
    test::Fill(blocks[i], usable[i], i);
  }
  for (size_t i = 0; i < kBlocks; ++i) {
    EXPECT(malloc_usable_size(blocks[i]) == usable[i], "malloc_usable_size changed");
    test::Check("promised bytes", blocks[i], usable[i], i);
    if (i % 4 == 0) {
      blocks[i] = realloc(blocks[i], usable[i] + 1);
      EXPECT(blocks[i] != nullptr, "realloc(%zu) failed", usable[i] + 1);
      test::Check("promised bytes after realloc", blocks[i], usable[i], i);
      CheckSize(usable[i] + 1, malloc_usable_size(blocks[i]));
    }
    free(blocks[i]);
  }
}

// The call that _FORTIFY_SOURCE=3 makes of memset, spelt out so that no option is needed. The
// compiler must see where the block comes from: nothing hides it here.
[[gnu::noinline]] void FortifiedMemset(size_t size) {
  void* block = malloc(size);
  EXPECT(block != nullptr, "malloc(%zu) failed", size);
  size_t usable = malloc_usable_size(block);
  CheckSize(size, usable);
  if (usable == size) {
    __builtin___memset_chk(block, 0x5a, usable, __builtin_dynamic_object_size(block, 0));
    test::Opaque(block);
    EXPECT(test::AllBytesAre(block, usable, 0x5a), "memset of %zu bytes", usable);
  }
  free(block);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  exact = arguments.Flag("exact");
  arguments.RejectUnknown();
  EXPECT(malloc_usable_size(test::Opaque(static_cast<void*>(nullptr))) == 0,
         "malloc_usable_size of null");
  for (size_t size = 0; size <= 1200; ++size) EveryByteIsOurs(size);
  for (size_t size = 1200; size <= (2 << 20); size += size / 5) EveryByteIsOurs(size);
  for (size_t size = 1; size <= 300000; size += 1 + size / 20) {
    FortifiedMemset(test::OpaqueSize(size));
  }
  return 0;
}
