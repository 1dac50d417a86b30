// The heap under test is Bartizan's engine, linked in beside the C library's heap.
#include "src/api/embedded.h"
#include "tests/support/heap.h"

namespace test {

void* Malloc(size_t size) { return bartizan_malloc(size); }
void Free(void* block) { bartizan_free(block); }
void* Realloc(void* block, size_t size) { return bartizan_realloc(block, size); }
void* Calloc(size_t count, size_t size) { return bartizan_calloc(count, size); }
void* AlignedAlloc(size_t alignment, size_t size) {
  return bartizan_aligned_alloc(alignment, size);
}
size_t UsableSize(void* block) { return bartizan_usable_size(block); }

bool Statistics(bartizan_statistics* statistics) {
  *statistics = {};
  statistics->struct_bytes = sizeof *statistics;
  return bartizan_get_statistics(statistics) == 0;
}

}  // namespace test
