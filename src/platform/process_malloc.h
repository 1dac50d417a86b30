// The malloc that serves this process, where it may be another than ours: a program that defines
// malloc itself comes before every preloaded library, but seldom defines all that we do.
#ifndef BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_
#define BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_

#include <cstddef>

namespace bartizan::platform {

// Known from the moment the library is relocated; never changes.
bool AnotherMallocServes();

// The process's own malloc, aligned_alloc and free, whoever provides them.
void* AllocateElsewhere(size_t bytes, size_t alignment);
void FreeElsewhere(void* block);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PROCESS_MALLOC_H_
