// How many bytes an instruction accesses in memory.
#ifndef BARTIZAN_SRC_PLATFORM_ACCESS_SIZE_H_
#define BARTIZAN_SRC_PLATFORM_ACCESS_SIZE_H_

#include <cstddef>
#include <cstdint>

namespace bartizan::platform {

// Of the instruction at `code`, as compilers use it to load and store; 0 for all others. Reads no
// more than 15 bytes, and of a page of which the first byte can be read.
size_t AccessBytes(const uint8_t* code);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_ACCESS_SIZE_H_
