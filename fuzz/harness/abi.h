// The functions that the libraries export, from malloc to operator delete, beside the process's own
// of the same names: renamed.bzl has put a prefix in front of their symbols. By the names of
// <stdlib.h>, <malloc.h> and C++'s operators.
#ifndef BARTIZAN_FUZZ_HARNESS_ABI_H_
#define BARTIZAN_FUZZ_HARNESS_ABI_H_

#include <malloc.h>
#include <stdio.h>

#include <cstddef>
#include <new>

#include "src/metadata/slot_state.h"

namespace fuzz::abi {

void* Malloc(size_t) asm("abi_malloc");
void* Calloc(size_t, size_t) asm("abi_calloc");
void* Realloc(void*, size_t) asm("abi_realloc");
void* ReallocArray(void*, size_t, size_t) asm("abi_reallocarray");
void* AlignedAlloc(size_t, size_t) asm("abi_aligned_alloc");
void* Memalign(size_t, size_t) asm("abi_memalign");
int PosixMemalign(void**, size_t, size_t) asm("abi_posix_memalign");
void* Valloc(size_t) asm("abi_valloc");
void* Pvalloc(size_t) asm("abi_pvalloc");
void Free(void*) asm("abi_free");
void FreeSized(void*, size_t) asm("abi_free_sized");
void FreeAlignedSized(void*, size_t, size_t) asm("abi_free_aligned_sized");
size_t MallocUsableSize(void*) asm("abi_malloc_usable_size");
int MallocTrim(size_t) asm("abi_malloc_trim");
int MallOpt(int, int) asm("abi_mallopt");
struct mallinfo MallInfo() asm("abi_mallinfo");
struct mallinfo2 MallInfo2() asm("abi_mallinfo2");
int MallocInfo(int, FILE*) asm("abi_malloc_info");
void MallocStats() asm("abi_malloc_stats");

// What a block was asked for, and by which of the functions that make such blocks.
struct Request {
  size_t alignment;  // 16: none was asked for
  size_t size;
  unsigned form;
};
// What came of it.
struct Answer {
  void* block;
  bartizan::Family family;
  size_t size;       // at least what was asked for: pvalloc rounds up
  bool zero;         // promised
  bool was_refused;  // in the way that this function refuses: errno, result or exception
};

// Asks any of the functions that can serve the alignment.
Answer Allocate(const Request& request);
// Releases with any of the functions that may release such a block.
void Release(void* block, bartizan::Family family, size_t alignment, size_t size, unsigned form);

}  // namespace fuzz::abi

#endif  // BARTIZAN_FUZZ_HARNESS_ABI_H_
