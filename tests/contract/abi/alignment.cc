// Alignment: 16 for every size of every function without an alignment; every power of two up to
// 4 MiB times many sizes for those with one; what happens with alignments that are none.
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include <initializer_list>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/pattern.h"
#include "tests/support/process_memory.h"
#include "tests/support/random.h"

namespace {

constexpr size_t kLargestAlignment = 4 << 20;
constexpr size_t kSizes[] = {0,    1,     8,     15,     16,     17,      40,
                             63,   64,    65,    100,    1000,   4095,    4096,
                             4097, 10000, 65536, 100000, 262144, 1048577, 5 << 20};
constexpr size_t kCount = sizeof kSizes / sizeof kSizes[0];

bool Aligned(const void* block, size_t alignment) {
  return reinterpret_cast<uintptr_t>(block) % alignment == 0;
}

void SixteenForEverySize() {
  for (size_t size = 0; size < 5000; ++size) {
    void* block = test::Opaque(malloc(size));
    void* zeroed = test::Opaque(calloc(1, size));
    EXPECT(block != nullptr && zeroed != nullptr, "malloc(%zu) failed", size);
    EXPECT(Aligned(block, 16), "malloc(%zu) gave %p", size, block);
    EXPECT(Aligned(zeroed, 16), "calloc(%zu) gave %p", size, zeroed);
    void* grown = realloc(block, size + 13);
    EXPECT(grown != nullptr && Aligned(grown, 16), "realloc(%zu) gave %p", size + 13, grown);
    free(grown);
    free(zeroed);
  }
}

// All sizes of one alignment are live together, so that neighbours would show an overlap.
template <typename Allocate>
void TryAlignment(const char* function, size_t alignment, Allocate allocate) {
  void* blocks[kCount][2];
  for (size_t i = 0; i < kCount; ++i) {
    for (int copy = 0; copy < 2; ++copy) {
      void* block = allocate(alignment, kSizes[i]);
      EXPECT(block != nullptr, "%s(%zu, %zu) failed", function, alignment, kSizes[i]);
      EXPECT(Aligned(block, alignment), "%s(%zu, %zu) gave %p", function, alignment, kSizes[i],
             block);
      EXPECT(Aligned(block, 16) || alignment < 16, "%s(%zu, %zu) gave %p", function, alignment,
             kSizes[i], block);
      EXPECT(malloc_usable_size(block) >= kSizes[i], "malloc_usable_size is %zu of %zu",
             malloc_usable_size(block), kSizes[i]);
      test::FillSparse(block, kSizes[i], i * 2 + static_cast<size_t>(copy));
      blocks[i][copy] = block;
    }
  }
  for (size_t i = 0; i < kCount; ++i) {
    for (int copy = 0; copy < 2; ++copy) {
      uint64_t seed = i * 2 + static_cast<size_t>(copy);
      void* block = blocks[i][copy];
      test::CheckSparse("aligned block", block, kSizes[i], seed);
      if (copy == 1 && kSizes[i] <= 4096) {
        // realloc need not keep the alignment, but the contents and 16.
        block = realloc(block, kSizes[i] + 100);
        EXPECT(block != nullptr && Aligned(block, 16), "realloc gave %p", block);
        test::Check("reallocated aligned block", block, kSizes[i], seed);
      }
      free(block);
    }
  }
}

void* AlignedWithPosix(size_t alignment, size_t size) {
  void* block = nullptr;
  int result = posix_memalign(&block, alignment, size);
  EXPECT(result == 0, "posix_memalign(%zu, %zu) returned %d", alignment, size, result);
  return block;
}

void PosixMemalignRejects() {
  int place = 0;
  for (size_t alignment : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{4}, size_t{7},
                           size_t{12}, size_t{24}, size_t{40}, size_t{4097}, SIZE_MAX}) {
    void* block = &place;
    int result = posix_memalign(&block, test::OpaqueSize(alignment), 100);
    EXPECT(result == EINVAL, "posix_memalign(%zu) returned %d", alignment, result);
    EXPECT(block == &place, "posix_memalign(%zu) wrote the pointer", alignment);
  }
  void* block = &place;
  int result = posix_memalign(&block, 64, test::OpaqueSize(SIZE_MAX - 100));
  EXPECT(result == ENOMEM, "posix_memalign of an impossible size returned %d", result);
  EXPECT(block == &place, "posix_memalign of an impossible size wrote the pointer");
}

