// A library that allocates, for tests that load libraries in unusual ways. It also has dynamic
// thread-local storage, which the C library allocates for each thread that touches it.
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

namespace {

[[gnu::tls_model("global-dynamic")]] thread_local char large_thread_local[64 << 10];

}  // namespace

extern "C" {

[[gnu::visibility("default")]] void* plain_library_allocate(size_t size) { return malloc(size); }

[[gnu::visibility("default")]] void plain_library_free(void* block) { free(block); }

// Allocates, resizes and frees `rounds` blocks of growing size; returns how many held what was
// written to them.
[[gnu::visibility("default")]] int plain_library_rounds(int rounds) {
  int right = 0;
  for (int i = 0; i < rounds; ++i) {
    size_t size = 1 + static_cast<size_t>(i) * 97;
    char* block = static_cast<char*>(malloc(size));
    char* zeroed = static_cast<char*>(calloc(size, 1));
    if (block == nullptr || zeroed == nullptr) return right;
    memset(block, i, size);
    block = static_cast<char*>(realloc(block, size * 3));
    if (block == nullptr) return right;
    right += block[0] == static_cast<char>(i) && block[size - 1] == static_cast<char>(i) &&
             zeroed[0] == 0 && zeroed[size - 1] == 0;
    free(zeroed);
    free(block);
  }
  return right;
}

[[gnu::visibility("default")]] void plain_library_touch_thread_local() {
  asm volatile("" : : "r"(&large_thread_local[0]) : "memory");
  large_thread_local[100] = 1;
}

}  // extern "C"
