// The malloc that serves this process, where it may be another than ours: a program that defines
// malloc itself comes before every preloaded library, but seldom defines all that we do.
#ifndef BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_
#define BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_

#include <cstddef>

namespace bartizan::platform {

// Found out at the first call; the process's malloc may be called for that.
bool AnotherMallocServes();

// Has `late` called once, should that change: when a malloc of the program's turns out to be a
// layer over ours. It must not allocate. For the library's constructors.
void WhenServing(void (*late)());

// The process's own malloc, aligned_alloc, realloc and free, whoever provides them.
void* AllocateElsewhere(size_t bytes, size_t alignment);
void* ReallocateElsewhere(void* block, size_t bytes);
void FreeElsewhere(void* block);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_
