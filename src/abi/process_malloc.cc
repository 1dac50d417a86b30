// Here and not in src/platform: which malloc is ours is only known where it is defined.
#include "src/platform/process_malloc.h"

#include <cstdlib>

extern "C" [[gnu::visibility("hidden")]] void* bartizan_own_malloc(size_t bytes) noexcept;

namespace bartizan::platform {

bool AnotherMallocServes() {
  // The first name is resolved by the dynamic linker for the whole process, the second is ours.
  void* (*volatile serving)(size_t) = &std::malloc;
  return serving != &bartizan_own_malloc;
}

void* AllocateElsewhere(size_t bytes, size_t alignment) {
  return alignment == 0 ? std::malloc(bytes) : std::aligned_alloc(alignment, bytes);
}

void FreeElsewhere(void* block) { std::free(block); }

}  // namespace bartizan::platform
