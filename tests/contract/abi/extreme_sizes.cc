// Sizes at the edges: nothing above PTRDIFF_MAX is ever given, sums and products that wrap are
// seen, malloc(0) is a block like others, and realloc to 0 frees as the C library's does.
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/pattern.h"

namespace {

void Refused(const void* block, const char* function, size_t size) {
  EXPECT(block == nullptr, "%s(%zu) gave %p", function, size, block);
  EXPECT(errno == ENOMEM, "%s(%zu): errno %d", function, size, errno);
  errno = 0;
}

// Every function with a size that no system can give.
void TryImpossible(size_t size) {
  size = test::OpaqueSize(size);
  errno = 0;
  Refused(test::Opaque(malloc(size)), "malloc", size);
  Refused(test::Opaque(calloc(size, 1)), "calloc", size);
  Refused(test::Opaque(calloc(1, size)), "calloc", size);
  Refused(test::Opaque(valloc(size)), "valloc", size);
  Refused(test::Opaque(pvalloc(size)), "pvalloc", size);
  Refused(test::Opaque(reallocarray(nullptr, size, 1)), "reallocarray", size);
  for (size_t alignment = 16; alignment <= (4 << 20); alignment *= 4) {
    Refused(test::Opaque(memalign(alignment, size)), "memalign", size);
    Refused(test::Opaque(aligned_alloc(test::OpaqueSize(alignment), size)), "aligned_alloc", size);
    void* block = nullptr;
    int result = posix_memalign(&block, alignment, size);
    EXPECT(result == ENOMEM, "posix_memalign(%zu, %zu) returned %d", alignment, size, result);
  }
  errno = 0;
  for (size_t old : {size_t{0}, size_t{100}, size_t{200000}}) {
    void* block = test::Opaque(malloc(old));
    test::Fill(block, old, 1);
    Refused(test::Opaque(realloc(test::Opaque(block), size)), "realloc", size);
    Refused(test::Opaque(reallocarray(test::Opaque(block), size, 1)), "reallocarray", size);
    test::Check("block after a refused realloc", block, old, 1);
    free(block);
    errno = 0;
  }
}

// A large alignment plus the size may wrap where neither does alone.
void TrySumsThatWrap() {
  for (size_t alignment = 64; alignment <= (size_t{1} << 62); alignment *= 2) {
    for (size_t size : {SIZE_MAX - alignment, SIZE_MAX - alignment + 1, SIZE_MAX - alignment + 2,
                        SIZE_MAX - alignment / 2, static_cast<size_t>(PTRDIFF_MAX) - alignment + 1,
                        static_cast<size_t>(PTRDIFF_MAX)}) {
      errno = 0;
      Refused(test::Opaque(memalign(test::OpaqueSize(alignment), test::OpaqueSize(size))),
              "memalign", size);
    }
  }
}

void TryProducts() {
  constexpr size_t kHalf = SIZE_MAX / 2 + 1;
  constexpr size_t kRoot = size_t{1} << 32;
  constexpr size_t kProducts[][2] = {
      {kHalf, 2},           {2, kHalf},     {kRoot, kRoot},     {kRoot + 1, kRoot},
      {SIZE_MAX, 2},        {2, SIZE_MAX},  {SIZE_MAX / 3, 4},  {SIZE_MAX / 16 + 1, 16},
      {SIZE_MAX, SIZE_MAX}, {kHalf, kHalf}, {SIZE_MAX / 8, 24}, {kRoot * 8 + 1, kRoot / 8},
  };
  void* block = test::Opaque(malloc(100));
  test::Fill(block, 100, 1);
  for (const auto& [count, size] : kProducts) {
    errno = 0;
    Refused(test::Opaque(calloc(test::OpaqueSize(count), test::OpaqueSize(size))), "calloc", count);
    size_t hidden = test::OpaqueSize(size);
    Refused(test::Opaque(reallocarray(test::Opaque(block), count, hidden)), "reallocarray", count);
    test::Check("block after a refused reallocarray", block, 100, 1);
  }
  block = reallocarray(block, 30, 40);
  EXPECT(block != nullptr, "reallocarray(30, 40)");
  test::Check("block after reallocarray", block, 100, 1);
  test::Fill(block, 1200, 2);
  free(block);
}

void TryZero() {
  constexpr int kBlocks = 1000;
  static void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; ++i) {
    switch (i % 4) {
      case 0:
        blocks[i] = malloc(test::OpaqueSize(0));
        break;
      case 1:
        blocks[i] = calloc(test::OpaqueSize(0), 8);
        break;
      case 2:
        blocks[i] = realloc(nullptr, test::OpaqueSize(0));
        break;
      default:
        blocks[i] = memalign(64, test::OpaqueSize(0));
        break;
    }
    EXPECT(blocks[i] != nullptr, "a block of no bytes is null");
  }
  for (int i = 0; i < kBlocks; ++i) {
    for (int j = 0; j < i; ++j) EXPECT(blocks[i] != blocks[j], "%p was given twice", blocks[i]);
  }
  for (int i = 0; i < kBlocks; ++i) {
    if (i % 2 == 0) {
      blocks[i] = realloc(blocks[i], 100);
      EXPECT(blocks[i] != nullptr, "realloc of a block of no bytes");
      test::Fill(blocks[i], 100, static_cast<uint64_t>(i));
    }
  }
  for (int i = 0; i < kBlocks; ++i) {
    if (i % 2 == 0) test::Check("grown block", blocks[i], 100, static_cast<uint64_t>(i));
    free(blocks[i]);
  }
}

void ReallocToZeroFrees() {
  for (size_t size : {size_t{10}, size_t{1000}, size_t{100000}, size_t{3} << 20}) {
    // It must really free: a leak of this many blocks would not fit.
    for (int i = 0; i < 20000; ++i) {
      void* block = malloc(size);
      EXPECT(block != nullptr, "malloc(%zu) failed in round %d", size, i);
      void* rest = test::Opaque(realloc(block, test::OpaqueSize(0)));
      EXPECT(rest == nullptr, "realloc(%zu bytes, 0) gave %p", size, rest);
    }
  }
  void* block = malloc(100);
  EXPECT(reallocarray(block, test::OpaqueSize(0), 8) == nullptr, "reallocarray of 0 gave a block");
}

void ZeroIsInaccessible() {
  test::Ending ending = test::RunInChild("writing to malloc(0)", [] {
    test::NoCoreDump();
    volatile char* block = static_cast<char*>(malloc(test::OpaqueSize(0)));
    *block = 1;
  });
  EXPECT(ending.Signaled(SIGSEGV), "writing to malloc(0): %s %d", ending.Kind(), ending.Number());
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  for (size_t below = 1; below <= 65536; below += below < 300 ? 1 : 997) {
    TryImpossible(size_t{0} - below);
  }
  TryImpossible(size_t{0} - 65536);
  constexpr size_t kMost = PTRDIFF_MAX;
  for (size_t distance : {0, 1, 2, 15, 16, 17, 100, 4095, 4096, 4097, 65536}) {
    TryImpossible(kMost + distance);
    TryImpossible(kMost - distance);
  }
  TrySumsThatWrap();
  TryProducts();
  TryZero();
  if (test::UnderBartizan() || test::UnderGlibc()) {
    ReallocToZeroFrees();
  } else {
    test::Say("not tried: realloc to 0 (allocators differ)");
  }
  if (test::UnderBartizan()) ZeroIsInaccessible();
  return 0;
}
