// The allocator under names of its own, for a program that links it without replacing malloc: the
// sanitizer builds of the tests, fuzz targets. The semantics are those of the C functions.
#ifndef BARTIZAN_SRC_API_EMBEDDED_H_
#define BARTIZAN_SRC_API_EMBEDDED_H_

#include <cstddef>

extern "C" {

void* bartizan_malloc(size_t bytes);
void* bartizan_calloc(size_t count, size_t bytes);
void* bartizan_realloc(void* block, size_t bytes);
void* bartizan_aligned_alloc(size_t alignment, size_t bytes);
void bartizan_free(void* block);
size_t bartizan_usable_size(void* block);

}  // extern "C"

#endif  // BARTIZAN_SRC_API_EMBEDDED_H_
