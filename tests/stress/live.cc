// Very many objects of mixed sizes live at once, freed in random order, half of them replaced once:
// `live [--count=N]`.
#include <memory>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/process_memory.h"
#include "tests/support/progress.h"
#include "tests/support/working_set.h"

namespace {

// Mostly what programs hold by the million, with some larger ones among them.
size_t ObjectSize(test::Random& random) {
  if (random.OneIn(1000)) return random.Logarithmic(4096, 128 << 10);
  return random.OneIn(8) ? random.Between(256, 2048) : random.Between(1, 128);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  size_t count = arguments.Amount("count", 2000000, 10000000);
  arguments.RejectUnknown();
  test::Progress progress("live objects", 4 * count);
  std::vector<test::Block> blocks(count);
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    blocks[i].Allocate(ObjectSize(random), random.Next());
    bytes += blocks[i].size;
    progress.At(i);
  }
  test::Say("%zu objects, %.0f MiB, resident %.0f MiB", count, test::Mebibytes(bytes),
            test::Mebibytes(test::ResidentBytes()));
  test::Shuffle(blocks.data(), count, random);
  for (size_t i = 0; i < count; ++i) {
    blocks[i].CheckContents();
    if (i % 2 == 0) blocks[i].Release();
    progress.At(count + i);
  }
  for (size_t i = 0; i < count; i += 2) {
    blocks[i].Allocate(ObjectSize(random), random.Next());
    progress.At(2 * count + i);
  }
  test::Shuffle(blocks.data(), count, random);
  for (size_t i = 0; i < count; ++i) {
    blocks[i].CheckContents();
    blocks[i].Release();
    progress.At(3 * count + i);
  }
  return 0;
}
