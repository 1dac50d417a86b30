// A library that brings operator new and delete along and calls its own, as one does that was
// linked with the C++ library's archive.
#include <stddef.h>
#include <stdlib.h>

#include <new>

#define BRINGS [[gnu::visibility("default")]]

BRINGS void* operator new(size_t size) { return malloc(size); }
BRINGS void* operator new[](size_t size) { return malloc(size); }
BRINGS void operator delete(void* block) noexcept { free(block); }
BRINGS void operator delete[](void* block) noexcept { free(block); }
BRINGS void operator delete(void* block, size_t) noexcept { free(block); }
BRINGS void operator delete[](void* block, size_t) noexcept { free(block); }

extern "C" {

BRINGS long* own_new_make() { return new long(1); }
BRINGS long* own_new_make_array() { return new long[100]{}; }
BRINGS void own_new_delete(long* block) { delete block; }
BRINGS void own_new_delete_array(long* block) { delete[] block; }

}  // extern "C"
