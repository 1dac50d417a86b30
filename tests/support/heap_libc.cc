// The heap under test is what the C library's names resolve to: preload an allocator to test it.
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#include "tests/support/heap.h"

namespace test {

void* Malloc(size_t size) { return malloc(size); }
void Free(void* block) { free(block); }
void* Realloc(void* block, size_t size) { return realloc(block, size); }
void* Calloc(size_t count, size_t size) { return calloc(count, size); }
void* AlignedAlloc(size_t alignment, size_t size) { return memalign(alignment, size); }
size_t UsableSize(void* block) { return malloc_usable_size(block); }

bool Statistics(bartizan_statistics* statistics) {
  using Function = int(bartizan_statistics*);
  auto* function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, "bartizan_get_statistics"));
  if (function == nullptr) return false;
  *statistics = {};
  statistics->struct_bytes = sizeof *statistics;
  return function(statistics) == 0;
}

}  // namespace test
