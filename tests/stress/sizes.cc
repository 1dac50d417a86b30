// Every size from 0 to 1 MiB, and every alignment from 1 to 4 MiB with many sizes. Each block's
// neighbours in time stay live, and their contents are checked when they go.
// `sizes [--step=N]`: beyond 4 KiB only every N-th size.
#include <stdint.h>

#include "tests/support/arguments.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

constexpr size_t kLargest = 1 << 20;
constexpr size_t kLargestAlignment = 4 << 20;
constexpr size_t kWindow = 32;

// Touching every page of every size would take most of the time: of large sizes, one in 64 is
// enough.
test::Coverage CoverageOf(size_t size) {
  return size <= 16384 || size % 64 == 0 ? test::Coverage::kEveryPage : test::Coverage::kEdges;
}

// The latest blocks; a new one takes the place of the oldest.
class Window {
 public:
  void Add(void* at, size_t size, size_t alignment) {
    EXPECT(at != nullptr, "no block of %zu bytes aligned to %zu", size, alignment);
    EXPECT(reinterpret_cast<uintptr_t>(at) % alignment == 0, "%p of %zu bytes not aligned to %zu",
           at, size, alignment);
    EXPECT(test::UsableSize(at) >= size, "%zu usable bytes of %zu", test::UsableSize(at), size);
    Remove(next_);
    test::Block& block = blocks_[next_];
    block.at = at;
    block.size = size;
    block.seed = ++count_;
    test::FillSparse(at, size, block.seed, CoverageOf(size));
    next_ = (next_ + 1) % kWindow;
  }

  void Clear() {
    for (size_t i = 0; i < kWindow; ++i) Remove(i);
  }

 private:
  void Remove(size_t i) {
    if (blocks_[i].at == nullptr) return;
    test::Block& block = blocks_[i];
    test::CheckSparse("block", block.at, block.size, block.seed, CoverageOf(block.size));
    block.Release();
  }

  test::Block blocks_[kWindow];
  size_t next_ = 0;
  uint64_t count_ = 0;
};

void EverySize(size_t step, test::Progress& progress) {
  Window window;
  for (size_t size = 0; size <= kLargest; size += size < 4096 ? 1 : step) {
    // Two neighbours of one size, and one that came by realloc from a different one.
    window.Add(test::Malloc(size), size, 16);
    window.Add(test::Malloc(size), size, 16);
    window.Add(test::Realloc(test::Malloc(size / 2 + 1), size == 0 ? 1 : size), size, 16);
    progress.At(size);
  }
  window.Add(test::Malloc(kLargest), kLargest, 16);
  window.Clear();
}

void EveryAlignment(size_t step) {
  Window window;
  for (size_t alignment = 1; alignment <= kLargestAlignment; alignment *= 2) {
    // Prime, so that the sizes differ in their low bits from one alignment to the next.
    for (size_t size = 0; size <= kLargest; size += size < 300 ? 7 : step * 31) {
      window.Add(test::AlignedAlloc(alignment, size), size, alignment);
    }
    for (size_t size : {alignment - 1, alignment, alignment + 1, alignment * 2 + 1}) {
      window.Add(test::AlignedAlloc(alignment, size), size, alignment);
      window.Add(test::Malloc(size), size, 16);
    }
  }
  window.Clear();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  arguments.Seed();
  size_t step = arguments.Number("step", arguments.Long() ? 1 : arguments.Short() ? 8191 : 509);
  arguments.RejectUnknown();
  EXPECT(step > 0, "--step must be above 0");
  test::Progress progress("sizes", kLargest);
  EverySize(step, progress);
  EveryAlignment(step);
  return 0;
}
