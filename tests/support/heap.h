// The heap that a stress test exercises.
//
// heap_libc.cc calls the C library's functions, which a preloaded allocator replaces.
// heap_engine.cc calls an engine that is linked into the program beside the C library's heap, which
// sanitizers need. The tests' own bookkeeping uses the C library's heap in both.
#ifndef BARTIZAN_TESTS_SUPPORT_HEAP_H_
#define BARTIZAN_TESTS_SUPPORT_HEAP_H_

#include <stddef.h>

#include "bartizan/bartizan.h"

namespace test {

void* Malloc(size_t size);
void Free(void* block);
void* Realloc(void* block, size_t size);
void* Calloc(size_t count, size_t size);
// `alignment` is a power of two; any size.
void* AlignedAlloc(size_t alignment, size_t size);
size_t UsableSize(void* block);

// The heap's own figures; false where it has none.
bool Statistics(bartizan_statistics* statistics);

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_HEAP_H_
