// What tells our own malloc from another one of the same name.
#ifndef BARTIZAN_SRC_ABI_OWN_MALLOC_H_
#define BARTIZAN_SRC_ABI_OWN_MALLOC_H_

#include <cstddef>

// Our malloc by a name that cannot be interposed.
extern "C" [[gnu::visibility("hidden")]] void* bartizan_own_malloc(size_t bytes) noexcept;

namespace bartizan {

// Ours serves, whatever was found out before.
void ServeFromNowOn();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ABI_OWN_MALLOC_H_
