// The malloc that serves this process, where it may be another than ours: a program that defines
// malloc itself comes before every preloaded library, but seldom defines all that we do.
#ifndef BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_
#define BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_

#include <cstddef>

namespace bartizan::platform {

// Found out at the first call; the process's malloc may be called for that.
bool AnotherMallocServes();

// The process's own malloc, aligned_alloc, realloc and free, whoever provides them.
void* AllocateElsewhere(size_t bytes, size_t alignment);
void* ReallocateElsewhere(void* block, size_t bytes);
void FreeElsewhere(void* block);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_
