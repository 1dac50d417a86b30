// Memory for records: mappings of their own at random places, with nothing mapped beside them.
#ifndef BARTIZAN_SRC_METADATA_METADATA_MEMORY_H_
#define BARTIZAN_SRC_METADATA_METADATA_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "src/base/random.h"
#include "src/platform/memory.h"

namespace bartizan {

// Zeroed pages, outside of the address map's layout; where no random place is free, one that the
// kernel chooses. 0 when the system refuses. `bytes` is a multiple of the page size. What is not
// accessible at first is address space that is kept, and costs no memory.
uintptr_t ClaimMetadata(RandomStream& random, size_t bytes,
                        platform::Access access = platform::Access::kReadWrite);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_METADATA_MEMORY_H_
