// A library whose constructor and destructor allocate and free. The dynamic linker runs the
// constructor before those of the libraries and programs that depend on it; preloaded, it also
// stands beside the allocator in either order.
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

namespace {

constexpr size_t kSizes[] = {1, 24, 100, 5000, 300000};
constexpr size_t kCount = sizeof kSizes / sizeof kSizes[0];

void* blocks[kCount];

[[gnu::constructor(101)]] void AllocateAtStart() {
  for (size_t i = 0; i < kCount; ++i) {
    void* passing = malloc(kSizes[i]);
    blocks[i] = malloc(kSizes[i]);
    if (blocks[i] == nullptr || passing == nullptr) abort();
    memset(blocks[i], static_cast<int>(i + 1), kSizes[i]);
    free(passing);
  }
}

bool BlocksAreIntact() {
  for (size_t i = 0; i < kCount; ++i) {
    const char* bytes = static_cast<const char*>(blocks[i]);
    if (bytes == nullptr) return false;
    for (size_t at = 0; at < kSizes[i]; ++at) {
      if (bytes[at] != static_cast<char>(i + 1)) return false;
    }
  }
  return true;
}

[[gnu::destructor(101)]] void FreeAtEnd() {
  if (!BlocksAreIntact()) abort();
  for (void* block : blocks) free(block);
}

}  // namespace

extern "C" {

// How many blocks the constructor allocated that still hold what it wrote.
[[gnu::visibility("default")]] int startup_library_intact_blocks() {
  return BlocksAreIntact() ? static_cast<int>(kCount) : 0;
}

}  // extern "C"