// The C library rounds an alignment up to a power of two, and refuses one above half the address
// space with EINVAL.
void MemalignIsLenient() {
  for (size_t alignment : {3, 24, 40, 100, 4097, 100000}) {
    size_t rounded = 16;
    while (rounded < alignment) rounded *= 2;
    void* block = test::Opaque(memalign(test::OpaqueSize(alignment), 100));
    EXPECT(block != nullptr && Aligned(block, rounded), "memalign(%zu) gave %p", alignment, block);
    free(block);
  }
  void* block = test::Opaque(memalign(test::OpaqueSize(0), 100));
  EXPECT(block != nullptr && Aligned(block, 16), "memalign(0) gave %p", block);
  free(block);
  errno = 0;
  block = test::Opaque(memalign(test::OpaqueSize(SIZE_MAX / 2 + 2), 1));
  EXPECT(block == nullptr && errno == EINVAL, "memalign of a huge alignment: errno %d", errno);
}

void PageFunctions() {
  size_t page = test::PageSize();
  for (size_t size : kSizes) {
    void* block = test::Opaque(valloc(size));
    EXPECT(block != nullptr && Aligned(block, page), "valloc(%zu) gave %p", size, block);
    test::FillSparse(block, size, 1);
    free(block);
    size_t whole = (size + page - 1) / page * page;
    block = test::Opaque(pvalloc(size));
    EXPECT(block != nullptr && Aligned(block, page), "pvalloc(%zu) gave %p", size, block);
    EXPECT(malloc_usable_size(block) >= whole, "pvalloc(%zu) has %zu usable bytes", size,
           malloc_usable_size(block));
    test::FillSparse(block, whole, 2);
    free(block);
  }
}

// malloc(0) between the others, and alignments above all sizes: many live at once.
void ManyAligned(uint64_t seed) {
  constexpr size_t kBlocks = 500;
  static void* blocks[kBlocks];
  static size_t sizes[kBlocks];
  test::Random random(seed);
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < kBlocks; ++i) {
      size_t alignment = size_t{1} << random.Below(17);
      sizes[i] = random.Logarithmic(1, 20000);
      blocks[i] = test::Opaque(memalign(alignment, sizes[i]));
      EXPECT(blocks[i] != nullptr && Aligned(blocks[i], alignment), "memalign(%zu, %zu) gave %p",
             alignment, sizes[i], blocks[i]);
      test::FillSparse(blocks[i], sizes[i], i);
    }
    for (size_t i = 0; i < kBlocks; ++i) {
      test::CheckSparse("aligned block", blocks[i], sizes[i], i);
      free(blocks[i]);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  uint64_t seed = arguments.Seed();
  arguments.RejectUnknown();
  SixteenForEverySize();
  for (size_t alignment = 1; alignment <= kLargestAlignment; alignment *= 2) {
    TryAlignment("memalign", alignment, [](size_t a, size_t n) { return memalign(a, n); });
    TryAlignment("aligned_alloc", alignment,
                 [](size_t a, size_t n) { return aligned_alloc(test::OpaqueSize(a), n); });
    if (alignment >= sizeof(void*)) TryAlignment("posix_memalign", alignment, AlignedWithPosix);
  }
  PosixMemalignRejects();
  PageFunctions();
  ManyAligned(seed);
  if (test::UnderBartizan() || test::UnderGlibc()) {
    MemalignIsLenient();
  } else {
    test::Say("not tried: alignments that are no power of two (undefined in this allocator)");
  }
  return 0;
}
